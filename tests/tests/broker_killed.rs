//! One broker of three is killed under load, as by a power cut.

use anyhow::Result;
use foldline_tests::{Loaded, Parts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_flow_while_any_one_broker_is_away() -> Result<()> {
    let loaded = Loaded::start().await?;
    for broker in 1..=3 {
        let away = Parts::kill_broker(broker)?;
        loaded.flows(50).await?;
        away.come_back()?;
        loaded.flows(50).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
