//! An owner of partitions sleeps longer than its session, and wakes up under load.

use anyhow::Result;
use foldline_tests::Loaded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_wakes_up_after_its_session_answers_nothing_stale() -> Result<()> {
    let loaded = Loaded::start().await?;
    for victim in loaded.owners {
        loaded.system.signal(victim, "STOP")?;
        // All clients go on only when the other instance has taken its partitions over.
        let taken_over = loaded.flows(100).await;
        loaded.system.signal(victim, "CONT")?;
        taken_over?;
        loaded.flows(100).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
