//! What an append costs beside a raw transaction of the same client library, and how fast history
//! is read: percentiles and rates on a real broker, whose address `FOLDLINE_TEST_KAFKA` gives.
#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use foldline_event_log::kafka::{Group, KafkaConfig, KafkaLog};
use foldline_event_log::{Appender, Log, Membership, NewCommand, Offset, PartitionId};
use hdrhistogram::Histogram;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rdkafka::{ClientConfig, TopicPartitionList};
use uuid::Uuid;

const AGGREGATE: &str = "order";
const ONE_BY_ONE: usize = 2_000;
const REFILL: usize = 300_000;

#[tokio::main]
async fn main() {
    let config = config();
    let started = Instant::now();
    let log = KafkaLog::open(config.clone()).await.expect("a log");
    println!("open                          {:>9.1?}", started.elapsed());
    let started = Instant::now();
    let mut owner = log.claim(&partition(0), "").await.expect("a claim");
    println!("claim                         {:>9.1?}", started.elapsed());
    let raw = config.clone();
    tokio::task::spawn_blocking(move || raw_transactions(&raw)).await.expect("raw transactions");
    for size in [1, 10, 100, 500] {
        appends(&mut *owner, size, ONE_BY_ONE / size.min(4)).await;
    }
    proofs(&mut *owner).await;
    println!("commits that would stall      {:>9}", log.stalled_commits());
    refill(&config, &log, &mut *owner).await;
    handover(&config, &log).await;
}

fn config() -> KafkaConfig {
    KafkaConfig {
        brokers: std::env::var("FOLDLINE_TEST_KAFKA")
            .expect("FOLDLINE_TEST_KAFKA must give the address of a Kafka broker"),
        prefix: format!("bench-{}", Uuid::new_v4().simple()),
        partitions: 2,
        dev: true,
        aggregates: vec![AGGREGATE.into()],
        advertise: "".into(),
        client_id: "bench".to_owned(),
    }
}

fn partition(number: u32) -> PartitionId {
    PartitionId { topic: AGGREGATE.into(), number }
}

fn command(n: usize) -> NewCommand {
    NewCommand {
        aggregate: AGGREGATE.into(),
        id: n.to_string().into(),
        time: 1_795_271_704_123,
        first_version: 1,
        events: vec![("Placed".into(), Bytes::from(vec![7; 60]))],
        command: None,
        traceparent: None,
    }
}

struct Timed(Histogram<u64>);

impl Timed {
    fn new() -> Timed {
        Timed(Histogram::new(3).expect("three digits"))
    }

    fn note(&mut self, took: Duration) {
        self.0.record(took.as_micros() as u64).expect("a histogram that grows");
    }

    fn print(&self, what: &str) {
        let at = |quantile| self.0.value_at_quantile(quantile) as f64 / 1_000.0;
        let (half, most, all) = (at(0.5), at(0.99), at(1.0));
        println!("{what:<30}p50 {half:>6.2} ms   p99 {most:>7.2} ms   max {all:>7.2} ms");
    }
}

/// The least that an append can cost: one record, committed and consumed.
fn raw_transactions(config: &KafkaConfig) {
    let topic = config.topic(AGGREGATE);
    let mut settings = ClientConfig::new();
    settings.set("bootstrap.servers", &config.brokers);
    let producer: ThreadedProducer<rdkafka::producer::DefaultProducerContext> = settings
        .clone()
        .set("transactional.id", format!("{}-raw", config.prefix))
        .set("linger.ms", "0")
        .create()
        .expect("a producer");
    producer.init_transactions(Duration::from_secs(20)).expect("transactions");
    let consumer: BaseConsumer = settings
        .set("group.id", format!("{}-raw", config.prefix))
        .set("isolation.level", "read_committed")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, 1, rdkafka::Offset::Beginning).expect("a partition");
    consumer.assign(&list).expect("assigned");
    let (mut commits, mut seen) = (Timed::new(), Timed::new());
    for n in 0..ONE_BY_ONE {
        let started = Instant::now();
        producer.begin_transaction().expect("begun");
        let key = n.to_string();
        let record = BaseRecord::to(&topic).partition(1).key(&key).payload(&[7_u8; 60]);
        producer.send(record).expect("sent");
        while producer.in_flight_count() > 0 {
            std::thread::yield_now();
        }
        producer.commit_transaction(Duration::from_secs(10)).expect("committed");
        commits.note(started.elapsed());
        while !matches!(consumer.poll(Duration::from_secs(1)), Some(Ok(_))) {}
        seen.note(started.elapsed());
    }
    commits.print("raw commit of 1");
    seen.print("raw commit of 1 and read-back");
}

