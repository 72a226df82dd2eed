use foldline_model::decide::{Expected, Rejection, Snapshot};
use serde_json::json;

use crate::support::{counter, given, state, unseen};

fn opened(n: i64) -> Snapshot {
    let aggregate = counter();
    given(&aggregate, unseen()).call("open", json!({ "n": n })).unwrap().after
}

#[test]
fn all_events_of_a_command_see_the_state_before_it() {
    let aggregate = counter();
    let decision = given(&aggregate, opened(5)).call("add", json!({ "n": 2 })).unwrap();
    let seen: Vec<_> = decision.events.iter().map(|e| format!("{:?}", e.data)).collect();
    assert_eq!(seen[0], seen[1]);
    assert_eq!(state(&aggregate, &decision), json!({ "n": 9, "sum": 12, "owner": "ann" }));
    assert_eq!(decision.after.version, 3);
}

#[test]
fn every_field_of_a_fold_sees_the_state_before_the_event() {
    let aggregate = counter();
    let input = json!({ "parts": [3, 0, -1, 4] });
    let decision = given(&aggregate, opened(1)).call("split", input).unwrap();
    // 1 + 3, then + 4; sums 1 + 4; then both change places.
    assert_eq!(state(&aggregate, &decision), json!({ "n": 5, "sum": 8, "owner": "ann" }));
}

#[test]
fn when_is_tested_per_element_and_index_counts_all_of_them() {
    let aggregate = counter();
    let input = json!({ "parts": [3, 0, -1, 4] });
    let decision = given(&aggregate, opened(1)).call("split", input).unwrap();
    let added = &decision.events[1].data;
    let mut text = Vec::new();
    aggregate.event("Added").unwrap().1.shape.write_json(added, &mut text);
    assert_eq!(String::from_utf8(text).unwrap(), r#"{"n":4,"seen":3}"#);
    assert_eq!(decision.events.len(), 3);
}

#[test]
fn existence_comes_before_permission_version_and_rules() {
    let aggregate = counter();
    let missing = given(&aggregate, unseen()).by("eve").at(Expected::Version(7));
    assert_eq!(missing.call("add", json!({ "n": 0 })), Err(Rejection::NotFound));
    let there = given(&aggregate, opened(1)).at(Expected::Version(7));
    assert_eq!(there.call("open", json!({ "n": 0 })), Err(Rejection::AlreadyExists));
}

#[test]
fn a_permission_that_reads_the_state_comes_before_the_version() {
    let aggregate = counter();
    let eve = given(&aggregate, opened(1)).by("eve").at(Expected::Version(7));
    assert_eq!(eve.call("add", json!({ "n": 0 })), Err(Rejection::Forbidden));
    let ann = given(&aggregate, opened(1)).by("ann").at(Expected::Version(7));
    let mismatch = Err(Rejection::VersionMismatch { version: 1 });
    assert_eq!(ann.call("add", json!({ "n": 0 })), mismatch);
}

#[test]
fn a_permission_that_reads_no_state_comes_before_existence() {
    let aggregate = counter();
    let refused = given(&aggregate, unseen()).by("eve").call("admin", json!({}));
    assert_eq!(refused, Err(Rejection::Forbidden));
    let allowed = given(&aggregate, unseen()).by("root").call("admin", json!({}));
    assert_eq!(allowed, Err(Rejection::NotFound));
}

#[test]
fn a_permission_that_fails_is_false_and_none_is_tested_with_auth_off() {
    let aggregate = counter();
    let failing = given(&aggregate, unseen()).by("ann").call("odd", json!({}));
    assert_eq!(failing, Err(Rejection::Forbidden));
    let decision = given(&aggregate, unseen()).call("odd", json!({})).unwrap();
    assert!(decision.events.is_empty());
    assert_eq!(decision.after, unseen());
}

#[test]
fn version_zero_means_never_seen_and_a_star_means_it_exists() {
    let aggregate = counter();
    let new = given(&aggregate, unseen()).at(Expected::Version(0));
    assert!(new.call("open", json!({ "n": 1 })).is_ok());
    let star = given(&aggregate, unseen()).at(Expected::Exists).call("open", json!({ "n": 1 }));
    assert_eq!(star, Err(Rejection::VersionMismatch { version: 0 }));
}

#[test]
fn an_outdated_version_is_refused_like_one_that_is_not_there_yet() {
    let aggregate = counter();
    let at = |version| given(&aggregate, opened(1)).at(Expected::Version(version));
    for wrong in [0, 2] {
        let refused = at(wrong).call("add", json!({ "n": 1 }));
        assert_eq!(refused, Err(Rejection::VersionMismatch { version: 1 }), "{wrong}");
    }
    assert!(at(1).call("add", json!({ "n": 1 })).is_ok());
}

#[test]
fn the_first_false_rule_rejects_with_the_values_that_it_read() {
    let aggregate = counter();
    let Err(Rejection::Rule { index, values }) =
        given(&aggregate, opened(5)).call("add", json!({ "n": -7 }))
    else {
        panic!("the rule must reject");
    };
    assert_eq!(index, 1);
    let values: Vec<_> =
        values.into_iter().map(|(path, value)| (path.to_string(), value)).collect();
    assert_eq!(values, [("input.n".to_owned(), json!(-7)), ("state.n".to_owned(), json!(5))]);
}

#[test]
fn a_failing_expression_names_its_line() {
    let aggregate = counter();
    let Err(Rejection::ExpressionFailed { place, detail }) =
        given(&aggregate, opened(5)).call("divide", json!({ "n": 0 }))
    else {
        panic!("a division by zero must fail");
    };
    assert_eq!(&*place, "things/model.yaml:19");
    assert!(detail.contains("zero"), "{detail}");
}

#[test]
fn a_failing_fold_rejects() {
    let aggregate = counter();
    let refused = given(&aggregate, opened(i64::MAX)).call("split", json!({ "parts": [1] }));
    assert!(matches!(refused, Err(Rejection::ExpressionFailed { .. })), "{refused:?}");
}

#[test]
fn a_new_aggregate_needs_an_event() {
    let aggregate = counter();
    let refused = given(&aggregate, unseen()).call("open", json!({ "n": -1 }));
    assert_eq!(refused, Err(Rejection::NothingEmitted));
}

#[test]
fn what_was_deleted_starts_from_blank_and_goes_on_counting() {
    let aggregate = counter();
    let added = given(&aggregate, opened(5)).call("add", json!({ "n": 1 })).unwrap().after;
    let dropped = given(&aggregate, added).call("drop", json!({})).unwrap();
    assert_eq!(dropped.after, Snapshot { version: 4, state: None });
    assert_eq!(dropped.state_bytes, 0);
    let again = given(&aggregate, dropped.after).call("open", json!({ "n": 2 })).unwrap();
    assert_eq!(again.after.version, 5);
    assert_eq!(state(&aggregate, &again), json!({ "n": 2, "sum": 0, "owner": "ann" }));
}

#[test]
fn text_ids_keep_to_their_characters() {
    let aggregate = counter();
    let most = "a".repeat(128);
    for good in ["a", "A-1:b_c~d@e.f", "...", most.as_str()] {
        assert_eq!(aggregate.parse_id(good).as_deref(), Ok(good));
    }
    let more = "a".repeat(129);
    for bad in ["", ".", "..", "a b", "a/b", "é", more.as_str()] {
        assert!(aggregate.parse_id(bad).is_err(), "{bad}");
    }
}
