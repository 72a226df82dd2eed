//! The id of the stream: the first record of a topic of its own, for good.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use uuid::Uuid;

use super::config::KafkaConfig;
use super::deliveries::Deliveries;
use super::owners::read_to_end;
use super::tail::place;
use super::voice::Voice;

const PATIENCE: Duration = Duration::from_secs(15);

/// The stream's id. Where there is none yet one is proposed; of proposals made at once the first
/// in the topic holds.
pub(super) fn stream_id(config: &KafkaConfig) -> Result<Uuid, KafkaError> {
    if let Some(id) = known(config)? {
        return Ok(id);
    }
    let producer: ThreadedProducer<Deliveries> =
        config.plain_producer().create_with_context(Deliveries::default())?;
    let (topic, proposal) = (config.stream_topic(), Uuid::new_v4().to_string());
    let record = BaseRecord::to(&topic).partition(0).key("stream").payload(&proposal);
    producer.send(record).map_err(|(error, _)| error)?;
    producer.flush(PATIENCE)?;
    known(config)?.ok_or(KafkaError::NoMessageReceived)
}

/// The stream's id, where it has one.
pub(super) fn known(config: &KafkaConfig) -> Result<Option<Uuid>, KafkaError> {
    let consumer: BaseConsumer<Voice> = config.reader().create_with_context(Voice)?;
    consumer.assign(&place(&config.stream_topic(), 0, 0))?;
    let mut found = None;
    read_to_end(&consumer, |message| {
        let id = message.payload().and_then(|text| Uuid::try_parse_ascii(text).ok());
        found = found.or(id);
    })?;
    Ok(found)
}
