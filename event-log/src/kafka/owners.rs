//! Who owns what: a small compacted topic that every instance reads.
//!
//! ```text
//! key claim/<aggregate>/<n>   value: a claim's datum, header fl-offset: where it stands
//! key owner/<aggregate>/<n>   value: a URL, from an instance that was given the partition
//! ```
//!
//! The first is written after each claim. It routes commands, and it is a memory of the topic: the
//! claim must still stand there at the next start. The second routes commands between a handover
//! and the new owner's first claim. Nothing that must be safe rests on either.

use std::collections::HashMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use super::claim::{self, ClaimRecord};
use super::config::KafkaConfig;
use super::deliveries::Deliveries;
use super::fetched::{is_skipped, with_headers};
use super::tail::place;
use super::voice::Voice;
use crate::record::{Offset, PartitionId};

const POLL: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(15);

/// The table, as far as it was read.
pub(super) struct Owners {
    topic: String,
    own: Arc<str>,
    producer: ThreadedProducer<Deliveries>,
    table: Arc<Mutex<Table>>,
    _stop: Sender<()>,
}

#[derive(Default)]
struct Table {
    urls: HashMap<PartitionId, Arc<str>>,
    claims: HashMap<PartitionId, Remembered>,
}

/// A claim and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remembered {
    pub claim: ClaimRecord,
    pub offset: Offset,
}

impl Owners {
    /// Reads the table to its end, and goes on reading on a thread.
    pub(super) fn start(config: &KafkaConfig) -> Result<Owners, KafkaError> {
        let topic = config.owners_topic();
        let consumer: BaseConsumer<Voice> = config.reader().create_with_context(Voice)?;
        let list = place(&topic, 0, 0);
        // Compaction moves the first offset on.
        consumer.assign(&beginning(&list, &consumer, &topic)?)?;
        let table = Arc::new(Mutex::new(Table::default()));
        read_to_end(&consumer, |message| lock(&table).take(message))?;
        let (stop, stopped) = channel::<()>();
        let shared = Arc::clone(&table);
        let follow = move || {
            while !matches!(stopped.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)) {
                if let Some(Ok(message)) = consumer.poll(POLL) {
                    lock(&shared).take(&message);
                }
            }
        };
        std::thread::Builder::new()
            .name("log-owners".to_owned())
            .spawn(follow)
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        let producer = config.plain_producer().create_with_context(Deliveries::default())?;
        Ok(Owners { topic, own: config.advertise.clone(), producer, table, _stop: stop })
    }

    /// Where the owner of a partition answers, where that is another instance.
    pub(super) fn of(&self, partition: &PartitionId) -> Option<Arc<str>> {
        let url = lock(&self.table).urls.get(partition)?.clone();
        (!url.is_empty() && url != self.own).then_some(url)
    }

    /// The latest claim of each partition.
    pub(super) fn claims(&self) -> HashMap<PartitionId, Remembered> {
        lock(&self.table).claims.clone()
    }

    /// Says that these partitions were given to this instance.
    pub(super) fn announce(&self, given: &[PartitionId]) {
        if self.own.is_empty() {
            return;
        }
        for partition in given {
            // Known here at once: commands for it stay here.
            lock(&self.table).urls.insert(partition.clone(), self.own.clone());
            self.send(&format!("owner/{partition}"), self.own.as_bytes(), OwnedHeaders::new());
        }
    }

    /// Says that a claim stands in the log.
    pub(super) fn claimed(&self, partition: &PartitionId, record: &ClaimRecord, offset: Offset) {
        let text = offset.0.to_string();
        let header = Header { key: "fl-offset", value: Some(&text) };
        let headers = OwnedHeaders::new().insert(header);
        self.send(&format!("claim/{partition}"), &claim::encode(record), headers);
    }

    /// Waits until all that was said is in the topic.
    pub(super) fn flush(&self, patience: Duration) {
        if let Err(error) = self.producer.flush(patience) {
            tracing::warn!(%error, "the table of owners was not written to its end");
        }
    }

    fn send(&self, key: &str, value: &[u8], headers: OwnedHeaders) {
        let record =
            BaseRecord::to(&self.topic).partition(0).key(key).payload(value).headers(headers);
        if let Err((error, _)) = self.producer.send(record) {
            tracing::warn!(%error, "can't write the table of owners");
        }
    }
}

impl Table {
    fn take(&mut self, message: &BorrowedMessage<'_>) {
        let offset = |name: &str| {
            let number = |headers: Option<&BorrowedHeaders>| {
                let value = headers?.iter().find(|header| header.key == name)?.value?;
                std::str::from_utf8(value).ok()?.parse().ok()
            };
            with_headers(message, number).flatten()
        };
        let (Some(key), Some(value)) = (message.key(), message.payload()) else { return };
        let Some((kind, partition)) = parse(key) else { return };
        match (kind, offset("fl-offset")) {
            ("claim", Some(offset)) => self.claimed(partition, value, Offset(offset)),
            ("owner", _) => {
                if let Ok(url) = std::str::from_utf8(value) {
                    self.urls.insert(partition, url.into());
                }
            }
            _ => {}
        }
    }

    /// An owner that was slow to say so may come after its successor.
    fn claimed(&mut self, partition: PartitionId, datum: &[u8], offset: Offset) {
        let Some(claim) = claim::decode(datum) else { return };
        if self.claims.get(&partition).is_some_and(|known| known.offset > offset) {
            return;
        }
        self.urls.insert(partition.clone(), claim.claim.owner.clone());
        self.claims.insert(partition, Remembered { claim, offset });
    }
}

fn parse(key: &[u8]) -> Option<(&str, PartitionId)> {
    let (kind, partition) = std::str::from_utf8(key).ok()?.split_once('/')?;
    let (topic, number) = partition.rsplit_once('/')?;
    Some((kind, PartitionId { topic: topic.into(), number: number.parse().ok()? }))
}

fn beginning(
    list: &rdkafka::TopicPartitionList,
    consumer: &BaseConsumer<Voice>,
    topic: &str,
) -> Result<rdkafka::TopicPartitionList, KafkaError> {
    let (low, _) = consumer.fetch_watermarks(topic, 0, PATIENCE)?;
    let mut list = list.clone();
    list.set_all_offsets(rdkafka::Offset::Offset(low))?;
    Ok(list)
}

/// Reads a topic of one partition to its end.
pub(super) fn read_to_end(
    consumer: &BaseConsumer<Voice>,
    mut each: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(), KafkaError> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = KafkaError::NoMessageReceived;
    while Instant::now() < deadline {
        match consumer.poll(POLL) {
            Some(Ok(message)) => each(&message),
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            // The rest would be taken for all.
            Some(Err(error)) if error.rdkafka_error_code().is_some_and(is_skipped) => {
                return Err(error);
            }
            Some(Err(error)) => last = error,
            None => {}
        }
    }
    Err(last)
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
