//! Drives one endpoint with many connections for a while and counts what comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::client::{Answer, Connection};

/// What to send and what a right answer looks like. Shared by all connections.
pub trait Scenario: Send + Sync + 'static {
    /// Writes the whole request of this connection's n-th call.
    fn request(&self, connection: usize, call: u64, out: &mut Vec<u8>);

    /// Says what is wrong with an answer, if something is.
    fn check(&self, connection: usize, call: u64, answer: &Answer<'_>) -> Result<()>;

    /// Whether an answer says "not now", which is counted and no fault.
    fn is_refusal(&self, _answer: &Answer<'_>) -> bool {
        false
    }
}

/// What came of driving a scenario.
pub struct Outcome {
    /// Answers that were right.
    pub calls: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Latencies in microseconds.
    pub latencies: Histogram<u64>,
    /// Calls that were put off.
    pub refused: u64,
}

impl Outcome {
    /// Right answers per second.
    pub fn per_second(&self) -> f64 {
        self.calls as f64 / self.elapsed.as_secs_f64()
    }

    /// How many answers took longer than this.
    #[cfg_attr(
        not(all(feature = "kafka", feature = "cql")),
        expect(dead_code, reason = "for the real parts")
    )]
    pub fn slower_than(&self, limit: Duration) -> u64 {
        let limit = limit.as_micros() as u64;
        self.latencies.count_between(limit, self.latencies.high())
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
    /// After this long, with this many calls a second over all connections, whether or not earlier
    /// ones are answered: latencies count from when a call was due.
    #[cfg_attr(
        not(all(feature = "kafka", feature = "cql")),
        expect(dead_code, reason = "for the real parts")
    )]
    Paced(Duration, f64),
}

/// How long answers may be missing once the time is over.
const LAST_ANSWERS: Duration = Duration::from_secs(30);
/// How long a number of calls may take.
const LONGEST: Duration = Duration::from_secs(1_800);
/// How long a refused call is left alone.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// One connection's part of the load.
#[derive(Clone, Copy)]
struct Share {
    calls: u64,
    deadline: Instant,
    first: Instant,
    /// From one call to the next, where calls are paced.
    every: Option<Duration>,
}

impl Until {
    fn share(self, index: usize, connections: usize, first: Instant) -> Share {
        match self {
            Until::Elapsed(time) => {
                Share { calls: u64::MAX, deadline: first + time, first, every: None }
            }
            Until::Calls(calls) => {
                let extra = u64::from((index as u64) < calls % connections as u64);
                let calls = calls / connections as u64 + extra;
                Share { calls, deadline: first + LONGEST, first, every: None }
            }
            Until::Paced(time, rate) => {
                let every = Duration::from_secs_f64(connections as f64 / rate.max(1.0));
                let first = first + every.mul_f64(index as f64 / connections as f64);
                Share { calls: u64::MAX, deadline: first + time, first, every: Some(every) }
            }
        }
    }

    fn longest(self) -> Duration {
        match self {
            Until::Elapsed(time) | Until::Paced(time, _) => time + LAST_ANSWERS,
            Until::Calls(_) => LONGEST + LAST_ANSWERS,
        }
    }
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
        let share = until.share(index, connections, start);
        tasks.spawn(one_connection(index, connection, share, Arc::clone(&scenario)));
    }
    let latencies = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let mut all = Outcome { calls: 0, elapsed: Duration::ZERO, latencies, refused: 0 };
    let ended = async {
        while let Some(done) = tasks.join_next().await {
            let (latencies, refused) = done??;
            all.latencies.add(latencies)?;
            all.refused += refused;
        }
        anyhow::Ok(())
    };
    let in_time = tokio::time::timeout(until.longest(), ended).await;
    in_time.with_context(|| format!("{address} left calls without an answer"))??;
    all.elapsed = start.elapsed();
    all.calls = all.latencies.len();
    Ok(all)
}

async fn one_connection(
    index: usize,
    mut connection: Connection,
    share: Share,
    scenario: Arc<impl Scenario>,
) -> Result<(Histogram<u64>, u64)> {
    let mut latencies = Histogram::new_with_bounds(1, 60_000_000, 3)?;
    let mut refused = 0;
    let mut request = Vec::with_capacity(1024);
    for call in 0..share.calls {
        let mut start = Instant::now();
        if let Some(every) = share.every {
            start = share.first + every.mul_f64(call as f64);
            tokio::time::sleep_until(start.into()).await;
        }
        if start >= share.deadline {
            break;
        }
        request.clear();
        scenario.request(index, call, &mut request);
        let answer = connection.call(&request).await?;
        if scenario.is_refusal(&answer) {
            refused += 1;
            tokio::time::sleep(AFTER_REFUSAL).await;
            continue;
        }
        if let Err(wrong) = scenario.check(index, call, &answer) {
            bail!("{wrong}: {} {}", answer.status, String::from_utf8_lossy(answer.body));
        }
        latencies.saturating_record(start.elapsed().as_micros() as u64);
    }
    Ok((latencies, refused))
}
