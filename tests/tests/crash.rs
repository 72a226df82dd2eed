//! `kill -9` under load, a hundred times: what was acknowledged is there once, what was refused was
//! refused rightly, and a restart needs no repair.

use std::time::Duration;

use anyhow::{Result, ensure};
use foldline_tests::{Load, World, repository};

const KILLS: u64 = 100;
const CLIENTS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_by_a_hundred_kills() -> Result<()> {
    let mut world = World::start(repository("schemas"))?;
    let load = Load::start(world.client(), &[world.url("")], CLIENTS);
    for kill in 0..KILLS {
        // Some kills hit the start, some the middle of the load.
        tokio::time::sleep(Duration::from_millis(5 + kill * 37 % 200)).await;
        world.restart()?;
    }
    let seen = load.stop().await?;
    ensure!(seen.paid.len() as u64 > KILLS, "too little load to mean anything: {seen:?}");
    world.shows(&seen).await?;
    seen.once_each(&world.events().await?)?;
    world.verify()
}
