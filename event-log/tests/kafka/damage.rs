//! Partitions that can't be read, and what becomes of them once they can.

use std::fs::{OpenOptions, read, read_dir};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use foldline_event_log::kafka::{KafkaConfig, KafkaLog};
use foldline_event_log::{Log, Offset, ReadError};
use rdkafka::message::OwnedHeaders;

use crate::refusing::make_anew;
use crate::support::{
    AGGREGATE, claim, command, config, ids, open, partition, read_all, write_past,
};

/// Looks at a partition until `is_due` likes what it says of its head. Each look that fails is
/// followed by a wait of the log's own, of a second at most.
async fn head_becomes(
    log: &KafkaLog,
    is_due: impl Fn(&Result<Offset, ReadError>) -> bool,
) -> Result<Offset, ReadError> {
    let mut head = log.head(&partition(0)).await;
    for _ in 0..60 {
        if is_due(&head) {
            return head;
        }
        log.wait(&partition(0), Offset(i64::MAX)).await;
        head = log.head(&partition(0)).await;
    }
    panic!("it goes on saying {head:?}");
}

/// The file of each broker that holds the beginning of partition 0.
fn segments(config: &KafkaConfig) -> Vec<PathBuf> {
    let parts = std::env::var("FOLDLINE_TEST_PARTS")
        .expect("FOLDLINE_TEST_PARTS must name the folder of the brokers; `make test` sets it");
    let brokers = read_dir(Path::new(&parts).join("main")).expect("the folder of the brokers");
    let file = format!("data/{}-0/00000000000000000000.log", config.topic(AGGREGATE));
    let files = brokers.map(|broker| broker.expect("an entry").path().join(&file));
    files.filter(|file| file.exists()).collect()
}

/// Where the batch with a record ends in a segment; none where no batch follows it yet.
fn end_of_batch(segment: &[u8], offset: Offset) -> Option<usize> {
    let mut at = 0;
    loop {
        let base = i64::from_be_bytes(segment.get(at..at + 8)?.try_into().ok()?);
        let length = u32::from_be_bytes(segment.get(at + 8..at + 12)?.try_into().ok()?);
        let delta = u32::from_be_bytes(segment.get(at + 23..at + 27)?.try_into().ok()?);
        at += 12 + length as usize;
        if offset.0 <= base + i64::from(delta) {
            return (segment.len() > at).then_some(at);
        }
    }
}

/// Changes the last byte of the batch with a record, on all brokers; a second call changes it back.
async fn flip(log: &KafkaLog, config: &KafkaConfig, offset: Offset) {
    for path in segments(config) {
        let (byte, at) = loop {
            let segment = read(&path).expect("a segment");
            match end_of_batch(&segment, offset) {
                Some(end) => break (segment[end - 1], end - 1),
                // A follower has it a moment later.
                None => log.wait(&partition(0), Offset(i64::MAX)).await,
            }
        };
        let file = OpenOptions::new().write(true).open(&path).expect("a segment");
        file.write_all_at(&[byte ^ 1], at as u64).expect("a changed byte");
    }
}

#[tokio::test]
async fn a_damaged_record_is_told_and_read_once_it_is_mended() {
    let config = config();
    let log = open(&config).await;
    let mut owner = claim(&log).await;
    let written = owner.append(vec![command("a", 1, 1)]).await.expect("appended").last[0];
    flip(&log, &config, written).await;
    // It has read none of it before.
    let later = open(&config).await;
    let damaged = later.head(&partition(0)).await.expect_err("a wrong checksum");
    assert!(matches!(damaged, ReadError::Damaged { .. }), "{damaged}");
    flip(&log, &config, written).await;
    let head = head_becomes(&later, Result::is_ok).await;
    assert_eq!(head, Ok(Offset(written.0 + 1)));
    assert_eq!(ids(&read_all(&later, 0, 9_999).await), ["a"]);
}

#[tokio::test]
async fn a_topic_made_anew_is_refused_however_much_is_written_to_it() {
    let config = config();
    let log = open(&config).await;
    let mut owner = claim(&log).await;
    let written = owner.append(vec![command("a", 1, 1)]).await.expect("appended").last[0];
    make_anew(&config, &config.topic(AGGREGATE), 2).await;
    let is_damaged = |head: &_| matches!(head, Err(ReadError::Damaged { .. }));
    head_becomes(&log, is_damaged).await.expect_err("it lacks what was in it");
    for _ in 0..=written.0 {
        write_past(&config, "b", OwnedHeaders::new()).await;
    }
    let another = |head: &_| match head {
        Err(ReadError::Damaged { detail, .. }) => detail.contains("another record"),
        Ok(head) => panic!("it is read up to {head:?}"),
        Err(_) => false,
    };
    head_becomes(&log, another).await.expect_err("it holds something else");
}
