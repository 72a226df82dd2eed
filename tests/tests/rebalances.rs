//! Instances come and go under load, faster than partitions settle.

use anyhow::Result;
use foldline_tests::{Loaded, Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_that_come_and_go_lose_and_double_nothing() -> Result<()> {
    let mut loaded = Loaded::start().await?;
    for round in 0..4 {
        let third = loaded.system.add(Service::CommandApi).await?;
        let projector = loaded.system.add(Service::Projector).await?;
        let victim = loaded.owners[round % 2];
        loaded.system.kill(victim)?;
        loaded.system.restart(victim).await?;
        loaded.system.terminate(third).await?;
        loaded.system.kill(projector)?;
        loaded.flows(20).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
