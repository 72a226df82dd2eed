//! Validity against a writer whose records arrive mixed with those of zombies.

use std::sync::Arc;

use bytes::Bytes;
use foldline_event_log::validity::{Step, Validity, event};
use foldline_event_log::{Body, Claim, ClaimId, EventRecord, Offset, Part, Record};
use proptest::prelude::*;
use uuid::Uuid;

fn claim(id: u128) -> Record {
    let claim = Claim { id: ClaimId(Uuid::from_u128(id)), stream: Uuid::nil(), owner: "".into() };
    Record { offset: Offset(0), time: 0, body: Body::Claim(claim) }
}

fn part(claim: u128, seq: u64, index: u16, of: u16) -> Record {
    let event = EventRecord {
        aggregate: "order".into(),
        id: Arc::from("a"),
        event: "Placed".into(),
        version: 1,
        data: Bytes::new(),
        claim: ClaimId(Uuid::from_u128(claim)),
        seq,
        part: Part { index, of },
        command: None,
        traceparent: None,
    };
    Record { offset: Offset(0), time: 0, body: Body::Event(event) }
}

fn completed(records: Vec<Record>) -> Vec<(u128, u64, usize)> {
    let mut validity = Validity::default();
    let mut out = Vec::new();
    for record in records {
        if let Step::Complete(parts) = validity.step(record) {
            let first = event(&parts[0]).expect("an event");
            out.push((first.claim.0.as_u128(), first.seq, parts.len()));
        }
    }
    out
}

#[test]
fn nothing_counts_before_the_first_claim() {
    assert_eq!(completed(vec![part(1, 1, 1, 1)]), []);
}

#[test]
fn a_repeated_sequence_number_counts_once() {
    let records = vec![claim(1), part(1, 1, 1, 1), part(1, 1, 1, 1), part(1, 2, 1, 1)];
    assert_eq!(completed(records), [(1, 1, 1), (1, 2, 1)]);
}

#[test]
fn a_gap_in_sequence_numbers_does_not_count() {
    assert_eq!(completed(vec![claim(1), part(1, 2, 1, 1)]), []);
}

#[test]
fn held_parts_use_no_sequence_number() {
    let records = vec![
        claim(1),
        part(1, 1, 1, 2),
        part(9, 1, 1, 1),
        part(1, 1, 2, 2),
        part(1, 1, 1, 2),
        part(1, 1, 2, 2),
    ];
    assert_eq!(completed(records), [(1, 1, 2)]);
}

#[test]
fn a_claim_drops_what_was_held_and_starts_from_one() {
    let records = vec![claim(1), part(1, 1, 1, 2), claim(2), part(1, 1, 2, 2), part(2, 1, 1, 1)];
    assert_eq!(completed(records), [(2, 1, 1)]);
}

#[test]
fn a_claim_seen_twice_opens_no_sequence_number_again() {
    let records = vec![claim(1), part(1, 1, 1, 1), claim(1), part(1, 1, 1, 1)];
    assert_eq!(completed(records), [(1, 1, 1)]);
}

#[test]
fn a_part_of_none_is_dropped() {
    let mut validity = Validity::default();
    validity.step(claim(1));
    assert_eq!(validity.step(part(1, 1, 0, 0)), Step::Dropped);
    assert_eq!(validity.step(part(1, 1, 1, 0)), Step::Dropped);
    assert_eq!(validity.step(part(1, 1, 3, 2)), Step::Dropped);
    assert!(validity.is_between_commands());
}

#[test]
fn a_part_that_counts_other_parts_does_not_continue_a_command() {
    let mut validity = Validity::default();
    validity.step(claim(1));
    assert_eq!(validity.step(part(1, 1, 1, 2)), Step::Held);
    assert_eq!(validity.step(part(1, 1, 2, 3)), Step::Dropped);
    assert!(validity.is_between_commands());
    let records = vec![claim(1), part(1, 1, 1, 3), part(1, 1, 2, 2), part(1, 1, 1, 1)];
    assert_eq!(completed(records), [(1, 1, 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the order, per claim the complete commands are numbered 1, 2, 3, …
    #[test]
    fn what_counts_is_dense_per_claim(
        records in proptest::collection::vec(
            prop_oneof![
                1 => (1_u128..4).prop_map(claim),
                8 => (1_u128..4, 1_u64..4, 1_u16..3, 1_u16..3)
                    .prop_map(|(claim, seq, index, of)| part(claim, seq, index, of)),
            ],
            0..60,
        )
    ) {
        let mut latest = None;
        let mut seq = 0;
        let mut validity = Validity::default();
        for record in records {
            let claimed = match &record.body {
                Body::Claim(claim) => Some(claim.id),
                Body::Event(_) => None,
            };
            match validity.step(record) {
                Step::Claimed => {
                    latest = claimed;
                    seq = 0;
                }
                Step::Complete(parts) => {
                    seq += 1;
                    for (record, index) in parts.iter().zip(1..) {
                        let event = event(record).expect("an event");
                        prop_assert_eq!(Some(event.claim), latest);
                        prop_assert_eq!(event.seq, seq);
                        prop_assert_eq!(event.part, Part { index, of: parts.len() as u16 });
                    }
                }
                Step::Held | Step::Dropped => {}
            }
        }
    }
}
