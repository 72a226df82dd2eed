//! `decide(command, state, now) -> events | rejection`, a pure function.
//!
//! Slots of a command's expressions: `input state id version now actor`, then `it index` under
//! `each`. Inside: `emit` (entries to events), `limits` (sizes), `values` (what a refused rule
//! read).

mod actor;
mod call;
mod emit;
mod ids;
mod limits;
pub(crate) mod values;

use std::sync::Arc;

pub(crate) use actor::actor_value;
pub use call::{Actor, Call, Decision, Expected, NewEvent, Rejection, Snapshot};
use ids::{parse_text_id, parse_uuid};

use crate::domain::{Aggregate, Command, Emit, FieldSource, IdKind, Occurrence, Placed};
use crate::fold::NoIds;
use crate::value::Value;

/// Most events of one command.
pub const MAX_EVENTS: usize = 1_000;
/// Most elements of an array or map.
pub const MAX_ELEMENTS: usize = 10_000;
/// Most bytes of an event, of a state, and of a command's events together.
pub const MAX_BYTES: usize = 1_000_000;
/// Most bytes of a text in `key`, `sort` or `group`.
pub const MAX_KEY_BYTES: usize = 1_024;

/// Slots of a command's frame.
const INPUT: usize = 0;
const STATE: usize = 1;
const ACTOR: usize = 5;
const IT: usize = 6;
const INDEX: usize = 7;

/// One value per slot; built once per command, only `it` and `index` change.
type Frame = [Value; 8];

impl Aggregate {
    /// Tests an `allow` that reads no state, before anything is looked up. True where there is
    /// none, or where it reads state (then [`Aggregate::decide`] tests it).
    pub fn allows_early(&self, command: &Command, call: &mut Call<'_>) -> bool {
        let Some(allow) = command.allow.as_ref() else { return true };
        if command.allow_reads_state || !call.actor.checked {
            return true;
        }
        let unseen = Snapshot { version: 0, state: None };
        let frame = frame(command, &unseen, call);
        holds(allow, &frame)
    }

    /// Decides a command: existence, `allow` that reads state, `If-Match`, rules in order, emit,
    /// folds, size limits (key texts of views included).
    pub fn decide(
        &self,
        command: &Command,
        before: &Snapshot,
        call: &mut Call<'_>,
    ) -> Result<Decision, Rejection> {
        exists_as_asked(command.on, before)?;
        let mut frame = frame(command, before, call);
        if let Some(allow) = &command.allow
            && command.allow_reads_state
            && call.actor.checked
            && !holds(allow, &frame)
        {
            return Err(Rejection::Forbidden);
        }
        matches_version(call.expected, before)?;
        self.check_rules(command, &frame)?;
        let events = emit::events(self, command, &mut frame, call)?;
        if events.is_empty() && command.on == Occurrence::New {
            return Err(Rejection::NothingEmitted);
        }
        self.after(before, events, call)
    }

    /// Whether this caller may read this state (`read:`); true with auth off or without `read`.
    pub fn may_read(&self, id: &Arc<str>, state: &Value, actor: &Actor) -> bool {
        let Some(read) = self.read.as_ref().filter(|_| actor.checked) else { return true };
        let actor = if read.reads(2) { actor_value(actor) } else { Value::Null };
        holds(read, &[state.clone(), Value::Text(id.clone()), actor])
    }

    /// Whether an id has the right form; the canonical form (uuids in lower case), or what would
    /// be right.
    pub fn parse_id(&self, text: &str) -> Result<Arc<str>, String> {
        match self.id {
            IdKind::Uuid => parse_uuid(text),
            IdKind::Text => parse_text_id(text),
        }
    }

    fn check_rules(&self, command: &Command, frame: &Frame) -> Result<(), Rejection> {
        for (index, rule) in command.require.iter().enumerate() {
            if rule.rule.eval_in(frame, &mut NoIds)? != Value::Bool(true) {
                let values = values::read(self, command, &rule.rule, frame);
                return Err(Rejection::Rule { index, values });
            }
        }
        Ok(())
    }

    /// Folds the new events in order and holds every limit.
    fn after(
        &self,
        before: &Snapshot,
        events: Vec<NewEvent>,
        call: &Call<'_>,
    ) -> Result<Decision, Rejection> {
        let mut after = before.clone();
        let watched = limits::KeyTexts::of(self);
        for event in &events {
            after.state =
                self.fold(after.state.as_ref(), event.event, &event.data, call.id, call.now)?;
            after.version += 1;
            limits::check_folded(self, event.event, after.state.as_ref())?;
            watched.check_event(call, event, &after)?;
        }
        let state_bytes = after.state.as_ref().map_or(0, |state| self.encode_state(state).len());
        if state_bytes > MAX_BYTES {
            return Err(limits::too_many_bytes("the state", state_bytes));
        }
        if !events.is_empty() {
            watched.check_state(call, &after, state_bytes)?;
        }
        Ok(Decision { events, after, state_bytes })
    }
}

fn exists_as_asked(on: Occurrence, before: &Snapshot) -> Result<(), Rejection> {
    match (on, &before.state) {
        (Occurrence::New, Some(_)) => Err(Rejection::AlreadyExists),
        (Occurrence::Existing, None) => Err(Rejection::NotFound),
        _ => Ok(()),
    }
}

fn matches_version(expected: Option<Expected>, before: &Snapshot) -> Result<(), Rejection> {
    let holds = match expected {
        None => true,
        Some(Expected::Exists) => before.state.is_some(),
        Some(Expected::Version(version)) => version == before.version,
    };
    if holds { Ok(()) } else { Err(Rejection::VersionMismatch { version: before.version }) }
}

fn frame(command: &Command, before: &Snapshot, call: &Call<'_>) -> Frame {
    let actor = if reads_actor(command) { actor_value(call.actor) } else { Value::Null };
    [
        call.input.clone(),
        before.state.clone().unwrap_or(Value::Null),
        Value::Text(call.id.clone()),
        Value::Int(i64::try_from(before.version).unwrap_or(i64::MAX)),
        Value::Timestamp(call.now),
        actor,
        Value::Null,
        Value::Int(0),
    ]
}

/// Building the caller's record costs more than looking whether anything reads it.
fn reads_actor(command: &Command) -> bool {
    let reads = |expr: &Placed| expr.reads(ACTOR);
    let emits = |emit: &Emit| {
        emit.when.as_ref().is_some_and(reads)
            || emit.each.as_ref().is_some_and(reads)
            || emit.fields.iter().any(|f| matches!(f, FieldSource::Expr(e) if e.reads(ACTOR)))
    };
    command.allow.as_ref().is_some_and(reads)
        || command.require.iter().any(|rule| rule.rule.reads(ACTOR))
        || command.emit.iter().any(emits)
}

/// A permission: what fails at run time is false.
fn holds(permission: &Placed, frame: &[Value]) -> bool {
    permission.eval(frame, &mut NoIds) == Ok(Value::Bool(true))
}
