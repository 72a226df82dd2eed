use std::sync::Arc;

use bytes::Bytes;
use rstest::{fixture, rstest};
use rusqlite::Connection;
use tempfile::TempDir;

use super::writer::Job;
use super::{OpenError, SqliteLog};
use crate::log::{AppendError, Appended, ClaimError, Log, NewCommand, ReadError};
use crate::record::{Body, EventRecord, KeyedCommand, Offset, Part, PartitionId, Record};
use crate::validity::{Step, Validity};

const ALL: usize = usize::MAX;

struct Fixture {
    directory: TempDir,
    log: SqliteLog,
    partition: PartitionId,
}

#[fixture]
fn fixture() -> Fixture {
    let directory = TempDir::new().unwrap();
    let log = SqliteLog::open(directory.path()).unwrap();
    let partition = log.partitions().remove(0);
    Fixture { directory, log, partition }
}

impl Fixture {
    fn sabotage(&self, act: impl FnOnce(&Connection) + Send + 'static) {
        self.log.jobs().unwrap().send(Job::Sabotage(Box::new(act))).unwrap();
    }

    fn sql(&self, sql: &'static str) {
        self.sabotage(move |c| c.execute_batch(sql).unwrap());
    }

    async fn all(&self) -> Vec<Record> {
        self.log.read(&self.partition, Offset(0), ALL).await.unwrap()
    }
}

fn command(id: &str, first_version: u64, events: usize) -> NewCommand {
    NewCommand {
        aggregate: "order".into(),
        id: id.into(),
        time: 1_000,
        first_version,
        events: (0..events).map(|n| ("Placed".into(), Bytes::from(vec![n as u8; 20]))).collect(),
        command: Some(KeyedCommand { key: "k".into(), caller: "ann".into(), hash: [7; 32] }),
        traceparent: Some("00-1-2-01".into()),
    }
}

fn events(records: &[Record]) -> Vec<&EventRecord> {
    records.iter().filter_map(crate::validity::event).collect()
}

#[rstest]
#[tokio::test]
async fn a_batch_is_read_back_as_it_was_written(fixture: Fixture) {
    let mut appender = fixture.log.claim(&fixture.partition, "me").await.unwrap();
    let batch = vec![command("a", 1, 2), command("b", 1, 1)];
    let done = appender.append(batch).await.unwrap();
    assert_eq!(done, Appended { last: vec![Offset(2), Offset(3)] });

    let near = fixture.all().await;
    let beside = SqliteLog::open_existing(fixture.directory.path()).unwrap();
    let far = beside.read(&fixture.partition, Offset(0), ALL).await.unwrap();
    assert_eq!(near, far, "memory and file agree");
    assert_eq!(beside.stream(), fixture.log.stream());
    let first = events(&far)[0];
    assert_eq!(first.part, Part { index: 1, of: 2 });
    assert_eq!(first.command, command("a", 1, 1).command);
    assert_eq!(events(&far)[1].version, 2);
    assert_eq!(events(&far)[2].seq, 2);
    assert_eq!(beside.head(&fixture.partition).await.unwrap(), Offset(4));
}

#[rstest]
#[tokio::test]
async fn every_record_written_counts(fixture: Fixture) {
    let mut validity = Validity::default();
    for round in 0..3 {
        let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
        appender.append(vec![command("a", 1, 3)]).await.unwrap();
        appender.append(vec![command("b", round + 1, 1)]).await.unwrap();
    }
    let steps: Vec<Step> = fixture.all().await.into_iter().map(|r| validity.step(r)).collect();
    assert_eq!(steps.iter().filter(|s| matches!(s, Step::Complete(_))).count(), 6);
    assert!(!steps.contains(&Step::Dropped));
}

