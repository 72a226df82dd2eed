//! A consumer made of stock parts reads the topic through two failovers, and agrees with the read model.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use foldline_tests::{Loaded, System, repository};
use serde_json::Value;

fn consumer(system: &System) -> Result<Child> {
    Command::new(repository("tests/stock_consumer/consume"))
        .arg(&system.parts().kafka)
        .arg(format!("{}.order.events.v1", system.scope()))
        .arg(repository("schemas"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("can't start the consumer")
}

/// Tells the consumer how many events there are, and takes its book.
fn book(mut consumer: Child, events: usize) -> Result<Value> {
    let mut told = consumer.stdin.take().context("no input")?;
    writeln!(told, "{events}")?;
    let output = consumer.wait_with_output()?;
    ensure!(output.status.success(), "the consumer ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stock_consumer_agrees_with_the_read_model_over_two_failovers() -> Result<()> {
    let mut loaded = Loaded::start().await?;
    let stranger = consumer(&loaded.system)?;
    for victim in loaded.owners {
        loaded.system.kill(victim)?;
        loaded.flows(50).await?;
        loaded.system.restart(victim).await?;
        loaded.flows(50).await?;
    }
    let system = loaded.all_is_well().await?;
    let events = system.events()?;
    let book = tokio::task::spawn_blocking(move || book(stranger, events.len())).await??;
    let orders = book["orders"].as_object().context("a book of orders")?;
    ensure!(
        2 * orders.len() as u64 == book["events"],
        "{} orders of {}",
        orders.len(),
        book["events"]
    );
    for (id, booked) in orders {
        let seen = system.get(&format!("/orders/{id}")).await?.json;
        let state = &seen["state"];
        let same = ["status", "customer", "total"].iter().all(|name| state[name] == booked[name]);
        ensure!(same && seen["version"] == booked["version"], "{id}: {booked}, not {seen}");
    }
    Ok(())
}
