//! `kill -9` under load, a hundred times: what was acknowledged is there once, what was refused was
//! refused rightly, and a restart needs no repair.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use foldline_tests::{Answer, World, read, repository};
use serde_json::{Value, json};

const KILLS: u64 = 100;
const CLIENTS: u64 = 6;

/// One client's orders: each is placed and paid once, whatever the server goes through.
struct Client {
    http: reqwest::Client,
    base: String,
    number: u64,
}

/// What a client saw acknowledged.
#[derive(Default)]
struct Seen {
    paid: Vec<String>,
    position: String,
}

impl Client {
    async fn work(self, stop: Arc<AtomicBool>) -> Result<Seen> {
        let mut seen = Seen::default();
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            count += 1;
            self.one_order(count, &mut seen).await?;
        }
        Ok(seen)
    }

    async fn one_order(&self, count: u64, seen: &mut Seen) -> Result<()> {
        let key = format!("k-{}-{count}", self.number);
        let order = json!({"customer": "c-1", "lines": [{"sku": "tea", "qty": 1, "price": count}]});
        let placed = self.until_known("/orders/place", &format!("{key}-place"), &order).await?;
        ensure!(placed.status == 201, "placing was answered {placed:?}");
        let id = placed.json["id"].as_str().unwrap_or_default().to_owned();
        let pay = format!("/orders/{id}/pay");
        let paid = self.until_known(&pay, &format!("{key}-pay"), &json!({"amount": count})).await?;
        ensure!(paid.status == 200 && paid.json["version"] == 2, "paying was answered {paid:?}");
        let again =
            self.until_known(&pay, &format!("{key}-again"), &json!({"amount": count})).await?;
        ensure!(again.json["code"] == "not-open", "paying twice was answered {again:?}");
        seen.position = paid.json["position"].as_str().unwrap_or_default().to_owned();
        seen.paid.push(id);
        Ok(())
    }

    /// Sends a keyed command until an answer says what became of it.
    async fn until_known(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        for _ in 0..6_000 {
            let request = self.http.post(format!("{}{path}", self.base));
            match read(request.header("Idempotency-Key", key).json(body)).await {
                Ok(answer) if answer.status < 500 && answer.status != 429 => return Ok(answer),
                // Refused, broken off, or said to be unknown: the same key makes a retry safe.
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        bail!("no answer to {path} within half a minute")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_by_a_hundred_kills() -> Result<()> {
    let mut world = World::start(repository("schemas"))?;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let client = Client { http: world.client().clone(), base: world.url(""), number };
            tokio::spawn(client.work(Arc::clone(&stop)))
        })
        .collect();
    for kill in 0..KILLS {
        // Some kills hit the start, some the middle of the load.
        tokio::time::sleep(Duration::from_millis(5 + kill * 37 % 200)).await;
        world.restart()?;
    }
    stop.store(true, Ordering::Relaxed);
    let mut paid = Vec::new();
    for client in clients {
        let seen = client.await??;
        paid.extend(seen.paid);
        if !seen.position.is_empty() {
            let state =
                world.get_at(&format!("/orders/{}", paid[paid.len() - 1]), &seen.position).await?;
            ensure!(state.json["state"]["status"] == "paid", "the last order is {state:?}");
        }
    }
    ensure!(paid.len() as u64 > KILLS, "too little load to mean anything: {} orders", paid.len());
    once_each(&world, &paid).await?;
    let verified = world.foldline(&["verify"])?;
    ensure!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    Ok(())
}

/// The log holds each acknowledged order with exactly one placing and one payment.
async fn once_each(world: &World, paid: &[String]) -> Result<()> {
    let text =
        world.client().get(world.url("/events?aggregate=order")).send().await?.text().await?;
    let mut events = Vec::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line)?;
        events
            .push((event["id"].as_str().unwrap_or_default().to_owned(), event["version"].as_u64()));
    }
    let distinct: BTreeSet<_> = events.iter().collect();
    ensure!(distinct.len() == events.len(), "an id has two events of one version");
    let ids: BTreeSet<_> = paid.iter().collect();
    ensure!(ids.len() == paid.len(), "two placings were answered with one id");
    ensure!(events.len() == 2 * paid.len(), "{} events of {} orders", events.len(), paid.len());
    ensure!(events.iter().all(|(id, _)| ids.contains(id)), "an order that nobody saw acknowledged");
    Ok(())
}
