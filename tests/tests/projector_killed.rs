//! A projector is killed again and again under load.

use anyhow::Result;
use foldline_tests::Loaded;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_killed_between_rows_and_mark_halves_nothing() -> Result<()> {
    const PROJECTOR: usize = 1;
    let mut loaded = Loaded::start().await?;
    for _ in 0..12 {
        // Batches follow one another, so that a kill finds one at any of its places.
        loaded.flows(20).await?;
        loaded.system.kill(PROJECTOR)?;
        loaded.system.restart(PROJECTOR).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
