//! What a test says, checked against the model.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::decide::{Actor, Expected};
use crate::domain::{Command, View};
use crate::schema::InputError;
use crate::value::Value;

/// One test.
pub(super) struct Case<'m> {
    /// Line of its name.
    pub(super) line: u32,
    pub(super) name: String,
    /// The aggregate that it is about.
    pub(super) id: Arc<str>,
    pub(super) given: Vec<Step<'m>>,
    /// Left out where only what was given is looked at.
    pub(super) when: Option<Invocation<'m>>,
    pub(super) then: Then<'m>,
}

/// One step of what was before.
pub(super) enum Step<'m> {
    /// An event that happened.
    Event { event: usize, data: Value, time: Option<i64> },
    /// A command that succeeded.
    Command(Invocation<'m>),
}

/// One call of a command.
pub(super) struct Invocation<'m> {
    pub(super) command: &'m Command,
    /// Input that does not fit is a rejection, which a test may expect.
    pub(super) input: Result<Value, Vec<InputError>>,
    pub(super) actor: Actor,
    pub(super) now: Option<i64>,
    pub(super) expected: Option<Expected>,
}

/// What is expected; what is left out is not looked at.
#[derive(Default)]
pub(super) struct Then<'m> {
    pub(super) rejected: Option<String>,
    pub(super) events: Option<Vec<ExpectedEvent>>,
    /// An object, or null where the aggregate is gone.
    pub(super) state: Option<Json>,
    pub(super) views: Vec<(&'m View, Vec<Json>)>,
}

/// An event's type and, if looked at, some of its data.
pub(super) struct ExpectedEvent {
    pub(super) event: usize,
    pub(super) data: Option<Json>,
}
