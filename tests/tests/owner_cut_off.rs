//! An owner of partitions loses its link to the brokers, while its clients still reach it.

use anyhow::Result;
use foldline_tests::{Detour, Loaded, Parts, Service, System};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_cut_off_from_the_brokers_is_followed_and_comes_back() -> Result<()> {
    let parts = Parts::running()?;
    let detour = Detour::open(&parts).await?;
    let mut system = System::of_orders(parts).await?;
    let around = system.add_through(Service::CommandApi, detour.brokers().to_owned()).await?;
    let loaded = Loaded::with(system, [0, around]).await?;
    for _ in 0..2 {
        detour.cut();
        loaded.flows(100).await?;
        detour.mend();
        loaded.flows(100).await?;
    }
    loaded.all_is_well().await?;
    Ok(())
}
