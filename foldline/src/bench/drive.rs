//! Drives one endpoint with many connections for a while and counts what comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::client::{Answer, Connection};

/// What to send and what a right answer looks like. Shared by all connections.
pub trait Scenario: Send + Sync + 'static {
    /// Writes the whole request of this connection's n-th call.
    fn request(&self, connection: usize, call: u64, out: &mut Vec<u8>);

    /// Says what is wrong with an answer, if something is.
    fn check(&self, connection: usize, call: u64, answer: &Answer<'_>) -> Result<()>;
}

/// What came of driving a scenario.
pub struct Outcome {
    /// Answers that were right.
    pub calls: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Latencies in microseconds.
    pub latencies: Histogram<u64>,
}

impl Outcome {
    /// Right answers per second.
    pub fn per_second(&self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64()
    }

    /// A latency percentile in milliseconds.
    pub fn percentile_ms(&self, percentile: f64) -> f64 {
        self.latencies.value_at_percentile(percentile) as f64 / 1_000.0
    }
}

/// When to stop.
#[derive(Clone, Copy)]
pub enum Until {
    /// After this long.
    Elapsed(Duration),
    /// After this many calls over all connections.
    Calls(u64),
}

/// Calls the scenario over `connections` keep-alive connections; a wrong answer ends it.
pub async fn drive(
    address: SocketAddr,
    connections: usize,
    until: Until,
    scenario: Arc<impl Scenario>,
) -> Result<Outcome> {
    let mut ready = Vec::with_capacity(connections);
    for _ in 0..connections {
        ready.push(Connection::open(address).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for (index, connection) in ready.into_iter().enumerate() {
        let share = match until {
            Until::Elapsed(time) => (u64::MAX, start + time),
            Until::Calls(calls) => {
                let extra = u64::from((index as u64) < calls % connections as u64);
                (calls / connections as u64 + extra, start + Duration::from_secs(86_400))
            }
        };
        tasks.spawn(one_connection(index, connection, share, Arc::clone(&scenario)));
    }
    let mut latencies = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    while let Some(done) = tasks.join_next().await {
        latencies.add(done??)?;
    }
    Ok(Outcome { calls: latencies.len(), elapsed: start.elapsed(), latencies })
}

async fn one_connection(
    index: usize,
    mut connection: Connection,
    (calls, deadline): (u64, Instant),
    scenario: Arc<impl Scenario>,
) -> Result<Histogram<u64>> {
    let mut latencies = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let mut request = Vec::with_capacity(1024);
    for call in 0..calls {
        let start = Instant::now();
        if start >= deadline {
            break;
        }
        request.clear();
        scenario.request(index, call, &mut request);
        let answer = connection.call(&request).await?;
        if let Err(wrong) = scenario.check(index, call, &answer) {
            bail!("{wrong}: {} {}", answer.status, String::from_utf8_lossy(answer.body));
        }
        latencies.saturating_record(start.elapsed().as_micros() as u64);
    }
    Ok(latencies)
}
