//! What the client library itself reaches: the limits that a benchmark holds this log against.
//!
//! The same transactions with the same settings, but of bytes alone: no commands, no claims, no
//! headers, nothing that waits for its turn. Calls block.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::OwnedHeaders;

use super::config::KafkaConfig;
use super::error::OpenError;
use super::tail::place;
use super::topics;
use super::transaction::Transactions;
use super::voice::Voice;

/// How long a committed record may take to be read.
const APPEARS: Duration = Duration::from_secs(10);
const PAYLOAD: [u8; 64] = [7; 64];
const KEY: &str = "0199aa00-0000-7000-8000-000000000000";

/// Why a limit could not be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YardstickError {
    /// The topic can't be made or reached.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A transaction failed.
    #[error("a raw transaction failed: {0}")]
    Transaction(String),
    /// A committed record was not read in time.
    #[error("a committed record was not read back within {} s", APPEARS.as_secs())]
    NotRead,
}

/// A topic to measure on.
pub struct Yardstick {
    config: KafkaConfig,
    topic: String,
}

/// What groups of records came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Committed transactions.
    pub transactions: u64,
    /// Records in them.
    pub records: u64,
}

impl Yardstick {
    /// Makes the topics of `config`, which is to have a prefix of its own, and measures on the
    /// first.
    pub async fn open(config: KafkaConfig) -> Result<Yardstick, YardstickError> {
        topics::prepare(&config, topics::Missing::Make).await?;
        let topic = config.topic(config.aggregates.first().map_or("", |name| name));
        Ok(Yardstick { config, topic })
    }

    /// One transaction of one record after the other, each read back by a committed-read consumer
    /// before the next: how long each took.
    pub fn one_by_one(&self, time: Duration) -> Result<Vec<Duration>, YardstickError> {
        let producer = self.producer(0)?;
        let consumer: BaseConsumer<Voice> =
            self.config.reader().create_with_context(Voice).map_err(|e| self.unreachable(&e))?;
        let (_, end) = consumer
            .fetch_watermarks(&self.topic, 0, APPEARS)
            .map_err(|error| self.unreachable(&error))?;
        consumer.assign(&place(&self.topic, 0, end)).map_err(|e| self.unreachable(&e))?;
        let mut took = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < time {
            let started = Instant::now();
            commit(&producer, 1)?;
            read(&consumer)?;
            took.push(started.elapsed());
        }
        // The first pays for connections.
        took.drain(..took.len().min(10));
        Ok(took)
    }

    /// Transactions of `sizes` records in turn on each of `partitions` at the same time, each on a
    /// thread of its own.
    pub fn groups(
        &self,
        partitions: u32,
        sizes: &[usize],
        time: Duration,
    ) -> Result<Groups, YardstickError> {
        let producers = (0..partitions).map(|number| self.producer(number));
        let producers = producers.collect::<Result<Vec<_>, _>>()?;
        std::thread::scope(|scope| {
            let running: Vec<_> = producers
                .iter()
                .map(|producer| scope.spawn(move || commit_for(producer, sizes, time)))
                .collect();
            let mut all = Groups::default();
            for one in running {
                let broke = |_| YardstickError::Transaction("its thread broke".to_owned());
                let one = one.join().map_err(broke)??;
                all.transactions += one.transactions;
                all.records += one.records;
            }
            Ok(all)
        })
    }

    fn producer(&self, partition: u32) -> Result<Transactions, YardstickError> {
        let stalls = Arc::new(AtomicU64::new(0));
        let begun = Transactions::begin(&self.config, &self.topic, partition, stalls);
        begun.map_err(|error| self.unreachable(&error))
    }

    fn unreachable(&self, error: &KafkaError) -> YardstickError {
        topics::unreachable(&self.config, error).into()
    }
}

fn commit(producer: &Transactions, size: usize) -> Result<(), YardstickError> {
    let record = || (Some(KEY), PAYLOAD.as_slice(), OwnedHeaders::new());
    let written = producer.write((0..size).map(|_| record()));
    written.map(drop).map_err(|broken| YardstickError::Transaction(format!("{broken:?}")))
}

fn commit_for(
    producer: &Transactions,
    sizes: &[usize],
    time: Duration,
) -> Result<Groups, YardstickError> {
    let mut done = Groups::default();
    let begun = Instant::now();
    for size in sizes.iter().cycle() {
        if begun.elapsed() >= time {
            break;
        }
        commit(producer, *size)?;
        done.transactions += 1;
        done.records += *size as u64;
    }
    Ok(done)
}

fn read(consumer: &BaseConsumer<Voice>) -> Result<(), YardstickError> {
    let deadline = Instant::now() + APPEARS;
    while Instant::now() < deadline {
        if let Some(Ok(_)) = consumer.poll(Duration::from_millis(100)) {
            return Ok(());
        }
    }
    Err(YardstickError::NotRead)
}
