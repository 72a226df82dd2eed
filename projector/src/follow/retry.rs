//! Following for good: errors are waited out, and every try begins at the stored marks.

use std::time::Duration;

use event_log::Offset;
use service::retry::{Pauses, Policy};
use tokio::sync::watch;

use super::{Failure, Follower};
use crate::batch::Stop;

/// The first wait after an error.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// How a try ended.
enum Ended {
    /// It was told to stop.
    Told,
    /// It failed, but not before it got further: the next failure is waited out from the shortest
    /// pause again.
    Further,
    /// It failed at once.
    Stuck,
    /// Only another model or a mended store helps.
    Stopped,
}

impl Follower<'_> {
    /// Follows until `shutdown` turns true or its sender is gone. Being broken off anywhere does no
    /// harm: it is what a crash does, and the next start goes on from the marks.
    pub(crate) async fn run(&mut self, shutdown: watch::Receiver<bool>) {
        let mut told = shutdown.clone();
        tokio::select! {
            biased;
            () = self.follow_for_good(shutdown) => {}
            _ = told.wait_for(|stop| *stop) => {}
        }
    }

    async fn follow_for_good(&mut self, shutdown: watch::Receiver<bool>) {
        let most = self.parts.config.longest_backoff;
        let mut pauses = Pauses::with_random(
            Policy { first: FIRST_WAIT, most, deadline: None },
            self.parts.config.random,
        );
        loop {
            let pause = match self.attempt(&shutdown).await {
                Ended::Told => return,
                Ended::Further => {
                    pauses.reset();
                    continue;
                }
                Ended::Stuck => pauses.next_pause().unwrap_or(most),
                Ended::Stopped => self.parts.config.stopped_retry,
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&mut self, shutdown: &watch::Receiver<bool>) -> Ended {
        let before = self.parts.status.batches(&self.partition);
        let failure = match self.follow(shutdown).await {
            Ok(()) => return Ended::Told,
            Err(Failure::Refused(stretch, detail)) => match self.refused(stretch, detail).await {
                Ok(()) => return Ended::Further,
                Err(failure) => failure,
            },
            Err(other) => other,
        };
        match failure {
            Failure::Stopped(stop) => {
                self.stopped(&stop);
                Ended::Stopped
            }
            Failure::Unavailable(reason) | Failure::Refused(_, reason) => {
                tracing::warn!(partition = %self.partition, reason, "trying again");
                self.parts.status.update(&self.partition, |s| s.unavailable = Some(reason));
                match self.parts.status.batches(&self.partition) > before {
                    true => Ended::Further,
                    false => Ended::Stuck,
                }
            }
        }
    }

    async fn follow(&mut self, shutdown: &watch::Receiver<bool>) -> Result<(), Failure> {
        self.restart().await?;
        while self.catch_up(Some(shutdown), &mut |_| {}).await? {
            self.reached_the_end();
            self.parts.log.wait(&self.partition, Offset(self.next)).await;
        }
        Ok(())
    }

    fn reached_the_end(&self) {
        self.parts.status.update(&self.partition, |status| {
            status.unavailable = None;
            status.stopped = None;
            if status.mark + 1 >= status.head {
                status.pending_since = None;
            }
        });
    }

    fn stopped(&self, stop: &Stop) {
        let reason = stop.to_string();
        tracing::error!(partition = %self.partition, reason, "partition stopped");
        metrics::counter!("foldline_projector_stops_total").increment(1);
        self.parts.status.update(&self.partition, |status| status.stopped = Some(reason));
    }
}
