//! Following for good: errors are waited out, and every try begins at the stored marks.

use std::time::Duration;

use tokio::sync::watch;

use super::{Failure, Follower};
use event_log::Offset;

/// The first wait after an error.
const FIRST_WAIT: Duration = Duration::from_millis(20);

impl Follower<'_> {
    /// Follows until `shutdown` turns true or its sender is gone.
    pub(crate) async fn run(&mut self, mut shutdown: watch::Receiver<bool>) {
        let mut wait = FIRST_WAIT;
        loop {
            let Err(failure) = self.follow(&mut shutdown, &mut wait).await else { return };
            let pause = self.pause_after(failure, &mut wait).await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                gone = shutdown.wait_for(|stop| *stop) => {
                    tracing::debug!(told = gone.is_ok(), "projector stops");
                    return;
                }
            }
        }
    }

    async fn follow(
        &mut self,
        shutdown: &mut watch::Receiver<bool>,
        wait: &mut Duration,
    ) -> Result<(), Failure> {
        self.restart().await?;
        while self.catch_up(Some(&*shutdown), &mut |_| {}).await? {
            *wait = FIRST_WAIT;
            self.reached_the_end();
            let next = Offset(self.next);
            tokio::select! {
                () = self.parts.log.wait(&self.partition, next) => {}
                _ = shutdown.wait_for(|stop| *stop) => return Ok(()),
            }
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

    /// Tells what went wrong; how long to wait before the next try.
    async fn pause_after(&mut self, failure: Failure, wait: &mut Duration) -> Duration {
        let failure = match failure {
            Failure::Refused(stretch, detail) => match self.refused(stretch, detail).await {
                Ok(()) => return Duration::ZERO,
                Err(failure) => failure,
            },
            other => other,
        };
        match failure {
            Failure::Stopped(stop) => {
                let reason = stop.to_string();
                tracing::error!(partition = %self.partition, reason, "partition stopped");
                metrics::counter!("foldline_projector_stops_total").increment(1);
                self.parts.status.update(&self.partition, |s| s.stopped = Some(reason));
                self.parts.config.stopped_retry
            }
            Failure::Unavailable(reason) | Failure::Refused(_, reason) => {
                tracing::warn!(partition = %self.partition, reason, "trying again");
                self.parts.status.update(&self.partition, |s| s.unavailable = Some(reason));
                let pause = *wait;
                *wait = (*wait * 2).min(self.parts.config.longest_backoff);
                pause
            }
        }
    }
}
