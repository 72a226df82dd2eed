use std::sync::Arc;

use foldline_model::Aggregate;
use foldline_model::decide::{Rejection, Snapshot};
use serde_json::json;

use crate::support::{counter, given, model, unseen};

fn notes() -> Arc<Aggregate> {
    let yaml = r#"
commands:
  write: { input: Write, on: any, emit: [{ event: Written }] }
  double: { input: Double, emit: [{ event: Doubled, each: "lists.range(input.times)" }] }
events:
  Written: { fold: { text: event.text, words: event.words } }
  Doubled: { fold: { text: state.text + state.text } }
views:
  notes-by-text: { key: [text], where: "state.shown", fields: { text: state.text } }
  texts: { of: [Written], sort: [text], fields: { text: "event.text + '!'" } }
"#;
    let text = json!({ "name": "text", "type": "string", "default": "" });
    let list = json!({ "type": "array", "items": "string" });
    let words = json!({ "name": "words", "type": list, "default": [] });
    model(
        yaml,
        &[
            ("commands/Write", json!([text, words])),
            ("commands/Double", json!([{ "name": "times", "type": "int" }])),
            ("events/Written/1", json!([text, words])),
            ("events/Doubled/1", json!([])),
            (
                "state",
                json!([text, words, { "name": "shown", "type": "boolean", "default": false }]),
            ),
        ],
    )
}

fn too_large(result: Result<foldline_model::decide::Decision, Rejection>) -> String {
    match result {
        Err(Rejection::TooLarge(text)) => text,
        other => panic!("expected too large, got {other:?}"),
    }
}

#[test]
fn a_command_emits_at_most_a_thousand_events() {
    let aggregate = counter();
    let opened = given(&aggregate, unseen()).call("open", json!({ "n": 1 })).unwrap().after;
    let split =
        |n: usize| given(&aggregate, opened.clone()).call("split", json!({ "parts": vec![1; n] }));
    assert_eq!(split(999).unwrap().events.len(), 1000);
    assert!(too_large(split(1000)).contains("1000 events"));
}

#[test]
fn a_list_has_at_most_ten_thousand_elements() {
    let aggregate = notes();
    let write =
        |n: usize| given(&aggregate, unseen()).call("write", json!({ "words": vec!["w"; n] }));
    assert!(write(10_000).is_ok());
    assert!(too_large(write(10_001)).contains("10001 elements"));
}

#[test]
fn an_event_has_at_most_a_megabyte() {
    let aggregate = notes();
    let words = vec!["w".repeat(1000); 1000];
    let refused = given(&aggregate, unseen()).call("write", json!({ "words": words }));
    assert!(too_large(refused).contains("Written"));
}

#[test]
fn a_state_has_at_most_a_megabyte() {
    let aggregate = notes();
    let double = |bytes: usize| {
        let input = json!({ "text": "a".repeat(bytes) });
        let before = Snapshot { version: 1, state: Some(written(&aggregate, input)) };
        given(&aggregate, before).call("double", json!({ "times": 1 }))
    };
    assert!(double(499_000).is_ok());
    assert!(too_large(double(501_000)).contains("state.text"));
}

fn written(aggregate: &Aggregate, state: serde_json::Value) -> foldline_model::Value {
    aggregate.state_shape.from_json(&state).unwrap()
}

#[test]
fn a_fold_that_doubles_a_text_is_stopped_before_it_fills_the_memory() {
    let aggregate = notes();
    let before = given(&aggregate, unseen()).call("write", json!({ "text": "ab" })).unwrap().after;
    let refused = given(&aggregate, before).call("double", json!({ "times": 900 }));
    let stopped =
        matches!(refused, Err(Rejection::TooLarge(_) | Rejection::ExpressionFailed { .. }));
    assert!(stopped, "{refused:?}");
}

#[test]
fn a_text_in_a_key_has_at_most_a_kibibyte_where_the_row_is_in_the_view() {
    let aggregate = notes();
    let shown = |text: &str, shown: bool| -> Snapshot {
        let state = json!({ "text": text, "words": [], "shown": shown });
        let state = aggregate.state_shape.from_json(&state).unwrap();
        Snapshot { version: 1, state: Some(state) }
    };
    let double = |before| given(&aggregate, before).call("double", json!({ "times": 1 }));
    assert!(double(shown(&"a".repeat(512), true)).is_ok());
    assert!(double(shown(&"a".repeat(513), false)).is_ok());
    let text = too_large(double(shown(&"a".repeat(513), true)));
    assert!(text.contains("notes-by-text") && text.contains("1026"), "{text}");
}

#[test]
fn a_computed_sort_text_of_a_view_of_events_is_held_to_the_limit_too() {
    let aggregate = notes();
    let write =
        |n: usize| given(&aggregate, unseen()).call("write", json!({ "text": "a".repeat(n) }));
    assert!(write(1023).is_ok());
    assert!(too_large(write(1024)).contains("texts"));
}
