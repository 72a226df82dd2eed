//! `foldline tail`: the event stream, decoded, as JSON lines.

use std::io::Write;
use std::sync::Arc;

use read_store::Position;

use crate::cli::{Failure, SystemArgs};
use crate::events::Cursor;

/// The settings of `foldline tail`.
#[derive(clap::Args, Debug)]
pub struct TailArgs {
    #[command(flatten)]
    system: SystemArgs,
    /// Start after this position instead of at the beginning
    #[arg(long)]
    after: Option<String>,
    /// Only events of this aggregate type
    #[arg(long)]
    aggregate: Option<String>,
    /// Go on waiting for new events at the end
    #[arg(long, short)]
    follow: bool,
}

/// Prints events until the end of the log, or, following it, until it is interrupted.
pub async fn tail(args: TailArgs) -> Result<(), Failure> {
    let system = args.system.open().await?;
    if let Some(name) = &args.aggregate
        && system.model.aggregate(name).is_none()
    {
        return Err(Failure::Input(format!("there is no aggregate `{name}`")));
    }
    let mut after = match &args.after {
        Some(text) => Position::parse(text).map_err(|error| Failure::Input(error.to_string()))?,
        None => Position::start(system.log.stream()),
    };
    if after.stream != system.log.stream() {
        let text = "--after: this position belongs to another log; leave it out to start over";
        return Err(Failure::Input(text.to_owned()));
    }
    loop {
        after = print(&system, after, args.aggregate.clone()).await?;
        if !args.follow {
            return Ok(());
        }
        something_new(&system, &after).await;
    }
}

/// Returns when some partition may hold more than what was printed.
async fn something_new(system: &crate::cli::System, after: &Position) {
    let partitions = system.log.partitions();
    let waits = partitions.iter().map(|partition| {
        let key = (Arc::clone(&partition.topic), partition.number);
        let next = after.offsets.get(&key).map_or(0, |offset| offset + 1);
        system.log.wait(partition, event_log::Offset(next))
    });
    futures::future::select_all(waits).await;
}

async fn print(
    system: &crate::cli::System,
    after: Position,
    aggregate: Option<String>,
) -> Result<Position, Failure> {
    let (model, log) = (Arc::clone(&system.model), Arc::clone(&system.log));
    let cursor = Cursor::new(model, log, after, aggregate).await;
    let mut cursor = cursor.map_err(|error| Failure::Unreachable(error.to_string()))?;
    while let Some(lines) = cursor.next_lines().await.map_err(Failure::Unreachable)? {
        if std::io::stdout().write_all(&lines).is_err() {
            // The reader of our output has gone.
            return Err(Failure::No(String::new()));
        }
    }
    Ok(cursor.reached())
}
