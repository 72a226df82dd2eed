//! Each process of the smallest system that there is, as `make up` starts it, is killed in turn under
//! load and started again.

use anyhow::{Result, ensure};
use foldline_tests::{Loaded, Own, Parts, System, eventually};

/// Somebody reads while all that was killed is back. Whoever had lost a part finds it again within
/// moments, and asks for patience until then.
async fn reads_are_answered(loaded: &Loaded) -> Result<()> {
    let answer = eventually(async || {
        let answer = loaded.system.get("/views/orders-by-customer?customer=c-1").await?;
        Ok((answer.status != 503).then_some(answer))
    });
    let answer = answer.await?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_of_one_process_each_outlives_the_kill_of_any() -> Result<()> {
    const SERVICES: [usize; 3] = [0, 1, 2];
    let nodes = Parts::one_of_each()?;
    let system = System::of_orders(nodes.parts.clone()).await?;
    let mut loaded = Loaded::with(system, [0, 0]).await?;
    for service in SERVICES {
        loaded.system.kill(service)?;
        loaded.system.restart(service).await?;
        loaded.flows(50).await?;
        reads_are_answered(&loaded).await?;
    }
    for kill in [Own::kill_broker, Own::kill_database_node] {
        kill(&nodes, 1)?.come_back()?;
        loaded.flows(50).await?;
        reads_are_answered(&loaded).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
