//! Retries and races over a real socket, and over the death of the process.

use anyhow::{Result, ensure};
use foldline_tests::{World, order, read, repository};
use futures::future::join_all;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_known_after_a_kill() -> Result<()> {
    let mut world = World::start(repository("schemas"))?;
    let first = world.post_keyed("/orders/place", "k-1", &order(5)).await?;
    ensure!(first.status == 201 && first.header("idempotency-replayed").is_none(), "{first:?}");
    let pay = format!("/orders/{}/pay", first.json["id"].as_str().unwrap_or_default());
    let paid = world.post_keyed(&pay, "k-2", &json!({"amount": 5})).await?;
    ensure!(paid.status == 200, "{paid:?}");
    for _ in 0..2 {
        world.restart()?;
        let again = world.post_keyed("/orders/place", "k-1", &order(5)).await?;
        ensure!(again.status == 201 && again.json == first.json, "{again:?}");
        ensure!(again.header("idempotency-replayed") == Some("true"), "{again:?}");
        ensure!(again.header("location") == first.header("location"), "{again:?}");
        let again = world.post_keyed(&pay, "k-2", &json!({"amount": 5})).await?;
        ensure!(again.status == 200 && again.json == paid.json, "{again:?}");
        let other = world.post_keyed("/orders/place", "k-1", &order(6)).await?;
        ensure!(other.status == 422 && other.json["code"] == "idempotency-key-reused", "{other:?}");
        let other = world.post_keyed(&pay, "k-2", &json!({"amount": 6})).await?;
        ensure!(other.status == 422 && other.json["code"] == "idempotency-key-reused", "{other:?}");
    }
    ensure!(world.events().await?.len() == 2, "a replay wrote something");
    world.verify()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_commands_on_one_version_one_succeeds() -> Result<()> {
    let world = World::start(repository("schemas"))?;
    for _ in 0..5 {
        let placed = world.post("/orders/place", &order(5)).await?;
        let path = format!("/orders/{}/pay", placed.json["id"].as_str().unwrap_or_default());
        let calls = (0..20).map(|_| {
            let request = world.client().post(world.url(&path)).header("If-Match", "\"1\"");
            read(request.json(&json!({"amount": 5})))
        });
        let answers = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()?;
        let paid = answers.iter().filter(|a| a.status == 200).count();
        let late = answers.iter().filter(|a| a.status == 412 && a.json["version"] == 2).count();
        ensure!((paid, late) == (1, 19), "{answers:?}");
    }
    ensure!(world.events().await?.len() == 10, "five orders, each placed and paid once");
    Ok(())
}
