//! `decide(command, state, now) -> events | rejection`, a pure function.
//!
//! Slots of a command's expressions: `input state id version now actor`, then `it index` under
//! `each`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::domain::{Aggregate, Command};
use crate::expr::Env;
use crate::value::Value;

/// What is known of an aggregate between two commands.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// How many events it has had; 0 = never seen.
    pub version: u64,
    /// Its state; `None` where it was never created or is deleted.
    pub state: Option<Value>,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// `actor.sub`; `anonymous` with auth off.
    pub sub: Arc<str>,
    /// `actor.roles`.
    pub roles: Vec<Arc<str>>,
    /// `actor.scopes`.
    pub scopes: Vec<Arc<str>>,
    /// `actor.claims`, as JSON.
    pub claims: Arc<serde_json::Value>,
    /// Whether `allow` and `read` are tested at all (false with auth off).
    pub checked: bool,
}

/// What `If-Match` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this version (`0` = not yet there).
    Version(u64),
    /// Any, but it exists (`*`).
    Exists,
}

/// One call of a command.
pub struct Call<'a> {
    /// The aggregate's id.
    pub id: &'a Arc<str>,
    /// The input, of the command's input shape.
    pub input: &'a Value,
    /// Who calls.
    pub actor: &'a Actor,
    /// `If-Match`.
    pub expected: Option<Expected>,
    /// Whole milliseconds, never before the partition's last event.
    pub now: i64,
    /// Where `new_id()` comes from.
    pub env: &'a mut dyn Env,
}

/// An event that a decision makes.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Index into [`Aggregate::events`].
    pub event: usize,
    /// Its data, of the event's current shape.
    pub data: Value,
    /// The wire form: see [`crate::event`].
    pub wire: Bytes,
}

/// A success: events (perhaps none) and the aggregate after them.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// In order; their versions count up from `before.version + 1`.
    pub events: Vec<NewEvent>,
    /// After all of them.
    pub after: Snapshot,
    /// Length of the encoded state in bytes, for the owner's memory bound.
    pub state_bytes: usize,
}

/// A refusal. Nothing is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Rejection {
    /// `on: existing` and it is not there.
    NotFound,
    /// `on: new` and it is there.
    AlreadyExists,
    /// `allow` is false or failed.
    Forbidden,
    /// `If-Match` does not hold.
    VersionMismatch {
        /// The version it has.
        version: u64,
    },
    /// A rule is false.
    Rule {
        /// Index into [`Command::require`].
        index: usize,
        /// The values of the paths that the rule reads, rendered as JSON (`state.balance` -> -70).
        values: BTreeMap<Arc<str>, serde_json::Value>,
    },
    /// `on: new` and no event came out.
    NothingEmitted,
    /// An expression failed at run time.
    ExpressionFailed {
        /// Where in model.yaml, `orders/model.yaml:21`.
        place: Arc<str>,
        /// What happened.
        detail: String,
    },
    /// A limit of model-language was passed; the text names it.
    TooLarge(String),
}

/// Most events of one command.
pub const MAX_EVENTS: usize = 1_000;
/// Most elements of an array or map.
pub const MAX_ELEMENTS: usize = 10_000;
/// Most bytes of an event, of a state, and of a command's events together.
pub const MAX_BYTES: usize = 1_000_000;
/// Most bytes of a text in `key`, `sort` or `group`.
pub const MAX_KEY_BYTES: usize = 1_024;

impl Aggregate {
    /// Tests an `allow` that reads no state, before anything is looked up. True where there is
    /// none, or where it reads state (then [`Aggregate::decide`] tests it).
    pub fn allows_early(&self, _command: &Command, _call: &mut Call<'_>) -> bool {
        todo!("decide")
    }

    /// Decides a command: existence, `allow` that reads state, `If-Match`, rules in order, emit,
    /// folds, size limits (key texts of views included).
    pub fn decide(
        &self,
        _command: &Command,
        _before: &Snapshot,
        _call: &mut Call<'_>,
    ) -> Result<Decision, Rejection> {
        todo!("decide")
    }

    /// Whether this caller may read this state (`read:`); true with auth off or without `read`.
    pub fn may_read(&self, _id: &Arc<str>, _state: &Value, _actor: &Actor) -> bool {
        todo!("decide")
    }

    /// Whether an id has the right form; the canonical form (uuids in lower case), or what would
    /// be right.
    pub fn parse_id(&self, _text: &str) -> Result<Arc<str>, String> {
        todo!("decide")
    }
}
