use std::collections::BTreeMap;
use std::sync::Arc;

use foldline_model::decide::{NewEvent, Snapshot};
use foldline_model::rows::{Amount, Occurred};
use foldline_model::{Aggregate, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::support::{NOW, counter, given, unseen};

fn commands() -> impl Strategy<Value = Vec<(&'static str, Json)>> {
    let n = -3_i64..9;
    let one = prop_oneof![
        3 => n.clone().prop_map(|n| ("open", json!({ "n": n }))),
        4 => n.clone().prop_map(|n| ("add", json!({ "n": n }))),
        2 => n.clone().prop_map(|n| ("divide", json!({ "n": n }))),
        3 => prop::collection::vec(n, 0..5).prop_map(|parts| ("split", json!({ "parts": parts }))),
        1 => Just(("drop", json!({}))),
        1 => Just(("odd", json!({}))),
    ];
    prop::collection::vec(one, 0..40)
}

/// Runs the commands; whatever is rejected changes nothing.
fn run(aggregate: &Aggregate, commands: &[(&str, Json)]) -> (Snapshot, Vec<NewEvent>) {
    let mut now = unseen();
    let mut log = Vec::new();
    for (command, input) in commands {
        if let Ok(decision) = given(aggregate, now.clone()).call(command, input.clone()) {
            now = decision.after;
            log.extend(decision.events);
        }
    }
    (now, log)
}

/// The states after each event, folded from the bytes of the log.
fn refold(aggregate: &Aggregate, log: &[NewEvent]) -> Vec<Option<Value>> {
    let id = Arc::from("t-1");
    let mut state = None;
    let fold = |event: &NewEvent| {
        let name = &aggregate.events[event.event].name;
        let (index, data) = aggregate.read_event(name, &event.wire).unwrap();
        state = aggregate.fold(state.as_ref(), index, &data, &id, NOW).unwrap();
        state.clone()
    };
    log.iter().map(fold).collect()
}

fn int(value: &Value) -> i128 {
    match value {
        Value::Int(n) => i128::from(*n),
        other => panic!("{other:?} is no integer"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_log_folds_to_the_state_that_was_decided(commands in commands()) {
        let aggregate = counter();
        let (now, log) = run(&aggregate, &commands);
        let states = refold(&aggregate, &log);
        prop_assert_eq!(states.last().cloned().flatten(), now.state);
        prop_assert_eq!(log.len() as u64, now.version);
    }

    #[test]
    fn rows_depend_on_the_state_alone(commands in commands()) {
        let aggregate = counter();
        let (now, log) = run(&aggregate, &commands);
        let states = refold(&aggregate, &log);
        let id = Arc::from("t-1");
        let view = &aggregate.views[0];
        let rows = aggregate.rows(view, &id, now.version, now.state.as_ref()).unwrap();
        let again = states.last().and_then(Option::as_ref);
        prop_assert_eq!(rows.len(), usize::from(now.state.is_some()));
        prop_assert_eq!(rows, aggregate.rows(view, &id, now.version, again).unwrap());
    }

    #[test]
    fn contributions_of_events_add_up_to_a_plain_count_of_the_log(commands in commands()) {
        let aggregate = counter();
        let (_, log) = run(&aggregate, &commands);
        let states = refold(&aggregate, &log);
        let view = aggregate.views.iter().find(|view| &*view.name == "flow").unwrap();
        let id = Arc::from("t-1");
        let mut summed: BTreeMap<String, (i128, i128)> = BTreeMap::new();
        let mut counted = summed.clone();
        for ((event, after), version) in log.iter().zip(&states).zip(1..) {
            let (event, data) = (event.event, &event.data);
            let occurred = Occurred { event, data, time: NOW, after: after.as_ref() };
            for made in aggregate.event_contributions(view, &id, version, &occurred).unwrap() {
                let [Amount::Exact(times), Amount::Exact(n)] = made.amounts[..] else {
                    panic!("two exact amounts");
                };
                let cell = summed.entry(format!("{:?}", made.group)).or_default();
                (cell.0, cell.1) = (cell.0 + times, cell.1 + n);
            }
            let name = &aggregate.events[event].name;
            if let ("Added" | "Opened", Value::Record(fields)) = (&**name, data) {
                let group = vec![Value::Text(name.clone())];
                let cell = counted.entry(format!("{group:?}")).or_default();
                (cell.0, cell.1) = (cell.0 + 1, cell.1 + int(&fields[0]));
            }
        }
        prop_assert_eq!(summed, counted);
    }
}
