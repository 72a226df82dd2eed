//! Keeping an owner alive: a fault in it costs the claim and the answers that rested on it, never
//! the partition.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use event_log::AppendError;
use futures::FutureExt;
use futures::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::batch::give_up;
use super::{Message, Owner};
use crate::ask::Refusal;

/// What those are told whose question met a fault of the owner.
const FAULT: &str = "the decision was broken off by a fault";

impl Owner {
    /// Serves until it is drained or nobody is left to ask, whatever breaks meanwhile.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        while let Err(panic) = AssertUnwindSafe(self.serve(&mut queue)).catch_unwind().await {
            self.recover(&*panic);
        }
        // What came in behind the drain was not looked at, so it is known that nothing was written.
        queue.close();
        while let Ok(message) = queue.try_recv() {
            match message {
                Message::Drain(done) => self.draining.push(done),
                Message::Ask(ask) => {
                    ask.answer(Err(Refusal::Moved));
                }
            }
        }
        for drained in self.draining {
            drained.send(()).ok();
        }
    }

    /// Begins anew: only the log is to be trusted after a fault.
    fn recover(&mut self, panic: &(dyn Any + Send)) {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        tracing::error!(partition = %self.partition, panic = text, "the owner met a fault");
        metrics::counter!("foldline_owner_faults_total").increment(1);
        let error = AppendError::OutcomeUnknown(FAULT.to_owned());
        if let Some(flight) = self.flight.take() {
            give_up(flight.batch.pending, &error, true);
        }
        give_up(std::mem::take(&mut self.batch).pending, &error, false);
        self.fetches = FuturesUnordered::new();
        self.refuse_backlog(FAULT);
        self.forget();
        self.backoff.failed(self.ground.limits.random);
    }
}
