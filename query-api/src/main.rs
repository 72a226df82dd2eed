//! The `query-api` program: rows from a CQL database, answers out.

use std::process::ExitCode;

use foldline_query_api::program::Settings;
use service::process::{DEADLINE, Failure, exit, within};

/// Requests are made on one thread and dropped on another, all day: an allocator made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    exit("query-api", story().await)
}

async fn story() -> Result<(), Failure> {
    let settings = Settings::read();
    service::telemetry::log(&settings.log)?;
    let running = settings.build().await?;
    running.announce();
    service::drain::asked_to_stop().await;
    within(DEADLINE, running.stop()).await;
    Ok(())
}
