//! The batch on its way, and the turn of the one after it.

use event_log::{AppendError, Appended, Appender, Turn};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::batch::{Batch, acknowledge, give_up};
use super::{Owner, Standing};

/// The turn of the batch that is being decided.
#[derive(Default)]
pub(super) enum Next {
    #[default]
    Unasked,
    Waiting(BoxFuture<'static, Turn>),
    Come(Turn),
}

/// A batch on its way.
pub(super) struct Flight {
    pub batch: Batch,
    /// Lasts until the batch has landed.
    _turn: Turn,
    number: u64,
    appended: BoxFuture<'static, Result<Appended, AppendError>>,
}

impl Owner {
    /// Sends the batch off, where none is on its way.
    pub(super) fn launch(&mut self) {
        if self.flight.is_some() || self.batch.is_empty() {
            return;
        }
        let Standing::Serving(appender) = &mut self.standing else { return };
        let Some(turn) = self.next.ask(&**appender) else { return };
        let mut batch = std::mem::take(&mut self.batch);
        let number = self.number;
        self.number += 1;
        let appended = if batch.commands.is_empty() {
            // Nothing to write, but the answers rest on a claim that must still be the latest.
            let confirmed = appender.confirm();
            confirmed.map(|proof| proof.map(|()| Appended { last: Vec::new() })).boxed()
        } else {
            appender.append(std::mem::take(&mut batch.commands))
        };
        let mut flight = Flight { batch, _turn: turn, number, appended };
        match (&mut flight.appended).now_or_never() {
            Some(result) => self.finish(flight, result),
            None => self.flight = Some(flight),
        }
    }

    pub(super) fn land(&mut self, result: Result<Appended, AppendError>) {
        if let Some(flight) = self.flight.take() {
            self.finish(flight, result);
        }
    }

    fn finish(&mut self, flight: Flight, result: Result<Appended, AppendError>) {
        match result {
            Ok(appended) => {
                if let Some(last) = appended.last.last() {
                    // A batch of an older claim may land when a newer one has read further.
                    self.durable = self.durable.max(last.0);
                    self.ends.note(flight.number, last.0);
                    metrics::counter!("foldline_commits_total").increment(1);
                    metrics::counter!("foldline_commands_committed_total")
                        .increment(appended.last.len() as u64);
                }
                let Batch { pending, places, .. } = flight.batch;
                acknowledge(pending, &places, &appended, self.durable);
            }
            Err(error) => self.fail(flight.batch, &error),
        }
    }

    /// Answers everybody whose answer is void now and forgets what was decided.
    fn fail(&mut self, produced: Batch, error: &AppendError) {
        tracing::error!(partition = %self.partition, %error, "lost the claim");
        metrics::counter!("foldline_claims_lost_total").increment(1);
        give_up(produced.pending, error, true);
        give_up(std::mem::take(&mut self.batch).pending, error, false);
        self.forget();
        self.backoff.failed(self.ground.limits.random);
    }
}

impl Next {
    /// The turn, once it has come.
    fn ask(&mut self, appender: &dyn Appender) -> Option<Turn> {
        let mut coming = match std::mem::take(self) {
            Next::Come(turn) => return Some(turn),
            Next::Waiting(coming) => coming,
            Next::Unasked => appender.turn(),
        };
        let turn = (&mut coming).now_or_never();
        if turn.is_none() {
            *self = Next::Waiting(coming);
        }
        turn
    }
}

/// The turn that is waited for; never, where none is.
pub(super) async fn come(next: &mut Next) -> Turn {
    match next {
        Next::Waiting(coming) => coming.await,
        _ => futures::future::pending().await,
    }
}

/// The result of the batch on its way; never, where there is none.
pub(super) async fn landed(flight: &mut Option<Flight>) -> Result<Appended, AppendError> {
    match flight {
        Some(flight) => (&mut flight.appended).await,
        None => futures::future::pending().await,
    }
}
