use std::sync::Arc;

use foldline_model::Value;
use foldline_model::rows::{Amount, Occurred, Row};
use serde_json::json;

use crate::support::{NOW, caller, counter, given, model, nobody, unseen};

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn a_row_has_its_fields_and_then_the_id_that_tells_it_apart() {
    let aggregate = counter();
    let after = given(&aggregate, unseen()).call("open", json!({ "n": 3 })).unwrap().after;
    let view = &aggregate.views[0];
    let id = Arc::from("t-1");
    let rows = aggregate.rows(view, &id, 1, after.state.as_ref());
    assert_eq!(rows, Ok(vec![Row(vec![text("ann"), Value::Int(3), text("t-1")])]));
    assert_eq!(aggregate.rows(view, &id, 2, None), Ok(vec![]));
}

#[test]
fn a_view_of_events_sees_the_state_after_the_event_or_null() {
    let aggregate = counter();
    let view = aggregate.views.iter().find(|view| &*view.name == "added").unwrap();
    let (event, kind) = aggregate.event("Added").unwrap();
    let data = kind.shape.from_json(&json!({ "n": 4, "seen": 0 })).unwrap();
    let id = Arc::from("t-1");
    let occurred = Occurred { event, data: &data, time: NOW, after: Some(&aggregate.blank) };
    let rows = aggregate.event_rows(view, &id, 9, &occurred).unwrap();
    assert_eq!(rows[0].0[..2], [Value::Int(4), Value::Int(0)]);
    let (other, _) = aggregate.event("Noted").unwrap();
    let other = Occurred { event: other, ..occurred };
    assert_eq!(aggregate.event_rows(view, &id, 9, &other), Ok(vec![]));
    assert!(view.is_over_events());
}

#[test]
fn a_rollup_counts_one_and_sums_its_expression() {
    let aggregate = counter();
    let after = given(&aggregate, unseen()).call("open", json!({ "n": 3 })).unwrap().after;
    let view = aggregate.views.iter().find(|view| &*view.name == "sums").unwrap();
    let id = Arc::from("t-1");
    let made = aggregate.contributions(view, &id, 1, after.state.as_ref()).unwrap();
    assert_eq!(made[0].group, [text("ann")]);
    assert_eq!(made[0].amounts, [Amount::Exact(1), Amount::Exact(3)]);
    let row = view.row_value(&[text("ann"), Value::Int(1), Value::Int(3)]);
    assert_eq!(row, Value::Record(Arc::new(vec![text("ann"), Value::Int(1), Value::Int(3)])));
}

#[test]
fn a_row_is_seen_by_whom_allow_lets() {
    let yaml = r#"
read: "actor.sub == id || actor.claims.team == state.team"
commands:
  join: { input: Join, on: new, emit: [{ event: Joined }] }
events:
  Joined: { fold: { team: event.team } }
views:
  teams: { key: [team], allow: "row.id == actor.sub", fields: { team: state.team } }
"#;
    let team = json!([{ "name": "team", "type": "string" }]);
    let aggregate = model(
        yaml,
        &[("commands/Join", team.clone()), ("events/Joined/1", team.clone()), ("state", team)],
    );
    let after = given(&aggregate, unseen()).call("join", json!({ "team": "red" })).unwrap().after;
    let (id, state) = (Arc::from("t-1"), after.state.unwrap());
    let view = &aggregate.views[0];
    let row = view.row_value(&aggregate.rows(view, &id, 1, Some(&state)).unwrap()[0].0);
    assert!(aggregate.may_see(view, &row, &caller("t-1")));
    assert!(!aggregate.may_see(view, &row, &caller("eve")));
    assert!(aggregate.may_see(view, &row, &nobody()));
    assert!(aggregate.may_read(&id, &state, &caller("t-1")));
    assert!(!aggregate.may_read(&id, &state, &caller("eve")));
    let mut mate = caller("bob");
    mate.claims = Arc::new(json!({ "team": "red" }));
    assert!(aggregate.may_read(&id, &state, &mate));
}

#[test]
fn index_counts_the_elements_of_each_from_zero() {
    let yaml = r#"
commands:
  put: { input: Put, on: new, emit: [{ event: Filled }] }
events:
  Filled: { fold: { words: event.words } }
views:
  words: { each: state.words, key: [word], sort: [place], where: "it != 'b'", fields: { word: it, place: index } }
"#;
    let words = json!({ "type": "array", "items": "string" });
    let words = json!([{ "name": "words", "type": words, "default": [] }]);
    let records = [("commands/Put", words.clone()), ("events/Filled/1", words.clone())];
    let aggregate = model(yaml, &[&records[..], &[("state", words)]].concat());
    let input = json!({ "words": ["a", "b", "c"] });
    let after = given(&aggregate, unseen()).call("put", input).unwrap().after;
    let id = Arc::from("t-1");
    let rows = aggregate.rows(&aggregate.views[0], &id, 1, after.state.as_ref()).unwrap();
    let seen: Vec<_> = rows.iter().map(|row| row.0[..2].to_vec()).collect();
    assert_eq!(seen, [[text("a"), Value::Int(0)], [text("c"), Value::Int(2)]]);
}

#[test]
fn a_row_is_hidden_where_allow_fails() {
    let yaml = r#"
commands:
  join: { on: new, emit: [{ event: Joined }] }
events:
  Joined: { fold: { level: "1" } }
views:
  levels: { key: [level], allow: "actor.claims.level > row.level", fields: { level: state.level } }
"#;
    let level = json!([{ "name": "level", "type": "long", "default": 0 }]);
    let aggregate = model(yaml, &[("events/Joined/1", json!([])), ("state", level)]);
    let view = &aggregate.views[0];
    let row = view.row_value(&[Value::Int(1), text("t-1")]);
    let mut ann = caller("ann");
    assert!(!aggregate.may_see(view, &row, &ann), "there is no such claim");
    ann.claims = Arc::new(json!({ "level": 2 }));
    assert!(aggregate.may_see(view, &row, &ann));
}
