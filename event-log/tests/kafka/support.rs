//! A log of its own for each test, and commands to put into it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldline_event_log::kafka::{KafkaConfig, KafkaLog};
use foldline_event_log::{Appender, Body, Log, NewCommand, Offset, PartitionId, Record};
use rdkafka::ClientConfig;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use uuid::Uuid;

pub const AGGREGATE: &str = "order";

pub fn brokers() -> String {
    std::env::var("FOLDLINE_TEST_KAFKA").expect(
        "FOLDLINE_TEST_KAFKA must give the address of a Kafka broker for tests, such as \
         127.0.0.1:9092; `make test` starts one and sets it",
    )
}

pub fn config() -> KafkaConfig {
    KafkaConfig {
        brokers: brokers(),
        prefix: format!("test-{}", Uuid::new_v4().simple()),
        partitions: 2,
        dev: true,
        aggregates: vec![AGGREGATE.into()],
        advertise: "".into(),
        client_id: "test".to_owned(),
    }
}

pub async fn open(config: &KafkaConfig) -> Arc<KafkaLog> {
    KafkaLog::open(config.clone()).await.expect("a log")
}

pub fn partition(number: u32) -> PartitionId {
    PartitionId { topic: AGGREGATE.into(), number }
}

/// A command with so many events.
pub fn command(id: &str, first_version: u64, events: usize) -> NewCommand {
    let event = |n: usize| (Arc::from("Placed"), Bytes::from(format!("\0\0\0\0\x01{id} {n}")));
    NewCommand {
        aggregate: AGGREGATE.into(),
        id: id.into(),
        time: 1_795_271_704_123,
        first_version,
        events: (0..events).map(event).collect(),
        command: None,
        traceparent: None,
    }
}

/// Claims partition 0.
pub async fn claim(log: &KafkaLog) -> Box<dyn Appender> {
    log.claim(&partition(0), "").await.expect("a claim")
}

/// All records from an offset on, up to the head at the time of the call.
pub async fn read_all(log: &KafkaLog, from: i64, max_bytes: usize) -> Vec<Record> {
    let head = log.head(&partition(0)).await.expect("a head");
    let mut next = Offset(from);
    let mut all = Vec::new();
    while next < head {
        let some = log.read(&partition(0), next, max_bytes).await.expect("records");
        let Some(last) = some.last() else { break };
        next = Offset(last.offset.0 + 1);
        all.extend(some);
    }
    all
}

/// The ids of events, in order; claims left out.
pub fn ids(records: &[Record]) -> Vec<String> {
    let id = |record: &Record| match &record.body {
        Body::Event(event) => Some(event.id.to_string()),
        Body::Claim(_) => None,
    };
    records.iter().filter_map(id).collect()
}

/// Writes a record past the log, as anybody with access to the topic may.
pub async fn write_past(config: &KafkaConfig, key: &str, headers: OwnedHeaders) {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", &config.brokers).create().expect("a producer");
    let topic = config.topic(AGGREGATE);
    let record = FutureRecord::to(&topic).partition(0).key(key).payload("x").headers(headers);
    producer.send(record, Duration::from_secs(10)).await.expect("a record");
}

/// Begins a transaction on partition 0 past the log, which is never ended.
pub async fn open_transaction(config: &KafkaConfig) -> FutureProducer {
    let stray: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &config.brokers)
        .set("transactional.id", format!("{}-stray", config.prefix))
        .create()
        .expect("a producer");
    let begun = stray.clone();
    let begin = move || {
        begun.init_transactions(Duration::from_secs(20))?;
        begun.begin_transaction()
    };
    tokio::task::spawn_blocking(begin).await.expect("a thread").expect("a transaction");
    let topic = config.topic(AGGREGATE);
    let record = FutureRecord::to(&topic).partition(0).key("stray").payload("x");
    stray.send(record, Duration::from_secs(10)).await.expect("a record");
    stray
}
