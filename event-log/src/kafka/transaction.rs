//! The one producer of a partition, and its transactions.
//!
//! The client library's commit first waits for outstanding records, and does so in steps of
//! 100 ms where another thread polls; so every commit here waits until nothing is outstanding.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use super::config::KafkaConfig;
use super::deliveries::Deliveries;
use super::tail::place;
use super::voice::Voice;

/// How long becoming the only producer may take: an older one's open transaction has to end first.
const INIT: Duration = Duration::from_secs(20);
/// How long connecting may take until the coordinator is looked for all the same.
const CONNECTS: Duration = Duration::from_secs(2);
/// How long one step of a transaction may take.
const STEP: Duration = Duration::from_secs(12);
/// How long the client library may hold on to records that it reported as delivered.
const SETTLES: Duration = Duration::from_millis(50);

/// A transactional producer for one partition.
pub(super) struct Transactions {
    producer: ThreadedProducer<Deliveries>,
    topic: String,
    partition: i32,
    config: KafkaConfig,
    group: Option<ConsumerGroupMetadata>,
    /// Counts commits that were called with something outstanding: there should be none.
    stalls: Arc<AtomicU64>,
}

/// Why a transaction did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Before anything was handed over.
    Before(String),
    /// Afterwards: what was handed over may yet be committed.
    After(String),
    /// A newer producer has the partition.
    Fenced,
}

impl Transactions {
    /// Becomes the only producer of the partition.
    pub(super) fn begin(
        config: &KafkaConfig,
        topic: &str,
        partition: u32,
        stalls: Arc<AtomicU64>,
    ) -> Result<Transactions, KafkaError> {
        let id = transactional_id(topic, partition);
        let producer: ThreadedProducer<Deliveries> =
            config.appender(&id).create_with_context(Deliveries::default())?;
        // The library asks for the coordinator at once, and where no broker is connected, again half
        // a second later; so a broker that it has learnt of is asked for something before. Where
        // that fails, the next call says why.
        producer.client().fetch_watermarks(topic, partition as i32, CONNECTS).ok();
        producer.init_transactions(INIT)?;
        Ok(Transactions {
            producer,
            topic: topic.to_owned(),
            partition: partition as i32,
            config: config.clone(),
            group: None,
            stalls,
        })
    }

    /// Commits records, `(key, value, headers)`, in a transaction of their own; gives the offset of
    /// the last.
    pub(super) fn write<'a>(
        &self,
        records: impl IntoIterator<Item = (Option<&'a str>, &'a [u8], OwnedHeaders)>,
    ) -> Result<i64, Broken> {
        self.producer.begin_transaction().map_err(|error| before(&error))?;
        let deliveries = self.producer.client().context();
        for (key, value, headers) in records {
            let mut record = BaseRecord::<str, [u8]>::to(&self.topic)
                .partition(self.partition)
                .payload(value)
                .headers(headers);
            record.key = key;
            // Counted first: the delivery may be told of before `send` returns.
            deliveries.sent(1);
            self.producer.send(record).map_err(|(error, _)| after(&error))?;
        }
        let last = deliveries.all(STEP).map_err(Broken::After)?;
        self.commit().map_err(|error| after(&error))?;
        Ok(last)
    }

    /// Commits one offset of the partition in a group of its own: proof that no newer producer
    /// existed when the call came. With nothing to commit the client library would answer from
    /// memory.
    pub(super) fn prove(&mut self, offset: i64) -> Result<(), Broken> {
        let group = match self.group.take() {
            Some(group) => group,
            None => self.group().map_err(|error| before(&error))?,
        };
        self.producer.begin_transaction().map_err(|error| before(&error))?;
        let offsets: TopicPartitionList = place(&self.topic, self.partition, offset.max(0));
        let sent = self.producer.send_offsets_to_transaction(&offsets, &group, STEP);
        self.group = Some(group);
        // A proof writes nothing, so one that fails leaves nothing open.
        sent.and_then(|()| self.commit()).map_err(|error| before(&error))
    }

    /// What a consumer that never joins says of its group; it stays true without the consumer.
    fn group(&self) -> Result<ConsumerGroupMetadata, KafkaError> {
        let id = transactional_id(&self.topic, self.partition as u32);
        let mut settings = self.config.client();
        settings.set("group.id", &id).set("enable.auto.commit", "false");
        let consumer: BaseConsumer<Voice> = settings.create_with_context(Voice)?;
        consumer.group_metadata().ok_or_else(|| KafkaError::ClientCreation("no group".to_owned()))
    }

    fn commit(&self) -> Result<(), KafkaError> {
        self.settle();
        let outstanding = u64::from(self.producer.in_flight_count() > 0);
        self.stalls.fetch_add(outstanding, Ordering::Relaxed);
        self.producer.commit_transaction(STEP)
    }

    /// Waits until the client library has let go of every record: that is a moment after it told
    /// of the last delivery.
    fn settle(&self) {
        let deadline = Instant::now() + SETTLES;
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            std::thread::yield_now();
        }
    }
}

fn transactional_id(topic: &str, partition: u32) -> String {
    format!("{topic}.{partition}")
}

fn is_fenced(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::Fenced
                | RDKafkaErrorCode::ProducerFenced
                | RDKafkaErrorCode::InvalidProducerEpoch
        )
    )
}

fn before(error: &KafkaError) -> Broken {
    if is_fenced(error) { Broken::Fenced } else { Broken::Before(error.to_string()) }
}

/// Even a fenced producer's records may be there: a commit that was repeated after its answer was
/// lost is refused like one that never was.
fn after(error: &KafkaError) -> Broken {
    Broken::After(error.to_string())
}
