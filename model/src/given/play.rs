//! Runs one test: what was given, the command, and what is expected of its outcome.

use std::sync::Arc;

use serde_json::Value as Json;

use super::case::{Case, ExpectedEvent, Invocation, Step, Then};
use super::{compare, data, order, tables};
use crate::decide::values::json;
use crate::decide::{Call, Rejection, Snapshot};
use crate::domain::{Aggregate, Command};
use crate::expr::Env;
use crate::value::Value;

/// The time of a test that names none: 2026-01-01T00:00:00Z.
const EPOCH: i64 = 1_767_225_600_000;

/// An event of the test, and the state after it.
pub(super) struct Happened {
    pub(super) event: usize,
    pub(super) data: Value,
    pub(super) time: i64,
    pub(super) after: Option<Value>,
}

/// The aggregate as far as the test has come.
pub(super) struct Played<'c> {
    pub(super) id: &'c Arc<str>,
    pub(super) events: Vec<Happened>,
    pub(super) now: Snapshot,
    time: i64,
    ids: Counter,
}

/// Makes `new_id()` the same in every run of a test.
struct Counter(u64);

impl Env for Counter {
    fn new_id(&mut self) -> Arc<str> {
        self.0 += 1;
        format!("00000000-0000-7000-8000-{:012x}", self.0).into()
    }
}

/// Why a command did not succeed: its code, and more for people.
struct Refused {
    code: String,
    detail: String,
}

/// `Err` is the readable difference.
pub(super) fn play(aggregate: &Aggregate, case: &Case<'_>) -> Result<(), String> {
    let now = Snapshot { version: 0, state: None };
    let mut played = Played { id: &case.id, events: Vec::new(), now, time: EPOCH, ids: Counter(0) };
    for (step, number) in case.given.iter().zip(1..) {
        give(aggregate, &mut played, step).map_err(|why| format!("given, step {number}: {why}"))?;
    }
    let known = played.events.len();
    let refused = match &case.when {
        Some(invocation) => invoke(aggregate, &mut played, invocation).err(),
        None => None,
    };
    let mut lines = Vec::new();
    check_rejection(&case.then, refused.as_ref(), &mut lines);
    if let Some(expected) = &case.then.events {
        check_events(aggregate, expected, &played.events[known..], &mut lines);
    }
    check_state(aggregate, &case.then, &played, &mut lines);
    check_views(aggregate, &case.then, &played, &mut lines);
    if lines.is_empty() { Ok(()) } else { Err(lines.join("\n")) }
}

/// The command of a test that begins with nothing, if it succeeds.
pub(super) fn alone<'c>(aggregate: &Aggregate, case: &'c Case<'_>) -> Option<Played<'c>> {
    let now = Snapshot { version: 0, state: None };
    let mut played = Played { id: &case.id, events: Vec::new(), now, time: EPOCH, ids: Counter(0) };
    invoke(aggregate, &mut played, case.when.as_ref()?).ok()?;
    Some(played)
}

fn give(aggregate: &Aggregate, played: &mut Played<'_>, step: &Step<'_>) -> Result<(), String> {
    match step {
        Step::Event { event, data, time } => {
            played.time = time.unwrap_or(played.time).max(played.time);
            let time = played.time;
            let after = aggregate
                .fold(played.now.state.as_ref(), *event, data, played.id, time)
                .map_err(|failed| failed.to_string())?;
            played.now.version += 1;
            played.now.state.clone_from(&after);
            played.events.push(Happened { event: *event, data: data.clone(), time, after });
            Ok(())
        }
        Step::Command(invocation) => invoke(aggregate, played, invocation).map_err(|refused| {
            let Refused { code, detail } = refused;
            format!("the command {} was rejected: {code} ({detail})", invocation.command.name)
        }),
    }
}

fn invoke(
    aggregate: &Aggregate,
    played: &mut Played<'_>,
    invocation: &Invocation<'_>,
) -> Result<(), Refused> {
    let Invocation { command, input, actor, now, expected } = invocation;
    let input = input.as_ref().map_err(|wrong| {
        let places = wrong.iter().map(|w| format!("{:?}: {}", w.pointer, w.message));
        let detail = places.collect::<Vec<_>>().join("; ");
        Refused { code: "invalid-input".to_owned(), detail }
    })?;
    played.time = now.unwrap_or(played.time).max(played.time);
    let (time, id) = (played.time, played.id);
    let env = &mut played.ids;
    let mut call = Call { id, input, actor, expected: *expected, now: time, env };
    if !aggregate.allows_early(command, &mut call) {
        return Err(refused(command, Rejection::Forbidden));
    }
    let decision = aggregate
        .decide(command, &played.now, &mut call)
        .map_err(|rejection| refused(command, rejection))?;
    let mut state = played.now.state.take();
    for event in decision.events {
        // The decision has made the same folds, so none of them fails.
        state = aggregate
            .fold(state.as_ref(), event.event, &event.data, id, time)
            .map_err(|failed| refused(command, failed.into()))?;
        let (event, data) = (event.event, event.data);
        played.events.push(Happened { event, data, time, after: state.clone() });
    }
    played.now = decision.after;
    Ok(())
}

