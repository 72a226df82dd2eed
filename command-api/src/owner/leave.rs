//! Giving a partition up: because the group gave it to somebody else, or because nobody asks.

use event_log::{AppendError, planted};

use super::batch::{Outcome, Pending, give_up};
use super::{Owner, Standing};
use crate::ask::Refusal;

impl Owner {
    /// Notes whether the partition is still this instance's.
    pub(super) fn look_at_assignment(&mut self) {
        let before = self.is_assigned;
        self.is_assigned = self.assigned.borrow_and_update().contains(&self.partition);
        match (before, self.is_assigned) {
            (true, false) => {
                tracing::debug!(partition = %self.partition, "partition is handed over");
            }
            (false, true) => tracing::debug!(partition = %self.partition, "partition is given"),
            _ => {}
        }
    }

    /// Decides nothing more: the partition is somebody else's. A batch on its way is answered as
    /// the log says, and until then the claim is kept; all else is known not to be written.
    pub(super) fn hand_over(&mut self) {
        // What was decided on top of the batch on its way is dropped here, so nothing is decided on
        // it: not even where the partition comes back before that batch has landed.
        self.is_leaving = self.flight.is_some() && !planted::is("handover-half-done");
        for Pending { reply, outcome } in std::mem::take(&mut self.batch).pending {
            // What a twin asks for may be on its way, written by the call that came first.
            let begun = self.flight.is_some() && matches!(outcome, Outcome::Twin { .. });
            let refusal = if begun { Refusal::OutcomeUnknown } else { Refusal::Moved };
            reply.send(Err(refusal)).ok();
        }
        self.turn_away();
        if self.flight.is_none() && !matches!(self.standing, Standing::Idle) {
            self.forget();
        }
    }

    /// Sends everybody who waits to whoever owns the partition.
    pub(super) fn turn_away(&mut self) {
        for ask in self.backlog.drain(..).chain(self.loads.drain()) {
            ask.answer(Err(Refusal::Moved));
        }
    }

    /// Whether the claim may be given up because nobody uses it.
    pub(super) fn may_rest(&self) -> bool {
        self.ground.limits.idle.is_some()
            && matches!(self.standing, Standing::Serving(_))
            && self.is_at_rest()
    }

    /// Gives the claim up; the next question claims the partition anew.
    pub(super) fn rest(&mut self) {
        tracing::debug!(partition = %self.partition, "nobody asks: the claim is given up");
        self.forget();
    }

    /// Leaves the group: this instance must not own anything.
    pub(super) async fn leave_group(&mut self, reason: String) {
        tracing::error!(reason, "leaving the group of owners");
        let error = AppendError::NothingWritten(reason.clone());
        give_up(std::mem::take(&mut self.batch).pending, &error, false);
        self.ground.left.send_replace(Some(reason));
        self.ground.membership.leave().await;
        self.look_at_assignment();
    }
}
