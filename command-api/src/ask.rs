//! What passes between the HTTP side and the owner of a partition: a question and its answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_log::KeyedCommand;
use model::Value;
use model::decide::{Actor, Expected, Rejection};
use service::Problem;
use tokio::sync::oneshot;

/// What the owner says.
pub(crate) type Verdict = Result<Success, Refusal>;

/// One call of a command, parsed.
pub(crate) struct Ask {
    /// Index into the model's aggregates.
    pub aggregate: usize,
    /// Index into its commands.
    pub command: usize,
    pub id: Arc<str>,
    /// Whether the id was just made at random, so that nothing can be known under it.
    pub fresh: bool,
    pub input: Value,
    pub actor: Arc<Actor>,
    pub expected: Option<Expected>,
    pub key: Option<KeyedCommand>,
    pub dry_run: bool,
    pub traceparent: Option<Arc<str>>,
    pub reply: oneshot::Sender<Verdict>,
}

impl Ask {
    /// Answers; whoever asked may be gone, then nobody needs the answer.
    pub fn answer(self, verdict: Verdict) {
        self.reply.send(verdict).ok();
    }
}

/// A command that was accepted.
#[derive(Debug)]
pub(crate) enum Success {
    /// For real.
    Done(Done),
    /// As a dry run: event type, version, data.
    Dry { version: u64, events: Vec<(usize, u64, Value)> },
}

/// What an accepted command did.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// Version of its first event, or the present version where there is none.
    pub first_version: u64,
    /// Types of its events.
    pub events: Vec<Arc<str>>,
    /// Whether the aggregate did not exist before it.
    pub began: bool,
    /// The offset that it covers; -1 = none.
    pub offset: i64,
    /// Whether this is the answer of an earlier call with the same key.
    pub replayed: bool,
}

impl Done {
    /// 201 for an aggregate that this command began, else 200.
    pub fn status(&self) -> u16 {
        if self.began { 201 } else { 200 }
    }

    /// The aggregate's version after the command.
    pub fn version(&self) -> u64 {
        self.first_version + (self.events.len() as u64).saturating_sub(1)
    }
}

/// Why a command was not accepted.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The model says no. A dry run's caller may see the values that the rule read.
    Rejected { rejection: Rejection, values: Option<BTreeMap<Arc<str>, serde_json::Value>> },
    /// The key stands for another command or input.
    KeyReused,
    /// No room to hold another aggregate's state.
    Overloaded,
    /// Nothing was written.
    Unavailable(String),
    /// Nothing was written: the partition is somebody else's.
    Moved,
    /// What the owner answered, where that is another instance.
    Elsewhere(Box<Problem>),
    /// It may have been written.
    OutcomeUnknown,
    /// The decision itself broke.
    Internal,
}