#[rstest]
#[tokio::test]
async fn reads_stop_near_the_byte_bound_and_go_on_from_there(fixture: Fixture) {
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    appender.append((0..100).map(|n| command("a", n + 1, 1)).collect()).await.unwrap();
    let beside = SqliteLog::open_existing(fixture.directory.path()).unwrap();
    for log in [&fixture.log, &beside] {
        let (mut at, mut seen) = (Offset(0), 0);
        loop {
            let page = log.read(&fixture.partition, at, 1_000).await.unwrap();
            let Some(last) = page.last() else { break };
            assert!(page.len() < 10);
            seen += page.len();
            at = Offset(last.offset.0 + 1);
        }
        assert_eq!(seen, 101);
    }
}

#[rstest]
#[tokio::test]
async fn a_second_writer_is_refused_until_the_first_is_gone(fixture: Fixture) {
    fixture.log.lock().unwrap();
    let second = SqliteLog::open(fixture.directory.path()).unwrap();
    let Err(ClaimError::Held(text)) = second.claim(&fixture.partition, "").await else {
        panic!("claimed twice");
    };
    assert!(text.contains("another process writes"), "{text}");
    drop(fixture.log);
    second.claim(&fixture.partition, "").await.unwrap();
}

#[rstest]
#[tokio::test]
async fn an_older_claim_is_fenced_by_a_newer_one(fixture: Fixture) {
    let mut old = fixture.log.claim(&fixture.partition, "").await.unwrap();
    let mut new = fixture.log.claim(&fixture.partition, "").await.unwrap();
    assert_eq!(old.append(vec![command("a", 1, 1)]).await, Err(AppendError::Fenced));
    new.append(vec![command("a", 1, 1)]).await.unwrap();
    assert_eq!(events(&fixture.all().await).len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_claim_is_not_older_than_the_record_before_it(fixture: Fixture) {
    let far_ahead = 9_000_000_000_000;
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    let ahead = NewCommand { time: far_ahead, ..command("a", 1, 1) };
    appender.append(vec![ahead]).await.unwrap();
    fixture.log.claim(&fixture.partition, "").await.unwrap();
    let times: Vec<i64> = fixture.all().await.iter().map(|record| record.time).collect();
    assert_eq!(times[1..], [far_ahead, far_ahead]);
}

#[rstest]
#[case::insert_refused(
    "CREATE TEMP TRIGGER t BEFORE INSERT ON main.record BEGIN SELECT RAISE(ABORT, 'broken'); END",
    "DROP TRIGGER t"
)]
#[tokio::test]
async fn a_failing_insert_writes_nothing(
    fixture: Fixture,
    #[case] fault: &'static str,
    #[case] repair: &'static str,
) {
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    fixture.sql(fault);
    let failed = appender.append(vec![command("a", 1, 1)]).await;
    assert!(matches!(failed, Err(AppendError::NothingWritten(_))), "{failed:?}");
    let spent = appender.append(vec![command("a", 1, 1)]).await;
    assert_eq!(spent, Err(AppendError::Fenced), "after an error only a new claim writes");
    assert!(matches!(
        fixture.log.claim(&fixture.partition, "").await,
        Err(ClaimError::Unavailable(_))
    ));
    fixture.sql(repair);
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    assert_eq!(events(&fixture.all().await).len(), 0);
    appender.append(vec![command("a", 1, 1)]).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_full_disk_writes_nothing_and_loses_nothing(fixture: Fixture) {
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    appender.append(vec![command("a", 1, 1)]).await.unwrap();
    fixture.sabotage(|c| {
        let pages: i64 = c.pragma_query_value(None, "page_count", |r| r.get(0)).unwrap();
        c.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
    });
    let batch = (2..2_000).map(|v| command("a", v, 1)).collect();
    let failed = appender.append(batch).await;
    assert!(matches!(failed, Err(AppendError::NothingWritten(_))), "{failed:?}");
    assert_eq!(events(&fixture.all().await).len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_failing_commit_leaves_the_outcome_open(fixture: Fixture) {
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    // A deferred foreign key fails at COMMIT and nowhere earlier.
    fixture.sql(
        "PRAGMA foreign_keys = ON;
         CREATE TEMP TABLE parent (id INTEGER PRIMARY KEY);
         CREATE TEMP TABLE child (id INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
         CREATE TEMP TRIGGER t AFTER INSERT ON main.record BEGIN INSERT INTO child VALUES (1); END",
    );
    let failed = appender.append(vec![command("a", 1, 1)]).await;
    assert!(matches!(failed, Err(AppendError::OutcomeUnknown(_))), "{failed:?}");
    assert_eq!(appender.append(vec![command("a", 1, 1)]).await, Err(AppendError::Fenced));
    // A new claim works on a new connection, which has no such trigger.
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    assert_eq!(events(&fixture.all().await).len(), 0, "the log decides");
    appender.append(vec![command("a", 1, 1)]).await.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_damaged_row_is_named(fixture: Fixture) {
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    appender.append(vec![command("a", 1, 3)]).await.unwrap();
    fixture.sql("UPDATE record SET hash = x'00' WHERE \"offset\" = 2");
    appender.append(vec![command("b", 1, 1)]).await.unwrap();
    let beside = SqliteLog::open_existing(fixture.directory.path()).unwrap();
    let before = beside.read(&fixture.partition, Offset(0), ALL).await.unwrap();
    assert_eq!(before.len(), 2);
    let damaged = beside.read(&fixture.partition, Offset(2), ALL).await;
    assert!(matches!(damaged, Err(ReadError::Damaged { offset: 2, .. })), "{damaged:?}");
}

#[rstest]
#[case::same_process(false)]
#[case::another_connection(true)]
#[tokio::test]
async fn waiting_ends_when_a_record_is_there(fixture: Fixture, #[case] beside: bool) {
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    let other = SqliteLog::open_existing(fixture.directory.path()).unwrap();
    let log = if beside { &other } else { &fixture.log };
    let waiting = async {
        while log.head(&fixture.partition).await.unwrap() < Offset(2) {
            log.wait(&fixture.partition, Offset(1)).await;
        }
    };
    let (_, done) = tokio::join!(waiting, appender.append(vec![command("a", 1, 1)]));
    done.unwrap();
}

#[rstest]
#[tokio::test]
async fn a_reopened_log_goes_on_where_it_was(fixture: Fixture) {
    let stream = fixture.log.stream();
    let mut appender = fixture.log.claim(&fixture.partition, "http://x").await.unwrap();
    appender.append(vec![command("a", 1, 1)]).await.unwrap();
    drop(fixture.log);
    let log = SqliteLog::open(fixture.directory.path()).unwrap();
    assert_eq!(log.stream(), stream);
    assert_eq!(log.claim(&fixture.partition, "").await.unwrap().claimed_at(), Offset(2));
    let records = log.read(&fixture.partition, Offset(0), ALL).await.unwrap();
    let Body::Claim(first) = &records[0].body else { panic!("no claim") };
    assert_eq!((first.stream, &*first.owner), (stream, "http://x"));
}

#[test]
fn reading_where_no_log_is_makes_none() {
    let directory = TempDir::new().unwrap();
    let missing = SqliteLog::open_existing(directory.path()).err();
    assert!(matches!(missing, Some(OpenError::Missing(_))), "{missing:?}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[rstest]
fn a_log_of_a_newer_layout_is_refused(fixture: Fixture) {
    let connection = Connection::open(fixture.directory.path().join("log.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteLog::open(fixture.directory.path()).err();
    assert!(matches!(refused, Some(OpenError::Newer { found: 99, .. })), "{refused:?}");
}

#[rstest]
#[tokio::test]
async fn an_appender_that_outlives_its_log_says_that_nothing_was_written(fixture: Fixture) {
    let mut appender = fixture.log.claim(&fixture.partition, "").await.unwrap();
    let log: Arc<dyn Log> = Arc::new(fixture.log);
    drop(log);
    let failed = appender.append(vec![command("a", 1, 1)]).await;
    assert!(matches!(failed, Err(AppendError::NothingWritten(_))), "{failed:?}");
}
