//! Commands while no projector runs, beside raw transactions and a bare handler.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use event_log::kafka::yardstick::{Groups, Yardstick};

use super::service::Service;
use super::world::World;
use crate::bench::drive::{Until, drive};
use crate::bench::process::Server;
use crate::bench::report::{Report, Row};
use crate::bench::scenarios::{BarePost, Place};

/// What counts as a cliff.
const CLIFF: Duration = Duration::from_millis(100);
const FEW: usize = 64;
const MANY: usize = 512;

/// Measures commands on `world` and answers the ids that were kept.
pub async fn measure(world: &World, time: Duration, report: &mut Report) -> Result<Vec<String>> {
    let raw = Arc::new(Yardstick::open(world.raw_log()).await?);
    let single = one_raw(&raw, time).await?;
    let commands = world.start("command-api").await?;
    let place = Arc::new(Place::patient());
    // Partitions are claimed at their first commands, which is measured with takeovers.
    drive(commands.address, FEW, Until::Elapsed(time), place.clone()).await?;
    one_by_one(&commands, time, single, &place, report).await?;
    grouped(&commands, world, (time, &raw), &place, report).await?;
    let most = many(&commands, time, &place, report).await?;
    half_load(&commands, time, most, &place, report).await?;
    Ok(place.ids())
}

/// The median of a raw transaction of one record and its read-back, in milliseconds.
async fn one_raw(raw: &Arc<Yardstick>, time: Duration) -> Result<f64> {
    let raw = raw.clone();
    let mut took = tokio::task::spawn_blocking(move || raw.one_by_one(time)).await??;
    ensure!(!took.is_empty(), "no raw transaction was committed in {time:?}");
    took.sort_unstable();
    Ok(took[took.len() / 2].as_secs_f64() * 1_000.0)
}

async fn one_by_one(
    commands: &Service,
    time: Duration,
    raw_ms: f64,
    place: &Arc<Place>,
    report: &mut Report,
) -> Result<()> {
    let outcome = drive(commands.address, 1, Until::Elapsed(time), place.clone()).await?;
    let p50 = outcome.percentile_ms(50.0);
    report.add(Row::plain(
        "raw transaction of one record, read back".into(),
        format!("{raw_ms:.2} ms"),
        "",
    ));
    report.add(Row {
        ratio: Some(p50 / raw_ms),
        figure: format!("{p50:.2} ms"),
        ..Row::of("durable commands, one at a time", &outcome, "<= 2.00 x raw")
    });
    Ok(())
}

/// 64 connections, beside raw group commits of the sizes that came about.
async fn grouped(
    commands: &Service,
    world: &World,
    (time, raw): (Duration, &Arc<Yardstick>),
    place: &Arc<Place>,
    report: &mut Report,
) -> Result<()> {
    let before = Committed::of(commands).await?;
    let outcome = drive(commands.address, FEW, Until::Elapsed(time), place.clone()).await?;
    let after = Committed::of(commands).await?;
    let size = (after.commands - before.commands) / (after.batches - before.batches).max(1.0);
    let (raw, partitions) = (raw.clone(), world.partitions());
    let sizes = sizes(size);
    let groups = move || raw.groups(partitions, &sizes, time);
    let Groups { records, .. } = tokio::task::spawn_blocking(groups).await??;
    let raw = records as f64 / time.as_secs_f64();
    report.add(Row::plain(
        format!("raw group commits of {size:.1} over {partitions} partitions"),
        format!("{raw:.0}/s"),
        "",
    ));
    report.add(Row {
        ratio: Some(outcome.per_second() / raw),
        ..Row::of("durable commands, 64 connections", &outcome, ">= 0.70 of raw")
    });
    Ok(())
}

/// What an instance has committed since it began.
struct Committed {
    commands: f64,
    batches: f64,
}

impl Committed {
    async fn of(commands: &Service) -> Result<Committed> {
        Ok(Committed {
            commands: commands.metric("foldline_commands_committed_total").await?,
            batches: commands.metric("foldline_commits_total").await?,
        })
    }
}

/// Whole sizes that come to this mean.
fn sizes(mean: f64) -> Vec<usize> {
    const ROUND: usize = 10;
    let total = (mean.max(1.0) * ROUND as f64).round() as usize;
    (0..ROUND).map(|at| (total * (at + 1)) / ROUND - (total * at) / ROUND).collect()
}

/// 512 connections beside the bare handler; how many commands a second there were.
async fn many(
    commands: &Service,
    time: Duration,
    place: &Arc<Place>,
    report: &mut Report,
) -> Result<f64> {
    let bare = Server::bare()?;
    let post = Arc::new(BarePost::new());
    let yardstick = drive(bare.address, MANY, Until::Elapsed(time), post).await?;
    drop(bare);
    report.add(Row::of("bare actix-web POST, 512 connections", &yardstick, ""));
    let outcome = drive(commands.address, MANY, Until::Elapsed(time), place.clone()).await?;
    report.add(Row {
        ratio: Some(outcome.per_second() / yardstick.per_second()),
        ..Row::of("durable commands, 512 connections", &outcome, ">= 0.25")
    });
    Ok(outcome.per_second())
}

async fn half_load(
    commands: &Service,
    time: Duration,
    most: f64,
    place: &Arc<Place>,
    report: &mut Report,
) -> Result<()> {
    // Long enough for rare stalls to show.
    let until = Until::Paced(time * 2, most / 2.0);
    let outcome = drive(commands.address, MANY / 2, until, place.clone()).await?;
    report.add(Row::of("durable commands at half of that", &outcome, "p99 < 30 ms"));
    report.add(Row::plain(
        "  answers that took over 100 ms, and the longest".into(),
        format!(
            "{} of {}, {:.0} ms",
            outcome.slower_than(CLIFF),
            outcome.calls,
            outcome.percentile_ms(100.0)
        ),
        "0",
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_come_to_their_mean() {
        assert_eq!(sizes(0.2), vec![1; 10]);
        assert_eq!(sizes(5.3).iter().sum::<usize>(), 53);
        assert!(sizes(5.3).iter().all(|size| (5..=6).contains(size)));
    }
}
