//! An owner of partitions is killed under load.

use anyhow::Result;
use foldline_tests::Loaded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_owner_is_followed_by_the_other_instance() -> Result<()> {
    let mut loaded = Loaded::start().await?;
    let [first, second] = loaded.owners;
    for victim in [first, second, first] {
        loaded.system.kill(victim)?;
        loaded.flows(50).await?;
        loaded.system.restart(victim).await?;
        loaded.flows(50).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
