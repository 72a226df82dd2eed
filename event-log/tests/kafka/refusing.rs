//! What a log refuses to start on.

use std::time::Duration;

use foldline_event_log::kafka::{KafkaConfig, KafkaLog, OpenError, Remembered};
use foldline_event_log::{ClaimId, Log, Offset};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use uuid::Uuid;

use crate::support::{AGGREGATE, claim, command, config, open, partition};

fn admin(config: &KafkaConfig) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &config.brokers).create().expect("an admin client")
}

/// Why it does not open; brokers tell of a change a moment after they made it.
async fn refused(config: &KafkaConfig) -> OpenError {
    for _ in 0..100 {
        match KafkaLog::open(config.clone()).await {
            Err(error @ OpenError::Unreachable { .. }) => panic!("{error}"),
            Err(error) => return error,
            Ok(log) => log.shutdown(Duration::from_secs(5)).await,
        }
    }
    panic!("it opens");
}

#[tokio::test]
async fn a_log_opened_again_has_the_same_stream() {
    let config = config();
    let (one, other) = futures::join!(open(&config), open(&config));
    assert_eq!(one.stream(), other.stream());
    assert_ne!(one.stream(), Uuid::nil());
}

#[tokio::test]
async fn a_reader_makes_no_log() {
    let config = config();
    for _ in 0..2 {
        let error = KafkaLog::open_existing(config.clone()).await.err().expect("no log");
        assert!(matches!(&error, OpenError::Absent(_)), "{error}");
    }
    let made = open(&config).await;
    let read = KafkaLog::open_existing(config).await.expect("a log");
    assert_eq!(read.stream(), made.stream());
}

#[tokio::test]
async fn another_number_of_partitions_is_refused() {
    let config = config();
    open(&config).await;
    let other = KafkaConfig { partitions: 3, ..config.clone() };
    let topic = config.topic(AGGREGATE);
    let due = OpenError::Partitions { topic, found: 2, wanted: 3 };
    assert_eq!(refused(&other).await, due);
}

#[tokio::test]
async fn partitions_that_were_added_are_refused_even_if_configured() {
    let config = config();
    let log = open(&config).await;
    claim(&log).await;
    let topic = config.topic(AGGREGATE);
    let more = NewPartitions::new(&topic, 4);
    admin(&config).create_partitions([&more], &AdminOptions::new()).await.expect("added");
    let due = OpenError::Partitions { topic: topic.clone(), found: 4, wanted: 2 };
    assert_eq!(refused(&config).await, due);
    let adapted = KafkaConfig { partitions: 4, ..config.clone() };
    let due = OpenError::Partitions { topic, found: 2, wanted: 4 };
    assert_eq!(refused(&adapted).await, due);
}

/// Deletes a topic and makes another of its name.
pub async fn make_anew(config: &KafkaConfig, topic: &str, partitions: i32) {
    let (admin, options) = (admin(config), AdminOptions::new());
    admin.delete_topics(&[topic], &options).await.expect("deleted");
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    // The name is free only once the old topic is gone.
    loop {
        let made = admin.create_topics([&new], &options).await.expect("an answer");
        if made[0].is_ok() {
            return;
        }
    }
}

#[tokio::test]
async fn a_topic_that_was_made_anew_is_refused() {
    let config = config();
    let log = open(&config).await;
    let mut owner = claim(&log).await;
    owner.append(vec![command("a", 1, 1)]).await.expect("appended");
    drop(owner);
    log.shutdown(Duration::from_secs(10)).await;
    make_anew(&config, &config.topic(AGGREGATE), 2).await;
    let error = refused(&config).await;
    assert!(matches!(&error, OpenError::OtherHistory(why) if why.contains("made anew")), "{error}");
}

#[tokio::test]
async fn topics_of_another_stream_are_refused() {
    let config = config();
    let log = open(&config).await;
    claim(&log).await;
    log.shutdown(Duration::from_secs(10)).await;
    make_anew(&config, &format!("{}.stream.v1", config.prefix), 1).await;
    let error = refused(&config).await;
    assert!(matches!(&error, OpenError::OtherHistory(why) if why.contains("stream")), "{error}");
}

#[tokio::test]
async fn topics_that_could_lose_records_are_refused_outside_development() {
    let config = config();
    let topic = config.topic(AGGREGATE);
    let weak = NewTopic::new(&topic, 2, TopicReplication::Fixed(1)).set("retention.ms", "86400000");
    let made = admin(&config).create_topics([&weak], &AdminOptions::new()).await.expect("made");
    assert!(made[0].is_ok(), "{made:?}");
    open(&config).await;
    let error = refused(&KafkaConfig { dev: false, ..config }).await;
    let OpenError::Weak(why) = &error else { panic!("{error}") };
    for named in ["events.v1 has 1 replicas", "events.v1 has retention.ms=86400000"] {
        assert!(why.iter().any(|why| why.contains(named)), "{why:?}");
    }
}

#[tokio::test]
async fn a_store_that_remembers_something_else_is_refused() {
    let log = open(&config()).await;
    let mut owner = claim(&log).await;
    let last = owner.append(vec![command("a", 1, 1)]).await.expect("appended").last[0];
    let mark = |offset, claim, seq| Remembered { partition: partition(0), offset, claim, seq };
    let own = Some(owner.claim());
    let stream = Some(log.stream());
    log.compare(stream, &[mark(last, own, 1)]).await.expect("the same history");
    log.compare(None, &[mark(Offset(-1), None, 0)]).await.expect("nothing to compare");
    log.compare(stream, &[mark(owner.claimed_at(), own, 0)]).await.expect("the claim itself");
    let other = Some(ClaimId(Uuid::from_u128(1)));
    for (stream, mark) in [
        (Some(Uuid::nil()), mark(last, own, 1)),
        (stream, mark(Offset(last.0 + 50), own, 1)),
        (stream, mark(owner.claimed_at(), other, 0)),
    ] {
        let error = log.compare(stream, &[mark]).await.expect_err("another history");
        assert!(matches!(error, OpenError::OtherHistory(_)), "{error}");
    }
}

#[tokio::test]
async fn brokers_that_do_not_answer_are_named() {
    let config = KafkaConfig { brokers: "127.0.0.1:1".to_owned(), ..config() };
    let error = KafkaLog::open(config).await.err().expect("no broker");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}
