//! The `projector` program: events from Kafka, rows into a CQL database.

use std::process::ExitCode;

use foldline_projector::program::Settings;
use service::process::{DEADLINE, Failure, exit, within};

/// Requests are made on one thread and dropped on another, all day: an allocator made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    exit("projector", story().await)
}

async fn story() -> Result<(), Failure> {
    let settings = Settings::read();
    service::telemetry::log(&settings.log)?;
    let mut running = settings.build().await?;
    running.announce();
    let outcome = tokio::select! {
        () = service::drain::asked_to_stop() => Ok(()),
        failure = running.broken() => Err(failure),
    };
    within(DEADLINE, running.stop()).await;
    outcome
}