async fn appends(owner: &mut dyn Appender, size: usize, times: usize) {
    let mut timed = Timed::new();
    let started = Instant::now();
    for n in 0..times {
        let batch = (0..size).map(|m| command(n * size + m)).collect();
        let begun = Instant::now();
        owner.append(batch).await.expect("appended");
        timed.note(begun.elapsed());
    }
    timed.print(&format!("append of {size}"));
    let rate = (size * times) as f64 / started.elapsed().as_secs_f64();
    println!("                              {rate:>9.0} commands/s");
}

async fn proofs(owner: &mut dyn Appender) {
    let mut timed = Timed::new();
    for _ in 0..ONE_BY_ONE / 2 {
        let begun = Instant::now();
        owner.confirm().await.expect("the only owner");
        timed.note(begun.elapsed());
    }
    timed.print("confirm");
}

/// Reads all history in a process that comes new to it.
async fn refill(config: &KafkaConfig, log: &Arc<KafkaLog>, owner: &mut dyn Appender) {
    while log.head(&partition(0)).await.expect("a head").0 < REFILL as i64 {
        owner.append((0..2_000).map(command).collect()).await.expect("appended");
    }
    let later = KafkaLog::open(config.clone()).await.expect("a log");
    let head = later.head(&partition(0)).await.expect("a head");
    let (mut next, mut events, mut reads) = (Offset(0), 0, 0);
    let started = Instant::now();
    while next < head {
        let records = later.read(&partition(0), next, 4 << 20).await.expect("records");
        next = Offset(records.last().expect("a record").offset.0 + 1);
        events += records.len();
        reads += 1;
    }
    let rate = events as f64 / started.elapsed().as_secs_f64();
    println!("refill of {events:<20}{rate:>9.0} events/s in {reads} reads");
}

/// How long partitions take to move from a member that leaves.
async fn handover(config: &KafkaConfig, log: &Arc<KafkaLog>) {
    let started = Instant::now();
    let later = KafkaLog::open(config.clone()).await.expect("a log");
    println!("open again                    {:>9.1?}", started.elapsed());
    let started = Instant::now();
    let first = log.join(Group::Owners).await.expect("a place");
    holds(&first, 2).await;
    println!("join                          {:>9.1?}", started.elapsed());
    let started = Instant::now();
    let second = later.join(Group::Owners).await.expect("a place");
    holds(&second, 1).await;
    println!("join as the second            {:>9.1?}", started.elapsed());
    let started = Instant::now();
    let mine = first.assigned().borrow().first().cloned().expect("a partition");
    assert!(first.still_assigned(&mine).await);
    println!("ask whether still assigned    {:>9.1?}", started.elapsed());
    // The client library joins once a second at most; a member that joined long ago is at once.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let started = Instant::now();
    first.leave().await;
    println!("leave                         {:>9.1?}", started.elapsed());
    holds(&second, 2).await;
    println!("handover after leave          {:>9.1?}", started.elapsed());
    let mut owner = later.claim(&mine, "").await.expect("a claim");
    owner.append(vec![command(0)]).await.expect("appended");
    println!("handover, first append done   {:>9.1?}", started.elapsed());
    drop(owner);
    let started = Instant::now();
    later.shutdown(Duration::from_secs(10)).await;
    println!("shutdown                      {:>9.1?}", started.elapsed());
}

async fn holds(member: &Arc<dyn Membership>, partitions: usize) {
    let mut assigned = member.assigned();
    assigned.wait_for(|set| set.len() == partitions).await.expect("a member");
}
