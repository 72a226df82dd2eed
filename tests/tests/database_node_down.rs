//! One database node of three is killed under load, as by a power cut.

use anyhow::Result;
use foldline_tests::{Loaded, Parts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_and_reads_go_on_while_a_database_node_is_down() -> Result<()> {
    let nodes = Parts::three_nodes()?;
    let loaded = Loaded::start_on(nodes.parts.clone()).await?;
    for node in [1, 3] {
        let down = nodes.kill_database_node(node)?;
        loaded.flows(50).await?;
        down.come_back()?;
        loaded.flows(50).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
