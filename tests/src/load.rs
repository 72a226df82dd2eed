//! Load whose every answer is checked: orders that are placed and paid, whatever the servers go through.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{Answer, Api, eventually, read};

/// Clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    clients: Vec<JoinHandle<Result<Seen>>>,
}

/// What clients saw acknowledged.
#[derive(Debug, Default)]
pub struct Seen {
    /// Orders that were placed and paid.
    pub paid: Vec<String>,
    /// The last order of each client, and the position that its payment was answered with.
    pub last: Vec<(String, String)>,
}

/// One client's orders: each is placed and paid once.
struct Client {
    http: reqwest::Client,
    // Any of them takes any command.
    servers: Vec<String>,
    // The one that answered last.
    server: AtomicUsize,
    number: usize,
    done: Arc<AtomicU64>,
}

impl Load {
    /// Starts so many clients; each turns to the next server when one does not answer.
    pub fn start(http: &reqwest::Client, servers: &[String], clients: usize) -> Load {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let clients = (0..clients)
            .map(|number| {
                let (http, servers, done) = (http.clone(), servers.to_vec(), Arc::clone(&done));
                let server = AtomicUsize::new(number);
                let client = Client { http, servers, server, number, done };
                tokio::spawn(client.work(Arc::clone(&stop)))
            })
            .collect();
        Load { stop, done, clients }
    }

    /// Orders done so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Waits until so many more orders are done: the system takes writes.
    pub async fn flows(&self, more: u64) -> Result<()> {
        let goal = self.done() + more;
        let gone = || self.clients.iter().any(JoinHandle::is_finished);
        eventually(async || Ok((self.done() >= goal || gone()).then_some(()))).await?;
        ensure!(!gone(), "a client has given up; `stop` tells why");
        Ok(())
    }

    /// Lets every client finish the order it is at, and gathers what they saw.
    pub async fn stop(self) -> Result<Seen> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for client in self.clients {
            let seen = client.await??;
            all.paid.extend(seen.paid);
            all.last.extend(seen.last);
        }
        Ok(all)
    }
}

impl Seen {
    /// Fails unless the log holds each acknowledged order with one placing and one payment, and no other.
    pub fn once_each(&self, events: &[Value]) -> Result<()> {
        let told: Vec<_> = events
            .iter()
            .map(|event| (event["id"].as_str().unwrap_or_default(), event["version"].as_u64()))
            .collect();
        let distinct: BTreeSet<_> = told.iter().collect();
        ensure!(distinct.len() == told.len(), "an id has two events of one version");
        let ids: BTreeSet<_> = self.paid.iter().map(String::as_str).collect();
        let (orders, events) = (self.paid.len(), told.len());
        ensure!(ids.len() == orders, "two placings were answered with one id");
        let unseen: Vec<_> = told.iter().filter(|(id, _)| !ids.contains(id)).collect();
        ensure!(unseen.is_empty(), "nobody saw these acknowledged: {unseen:?}");
        ensure!(events == 2 * orders, "{events} events of {orders} orders");
        Ok(())
    }
}

impl Api {
    /// Fails unless each client can read what it was told last.
    pub async fn shows(&self, seen: &Seen) -> Result<()> {
        for (id, position) in &seen.last {
            let path = format!("/orders/{id}");
            let answer = eventually(async || {
                let answer = self.get_at(&path, position).await?;
                // The tables are not there yet: whoever filled them may just have been killed.
                Ok((answer.status != 503).then_some(answer))
            });
            let answer = answer.await?;
            let paid = answer.json["state"]["status"] == "paid";
            ensure!(answer.status == 200 && paid, "{path} at {position} is {answer:?}");
        }
        Ok(())
    }
}

impl Client {
    async fn work(self, stop: Arc<AtomicBool>) -> Result<Seen> {
        let (mut seen, mut last, mut count) = (Seen::default(), None, 0);
        while !stop.load(Ordering::Relaxed) {
            count += 1;
            let (id, position) = self.one_order(count).await?;
            seen.paid.push(id.clone());
            last = Some((id, position));
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        seen.last.extend(last);
        Ok(seen)
    }

    /// Places an order and pays for it; its id, and where that is in the log.
    async fn one_order(&self, count: u64) -> Result<(String, String)> {
        let key = format!("k-{}-{count}", self.number);
        let order = json!({"customer": "c-1", "lines": [{"sku": "tea", "qty": 1, "price": count}]});
        let placed = self.until_known("/orders/place", &format!("{key}-place"), &order).await?;
        ensure!(placed.status == 201, "placing was answered {placed:?}");
        let id = placed.json["id"].as_str().unwrap_or_default().to_owned();
        let pay = format!("/orders/{id}/pay");
        let amount = json!({"amount": count});
        let first = self.until_known(&pay, &format!("{key}-pay"), &amount).await?;
        ensure!(first.status == 200 && first.json["version"] == 2, "paying was answered {first:?}");
        let again = self.until_known(&pay, &format!("{key}-again"), &amount).await?;
        ensure!(again.json["code"] == "not-open", "paying twice was answered {again:?}");
        let position = first.json["position"].as_str().unwrap_or_default().to_owned();
        Ok((id, position))
    }

    /// Sends a keyed command until an answer says what became of it.
    async fn until_known(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        for _ in 0..12_000 {
            let server = self.server.load(Ordering::Relaxed) % self.servers.len();
            let request = self.http.post(format!("{}{path}", self.servers[server]));
            let request = request.timeout(Duration::from_secs(10));
            match read(request.header("Idempotency-Key", key).json(body)).await {
                Ok(answer) if answer.status < 500 && answer.status != 429 => return Ok(answer),
                // Refused, broken off, or said to be unknown: the same key makes a retry safe.
                Ok(_) | Err(_) => {
                    self.server.store(server + 1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        bail!("no answer to {path} within a minute")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(told: &[(&str, u64)]) -> Vec<Value> {
        told.iter().map(|(id, version)| json!({"id": id, "version": version})).collect()
    }

    fn is_well(paid: &[&str], told: &[(&str, u64)]) -> bool {
        let paid = paid.iter().map(|id| (*id).to_owned()).collect();
        Seen { paid, last: Vec::new() }.once_each(&events(told)).is_ok()
    }

    #[test]
    fn what_was_acknowledged_must_be_there_once_and_alone() {
        assert!(is_well(&["a", "b"], &[("a", 1), ("b", 1), ("b", 2), ("a", 2)]));
        assert!(!is_well(&["a"], &[("a", 1)]), "a lost payment");
        assert!(!is_well(&["a", "b"], &[("a", 1), ("a", 2)]), "a lost order");
        assert!(!is_well(&["a"], &[("a", 1), ("a", 2), ("a", 2)]), "a doubled payment");
        assert!(!is_well(&["a"], &[("a", 1), ("a", 2), ("a", 3)]), "one event too many");
        assert!(!is_well(&["a"], &[("a", 1), ("a", 2), ("b", 1)]), "an order of nobody's");
        assert!(!is_well(&["a", "a"], &[("a", 1), ("a", 2)]), "one id for two orders");
    }
}
