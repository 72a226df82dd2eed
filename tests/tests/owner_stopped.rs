//! An owner of partitions is asked to stop under load.

use anyhow::{Result, ensure};
use foldline_tests::Loaded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_owner_hands_over_and_answers_what_it_took() -> Result<()> {
    let mut loaded = Loaded::start().await?;
    for victim in loaded.owners {
        let status = loaded.system.terminate(victim).await?;
        ensure!(status.code() == Some(0), "{status}: {}", loaded.system.said(victim)?);
        loaded.flows(50).await?;
        loaded.system.restart(victim).await?;
        loaded.flows(50).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
