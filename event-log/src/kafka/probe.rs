//! Single records at given places, for the checks at start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset as At, TopicPartitionList};
use uuid::Uuid;

use super::claim::{self, ClaimRecord};
use super::config::KafkaConfig;
use super::fetched::{is_skipped, record};
use super::voice::Voice;
use super::wire::Decoder;
use crate::record::{Body, PartitionId};

const PATIENCE: Duration = Duration::from_secs(15);

/// The first record at or after a place.
#[derive(Clone, Debug)]
pub(super) struct Probed {
    pub offset: i64,
    pub body: Body,
    /// What it says where it is a claim, of whatever stream.
    pub claim: Option<ClaimRecord>,
}

/// The first committed record at or after each place; none where the partition ends before, or
/// does not reach so far.
pub(super) fn probe(
    config: &KafkaConfig,
    stream: Uuid,
    places: &[(PartitionId, i64)],
) -> Result<HashMap<PartitionId, Option<Probed>>, KafkaError> {
    let mut settings = config.reader();
    // One record of each is wanted, not what stands behind it. With fewer than two messages in a
    // queue the client library would ask for one partition after the other.
    settings.set("fetch.message.max.bytes", "4096").set("queued.min.messages", "2");
    let consumer: BaseConsumer<Voice> = settings.create_with_context(Voice)?;
    let consumer = Arc::new(consumer);
    let mut list = TopicPartitionList::with_capacity(places.len());
    let mut queues = Vec::with_capacity(places.len());
    for (partition, from) in places {
        let (topic, number) = (config.topic(&partition.topic), partition.number as i32);
        list.add_partition_offset(&topic, number, At::Offset(*from))?;
        let queue = consumer.split_partition_queue(&topic, number);
        queues.push((partition, queue.ok_or(KafkaError::NoMessageReceived)?));
    }
    consumer.incremental_assign(&list)?;
    let deadline = Instant::now() + PATIENCE;
    let one = |(partition, queue): (&PartitionId, PartitionQueue<Voice>)| {
        let mut decoder = Decoder::new(partition.topic.clone(), stream);
        Ok((partition.clone(), first(&queue, &mut decoder, deadline)?))
    };
    queues.into_iter().map(one).collect()
}

fn first(
    queue: &PartitionQueue<Voice>,
    decoder: &mut Decoder,
    deadline: Instant,
) -> Result<Option<Probed>, KafkaError> {
    let mut last = KafkaError::NoMessageReceived;
    while Instant::now() < deadline {
        match queue.poll(deadline.saturating_duration_since(Instant::now())) {
            Some(Ok(message)) => return Ok(Some(probed(&message, decoder))),
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(None),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                    return Ok(None);
                }
                // What comes next would be taken for the record that was asked for.
                Some(code) if is_skipped(code) => return Err(error),
                _ => last = error,
            },
            None => {}
        }
    }
    Err(last)
}

fn probed(message: &BorrowedMessage<'_>, decoder: &mut Decoder) -> Probed {
    let claim = message.payload().filter(|_| message.key().is_none()).and_then(claim::decode);
    let body = record(decoder, message).body;
    Probed { offset: message.offset(), body, claim }
}
