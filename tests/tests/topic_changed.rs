//! A topic that is not the one the tables were made from: nothing starts on it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use foldline_tests::{System, order, repository};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;

struct Topic {
    admin: AdminClient<DefaultClientContext>,
    name: String,
}

impl Topic {
    fn of(system: &System) -> Result<Topic> {
        let admin = ClientConfig::new()
            .set("bootstrap.servers", &system.parts().kafka)
            .create()
            .context("an admin client")?;
        Ok(Topic { admin, name: format!("{}.order.events.v1", system.scope()) })
    }

    async fn add_partitions(&self) -> Result<()> {
        let more = [NewPartitions::new(&self.name, 8)];
        let done = self.admin.create_partitions(&more, &options()).await?;
        done.into_iter().try_for_each(|topic| {
            topic.map(drop).map_err(|(name, why)| anyhow::anyhow!("{name}: {why}"))
        })
    }

    async fn create_anew(&self) -> Result<()> {
        self.admin.delete_topics(&[&self.name], &options()).await?;
        let topic = NewTopic::new(&self.name, 4, TopicReplication::Fixed(3));
        // The name is free a moment after the deletion is answered.
        foldline_tests::eventually(async || {
            let done = self.admin.create_topics([&topic], &options()).await?;
            Ok(done.iter().all(Result::is_ok).then_some(()))
        })
        .await
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)))
}

/// A system that has written something, and stands still.
async fn stopped() -> Result<System> {
    let mut system = System::start(repository("schemas")).await?;
    let placed = system.post("/orders/place", &order(1)).await?;
    ensure!(placed.status == 201, "{placed:?}");
    let path = format!("/orders/{}", placed.json["id"].as_str().unwrap_or_default());
    let position = placed.json["position"].as_str().unwrap_or_default();
    ensure!(system.get_at(&path, position).await?.status == 200, "{path} is not there");
    for number in 0..3 {
        system.terminate(number).await?;
    }
    Ok(system)
}

/// command-api and projector must end by themselves, and name the topic and what is wrong with it.
async fn refused(system: &mut System, because: &str) -> Result<()> {
    for number in [0, 1] {
        let before = system.said(number)?.len();
        system.launch(number)?;
        let status = system.ended(number).await?;
        let said = system.said(number)?.split_off(before);
        ensure!(!status.success(), "it ended with {status}: {said}");
        ensure!(said.contains("order.events.v1") && said.contains(because), "{said}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn added_partitions_are_refused_at_start() -> Result<()> {
    let mut system = stopped().await?;
    Topic::of(&system)?.add_partitions().await?;
    refused(&mut system, "partitions").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_created_anew_is_refused_at_start() -> Result<()> {
    let mut system = stopped().await?;
    Topic::of(&system)?.create_anew().await?;
    refused(&mut system, "made anew").await
}
