//! A call of a command, and what comes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::expr::Env;
use crate::fold::ExpressionFailed;
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
    /// Index into [`Aggregate::events`](crate::Aggregate::events).
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
        /// Index into [`Command::require`](crate::domain::Command::require).
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

impl From<ExpressionFailed> for Rejection {
    fn from(failed: ExpressionFailed) -> Rejection {
        Rejection::ExpressionFailed { place: failed.place, detail: failed.detail }
    }
}
