//! Becoming the owner: the claim, and when it may be made.

use std::time::Duration;

use event_log::{ClaimError, ReadError, planted};
use read_store::{Mark, StoreError};
use tokio::time::Instant;

use super::refold::Own;
use super::{Ground, Owner, Standing};

/// A wait up to this long is waited out; commands are refused meanwhile where it is longer.
const SHORT: Duration = Duration::from_millis(250);

/// Why the partition could not be taken over.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeOverError {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the store has no tables yet for the model's aggregate {0}")]
    NoRun(String),
    #[error("the log holds {0}, which the model lacks: it was written by a newer one")]
    Unknown(String),
    #[error("the claim did not appear in the log")]
    NotSeen,
    #[error("this machine's clock is {0} ms off the log's: set it right")]
    Clock(i64),
}

/// Waits between attempts: doubling, with jitter, so that owners don't fight in step.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Waits longer than before; `random` spreads owners apart.
    pub fn failed(&mut self, random: fn() -> u64) {
        let longest = 20_u64 << self.failures.min(8);
        self.failures += 1;
        let jitter = random() % 256;
        let wait = longest / 2 + longest * jitter / 512;
        self.until = Some(Instant::now() + Duration::from_millis(wait));
    }

    pub fn succeeded(&mut self) {
        *self = Backoff::default();
    }

    /// How long to wait still.
    fn rest(&self) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }
}

impl Owner {
    /// Sees to it that the owner may decide, or refuses all that is asked.
    pub(super) async fn stand(&mut self) {
        match &self.standing {
            Standing::Serving(_) => return,
            Standing::GivenUp(reason) => {
                let reason = reason.clone();
                return self.refuse_backlog(&reason);
            }
            Standing::Idle => {}
        }
        let rest = self.backoff.rest();
        if rest > SHORT {
            return self.refuse_backlog("the log can't be written just now");
        }
        tokio::time::sleep(rest).await;
        // Who was given the partition in some earlier generation must not fence its owner of today.
        let asks = !planted::is("stale-member");
        if asks && !self.ground.membership.still_assigned(&self.partition).await {
            self.backoff.failed(self.ground.limits.random);
            return self.turn_away();
        }
        match self.take_over().await {
            Ok(()) => self.backoff.succeeded(),
            Err(error) => self.not_owner(error).await,
        }
    }

    async fn not_owner(&mut self, error: TakeOverError) {
        tracing::error!(partition = %self.partition, %error, "can't own the partition");
        self.forget();
        self.backoff.failed(self.ground.limits.random);
        self.refuse_backlog("the log can't be owned just now");
        match error {
            TakeOverError::Unknown(_) => self.standing = Standing::GivenUp(error.to_string()),
            TakeOverError::Clock(_) => self.leave_group(error.to_string()).await,
            _ => {}
        }
    }

    async fn take_over(&mut self) -> Result<(), TakeOverError> {
        self.find_runs().await?;
        let ground = self.ground.clone();
        let asked_at = self.clock();
        let appender = ground.log.claim(&self.partition, &ground.advertise).await?;
        let claim = Own { id: appender.claim(), asked_at, granted_at: self.clock() };
        self.claimed_at = appender.claimed_at().0;
        // The mark comes after the claim: what it covers is in the store for good.
        let marks = ground.reader.marks().await?;
        let start = self.lowest_mark(&marks);
        self.mark = start.as_ref().map_or(-1, |mark| mark.offset);
        let next = self.read_tail(claim, start).await?;
        self.look_back(next).await?;
        // What was there before this claim may still be above the mark: batch 0 ends at it.
        self.ends.note(0, self.claimed_at);
        self.durable = self.durable.max(self.mark);
        self.standing = Standing::Serving(appender);
        Ok(())
    }

    async fn find_runs(&mut self) -> Result<(), TakeOverError> {
        let Ground { log, reader, .. } = &*self.ground;
        let catalog = reader.catalog().await?;
        for (aggregate, run) in self.model.aggregates.iter().zip(&mut self.runs) {
            // Aggregates of other topics have runs whose marks say nothing here.
            if log.route(&aggregate.name, "").topic != self.partition.topic {
                continue;
            }
            let fits = catalog.runs.iter().find(|r| {
                r.primary && r.aggregate == aggregate.name && r.fold_hash == aggregate.fold_hash
            });
            match fits {
                Some(found) => *run = Some(found.id.clone()),
                None => return Err(TakeOverError::NoRun(aggregate.name.to_string())),
            }
        }
        Ok(())
    }

    /// The mark of the owner's runs that is furthest behind; `None` where one has none yet.
    pub(super) fn lowest_mark(&self, marks: &[Mark]) -> Option<Mark> {
        let mut lowest: Option<&Mark> = None;
        for run in self.runs.iter().flatten() {
            let of_run = marks.iter().find(|mark| {
                mark.run == *run
                    && mark.partition.0 == self.partition.topic
                    && mark.partition.1 == self.partition.number
            })?;
            if lowest.is_none_or(|l| of_run.offset < l.offset) {
                lowest = Some(of_run);
            }
        }
        lowest.cloned()
    }

    /// Asks how far the store is, and lets go of what it holds.
    pub(super) async fn look_at_mark(&mut self) {
        if let Ok(marks) = self.ground.reader.marks().await {
            let mark = self.lowest_mark(&marks).map_or(-1, |mark| mark.offset);
            self.reached(mark);
        }
        self.cache.make_room(self.ends.settled());
    }

    /// Notes how far the store is.
    pub(super) fn reached(&mut self, mark: i64) {
        if mark < self.mark {
            tracing::error!(mark, before = self.mark, "the store fell back: it was replaced");
            self.mark = mark;
            let error = event_log::AppendError::OutcomeUnknown("the store fell back".to_owned());
            // What is on its way is answered by the log; the rest was decided on old states.
            super::give_up(std::mem::take(&mut self.batch).pending, &error, false);
            self.forget();
            return;
        }
        self.mark = mark;
        if mark >= self.claimed_at && !self.tail.is_empty() {
            self.tail.clear();
            // Rows that were asked for before the mark was here may lack what stood in the tail.
            self.loads.restart();
        }
        self.ends.reached(mark);
    }
}
