//! A group commit: commands to append together, and the answers that wait for it.

use event_log::{AppendError, Appended, NewCommand, planted};
use tokio::sync::oneshot;

use super::keys::Place;
use crate::ask::{Done, Refusal, Success, Verdict};

/// Most commands of a batch.
const MAX_COMMANDS: usize = 4_096;
/// Most bytes of a batch's events, but for its last command.
const MAX_BYTES: usize = 4 << 20;

/// An answer that waits.
pub(super) struct Pending {
    pub reply: oneshot::Sender<Verdict>,
    pub outcome: Outcome,
}

/// What will be answered once all is durable.
pub(super) enum Outcome {
    /// The command at this index of the batch.
    Written { index: usize, done: Done },
    /// The same as an earlier call with this key, whose events are on their way.
    Twin { done: Done, place: Place },
    /// No events: what was decided, on states that may not be durable yet.
    Settled(Verdict),
}

/// What is decided and not yet durable.
#[derive(Default)]
pub(super) struct Batch {
    pub commands: Vec<NewCommand>,
    pub pending: Vec<Pending>,
    /// Keyed commands: index and where their place is to be noted.
    pub places: Vec<(usize, Place)>,
    pub bytes: usize,
}

impl Batch {
    pub fn is_full(&self) -> bool {
        self.pending.len() >= MAX_COMMANDS || self.bytes >= MAX_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

/// Answers after a batch is durable. `durable` is the last offset known to be.
pub(super) fn acknowledge(
    pending: Vec<Pending>,
    places: &[(usize, Place)],
    appended: &Appended,
    durable: i64,
) {
    for (index, place) in places {
        place.settle(appended.last[*index].0);
    }
    for Pending { reply, outcome } in pending {
        let verdict = match outcome {
            Outcome::Written { index, mut done } => {
                done.offset = appended.last[index].0;
                Ok(Success::Done(done))
            }
            Outcome::Twin { mut done, place } => {
                done.offset = place.offset().unwrap_or(durable);
                Ok(Success::Done(done))
            }
            Outcome::Settled(Ok(Success::Done(mut done))) => {
                done.offset = durable;
                Ok(Success::Done(done))
            }
            Outcome::Settled(verdict) => verdict,
        };
        reply.send(verdict).ok();
    }
}

/// Answers after an append failed. `produced` says whether this batch was the one given to it.
pub(super) fn give_up(pending: Vec<Pending>, error: &AppendError, produced: bool) {
    let unknown =
        matches!(error, AppendError::OutcomeUnknown(_)) && !planted::is("unknown-means-nothing");
    for Pending { reply, outcome } in pending {
        let open = match outcome {
            Outcome::Written { .. } => unknown && produced,
            // The first call's events may be there, and then so is this one's answer.
            Outcome::Twin { .. } => unknown,
            Outcome::Settled(_) => false,
        };
        let refusal = if open {
            Refusal::OutcomeUnknown
        } else {
            Refusal::Unavailable("the log could not be written; nothing was".to_owned())
        };
        reply.send(Err(refusal)).ok();
    }
}