fn refused(command: &Command, rejection: Rejection) -> Refused {
    let (code, detail) = match rejection {
        Rejection::NotFound => ("not-found", "it does not exist".to_owned()),
        Rejection::AlreadyExists => ("already-exists", "it exists".to_owned()),
        Rejection::Forbidden => ("forbidden", "`allow` is false".to_owned()),
        Rejection::VersionMismatch { version } => {
            ("version-mismatch", format!("it is at version {version}"))
        }
        Rejection::Rule { index, .. } => {
            let rule = &command.require[index];
            (&*rule.code, rule.message.to_string())
        }
        Rejection::NothingEmitted => ("nothing-emitted", "no event came out".to_owned()),
        Rejection::ExpressionFailed { place, detail } => {
            ("expression-failed", format!("{place}: {detail}"))
        }
        Rejection::TooLarge(text) => ("too-large", text),
    };
    Refused { code: code.to_owned(), detail }
}

fn check_rejection(then: &Then<'_>, refused: Option<&Refused>, lines: &mut Vec<String>) {
    match (&then.rejected, refused) {
        (Some(code), Some(refused)) if *code != refused.code => {
            let Refused { code: came, detail } = refused;
            lines.push(format!("rejected: expected {code}, got {came} ({detail})"));
        }
        (Some(code), None) => lines.push(format!("rejected: expected {code}, but it succeeded")),
        (None, Some(Refused { code, detail })) => {
            lines.push(format!("rejected: expected a success, got {code} ({detail})"));
        }
        _ => {}
    }
}

fn check_events(
    aggregate: &Aggregate,
    expected: &[ExpectedEvent],
    came: &[Happened],
    lines: &mut Vec<String>,
) {
    let name = |event: usize| aggregate.events[event].name.to_string();
    let wanted: Vec<_> = expected.iter().map(|e| name(e.event)).collect();
    let got: Vec<_> = came.iter().map(|e| name(e.event)).collect();
    if wanted != got {
        lines.push(format!("events: expected {}, got {}", list(&wanted), list(&got)));
        return;
    }
    for (index, (expected, came)) in expected.iter().zip(came).enumerate() {
        let Some(data) = &expected.data else { continue };
        let shape = &aggregate.events[came.event].shape;
        let at = format!("events[{index}] {}", name(came.event));
        compare::differences(shape, data, &json(shape, &came.data), &at, lines);
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn check_state(
    aggregate: &Aggregate,
    then: &Then<'_>,
    played: &Played<'_>,
    lines: &mut Vec<String>,
) {
    let Some(expected) = &then.state else { return };
    match (expected, &played.now.state) {
        (Json::Null, Some(_)) => lines.push("state: expected none, but it exists".to_owned()),
        (Json::Null, None) => {}
        (_, None) => lines.push("state: expected one, but it does not exist".to_owned()),
        (_, Some(state)) => {
            let shape = &aggregate.state_shape;
            compare::differences(shape, expected, &json(shape, state), "state", lines);
        }
    }
}

fn check_views(
    aggregate: &Aggregate,
    then: &Then<'_>,
    played: &Played<'_>,
    lines: &mut Vec<String>,
) {
    for (view, expected) in &then.views {
        let parts = match tables::answer(aggregate, view, played) {
            Ok(parts) => parts,
            Err(failed) => {
                lines.push(format!("views.{}: {failed}", view.name));
                continue;
            }
        };
        let columns = data::answer_columns(view);
        let rows = order::as_expected(&columns, expected, &parts);
        if rows.len() != expected.len() {
            let (wanted, got) = (expected.len(), rows.len());
            lines.push(format!("views.{}: expected {wanted} rows, got {got}", view.name));
            lines.extend(rows.iter().map(|row| format!("  got {row}")));
            continue;
        }
        for (index, (expected, row)) in expected.iter().zip(rows).enumerate() {
            let at = format!("views.{}[{index}]", view.name);
            compare::row_differences(&columns, expected, row, &at, lines);
        }
    }
}
