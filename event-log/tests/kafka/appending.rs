//! Claims, appends and proofs.

use foldline_event_log::validity::{Step, Validity};
use foldline_event_log::{AppendError, Body, KeyedCommand, Log, Offset};
use rdkafka::message::{Header, OwnedHeaders};

use crate::support::{
    claim, command, config, ids, open, open_transaction, partition, read_all, write_past,
};

#[tokio::test]
async fn what_was_appended_is_read_back_as_it_was_written() {
    let log = open(&config()).await;
    let mut owner = claim(&log).await;
    let mut first = command("a", 1, 2);
    first.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
    let key = KeyedCommand { key: "k".into(), caller: "anna".into(), hash: [7; 32] };
    first.command = Some(key.clone());
    let appended = owner.append(vec![first.clone(), command("b", 1, 1)]).await.expect("appended");
    let records = read_all(&log, 0, 1 << 20).await;
    assert_eq!(ids(&records), ["a", "a", "b"]);
    assert!(matches!(&records[0].body, Body::Claim(claim) if claim.id == owner.claim()));
    assert_eq!(records[0].offset, owner.claimed_at());
    let Body::Event(event) = &records[2].body else { panic!("an event") };
    assert_eq!((event.version, event.seq, event.part.index, event.part.of), (2, 1, 2, 2));
    assert_eq!(event.data, first.events[1].1);
    assert_eq!((&event.command, &event.traceparent), (&Some(key), &first.traceparent));
    assert_eq!(records[2].time, first.time);
    assert_eq!(appended.last, [records[2].offset, records[3].offset]);
}

#[tokio::test]
async fn a_claim_fences_the_older_owner_in_another_process() {
    let config = config();
    let (here, there) = (open(&config).await, open(&config).await);
    let mut old = claim(&here).await;
    old.append(vec![command("a", 1, 1)]).await.expect("appended");
    let mut new = claim(&there).await;
    let refused = old.append(vec![command("lost", 1, 1)]).await;
    assert!(refused.is_err(), "{refused:?}");
    new.append(vec![command("b", 1, 1)]).await.expect("appended");
    assert_eq!(ids(&read_all(&there, 0, 1 << 20).await), ["a", "b"]);
}

#[tokio::test]
async fn a_fenced_owner_can_prove_nothing() {
    let config = config();
    let (here, there) = (open(&config).await, open(&config).await);
    let mut old = claim(&here).await;
    old.confirm().await.expect("the only owner");
    old.confirm().await.expect("the only owner still");
    let mut new = claim(&there).await;
    assert_eq!(old.confirm().await, Err(AppendError::Fenced));
    new.confirm().await.expect("the owner now");
}

#[tokio::test]
async fn an_appender_is_spent_after_an_error() {
    let config = config();
    let (here, there) = (open(&config).await, open(&config).await);
    let mut old = claim(&here).await;
    let _new = claim(&there).await;
    old.append(vec![command("a", 1, 1)]).await.expect_err("fenced");
    let again = old.append(vec![command("a", 1, 1)]).await;
    assert!(matches!(again, Err(AppendError::NothingWritten(_))), "{again:?}");
    assert_eq!(ids(&read_all(&there, 0, 1 << 20).await), Vec::<String>::new());
}

#[tokio::test]
async fn proofs_and_appends_may_alternate() {
    let log = open(&config()).await;
    let mut owner = claim(&log).await;
    for version in 1..=3 {
        owner.append(vec![command("a", version, 1)]).await.expect("appended");
        owner.confirm().await.expect("the only owner");
    }
    assert_eq!(ids(&read_all(&log, 0, 1 << 20).await).len(), 3);
}

#[tokio::test]
async fn what_nobody_claimed_does_not_count_and_stops_nobody() {
    let config = config();
    let log = open(&config).await;
    let mut owner = claim(&log).await;
    owner.append(vec![command("a", 1, 1)]).await.expect("appended");
    let odd = Header { key: "fl-claim", value: Some("x") };
    write_past(&config, "stray", OwnedHeaders::new().insert(odd)).await;
    owner.append(vec![command("b", 1, 1)]).await.expect("appended");
    let mut validity = Validity::default();
    let mut complete = Vec::new();
    let mut dropped = 0;
    for record in read_all(&log, 0, 1 << 20).await {
        match validity.step(record) {
            Step::Complete(records) => complete.extend(ids(&records)),
            Step::Dropped => dropped += 1,
            Step::Claimed | Step::Held => {}
        }
    }
    assert_eq!((complete.as_slice(), dropped), (["a".to_owned(), "b".to_owned()].as_slice(), 1));
}

#[tokio::test]
async fn commands_are_seen_whole_or_not_at_all() {
    let config = config();
    let (log, other) = (open(&config).await, open(&config).await);
    let mut owner = claim(&log).await;
    let writing = async {
        for n in 0..20 {
            let batch = (0..20).map(|m| command(&format!("{n}-{m}"), 1, 5)).collect();
            owner.append(batch).await.expect("appended");
        }
    };
    let reading = async {
        let (mut next, mut commands) = (Offset(0), 0);
        let mut validity = Validity::default();
        while commands < 400 {
            let records = other.read(&partition(0), next, 4_096).await.expect("records");
            for record in records {
                next = Offset(record.offset.0 + 1);
                if let Step::Complete(events) = validity.step(record) {
                    assert_eq!(events.len(), 5);
                    commands += 1;
                }
            }
            // A read within a batch may end within a command, the end of the log never does.
            if log.head(&partition(0)).await == Ok(next) {
                assert!(validity.is_between_commands());
            }
            other.wait(&partition(0), next).await;
        }
    };
    futures::join!(writing, reading);
    assert_eq!(log.stalled_commits(), 0);
}

#[tokio::test]
async fn a_transaction_that_nobody_ends_keeps_a_claim_from_being_served() {
    let config = config();
    let log = open(&config).await;
    let stray = open_transaction(&config).await;
    let Err(error) = log.claim(&partition(0), "").await else { panic!("the claim can't be seen") };
    assert!(error.to_string().contains("did not appear"), "{error}");
    drop(stray);
}

#[tokio::test]
async fn large_events_are_kept_whole() {
    let log = open(&config()).await;
    let mut owner = claim(&log).await;
    let mut large = command("a", 1, 2);
    large.events[1].1 = vec![b'x'; 3 << 20].into();
    owner.append(vec![large.clone()]).await.expect("appended");
    let records = read_all(&log, 0, 1 << 20).await;
    let Body::Event(event) = &records[2].body else { panic!("an event") };
    assert_eq!(event.data, large.events[1].1);
}
