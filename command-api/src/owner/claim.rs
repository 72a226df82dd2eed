//! Becoming the owner: claim the partition, then read everything before the claim.

use std::time::Duration;

use event_log::validity::{Step, Validity};
use event_log::{Body, ClaimError, ClaimId, Offset, ReadError, Record, planted};
use read_store::{Mark, StoreError};
use tokio::time::Instant;

use super::{Ground, Owner, Standing};

/// Bytes asked of the log at once.
const READ_BYTES: usize = 4 << 20;
/// How long the owner's own claim may take to appear.
const CLAIM_APPEARS: Duration = Duration::from_secs(10);
/// How far below the tail the last event is looked for: near at first.
const LOOKED_BACK: [i64; 2] = [64, 4_096];
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

/// The owner's own claim, and when, by its clock, it was asked for and granted.
#[derive(Clone, Copy)]
struct Own {
    id: ClaimId,
    asked_at: i64,
    granted_at: i64,
}

impl Own {
    /// Refuses a clock that is too far off the log's, which wrote the claim at `time`.
    fn check(&self, time: i64, tolerance: Option<Duration>) -> Result<(), TakeOverError> {
        let Some(tolerance) = tolerance else { return Ok(()) };
        let off = (time - self.granted_at).max(self.asked_at - time);
        if off > tolerance.as_millis() as i64 { Err(TakeOverError::Clock(off)) } else { Ok(()) }
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

    /// Reads from the mark until the owner's own claim appears: then nothing was missed. Says where
    /// reading began.
    async fn read_tail(&mut self, own: Own, start: Option<Mark>) -> Result<i64, TakeOverError> {
        // The store may have taken in this very claim already; its record is read all the same,
        // for it says how late the partition is.
        let (next, mut validity) = match start {
            None => (0, Validity::default()),
            Some(mark) if mark.offset >= self.claimed_at => (self.claimed_at, Validity::default()),
            Some(mark) => (mark.offset + 1, validity_at(&mark)),
        };
        let mut from = Offset(next);
        let deadline = Instant::now() + CLAIM_APPEARS;
        loop {
            let records = self.ground.log.read(&self.partition, from, READ_BYTES).await?;
            let Some(last) = records.last() else {
                if planted::is("refold-to-the-watermark") {
                    return Ok(next);
                }
                if Instant::now() >= deadline {
                    return Err(TakeOverError::NotSeen);
                }
                self.ground.log.wait(&self.partition, from).await;
                continue;
            };
            from = Offset(last.offset.0 + 1);
            for record in records {
                if self.take_record(&mut validity, record, own)? {
                    return Ok(next);
                }
            }
        }
    }

    /// Finds the time of the last event below `end`, where the tail began: the clock of its owner
    /// may have been ahead of this one's, and of the log's that timed the claim.
    async fn look_back(&mut self, end: i64) -> Result<(), TakeOverError> {
        for stretch in LOOKED_BACK {
            let mut from = Offset((end - stretch).max(0));
            let mut found = from.0 == 0;
            while from.0 < end {
                let records = match self.ground.log.read(&self.partition, from, READ_BYTES).await {
                    Ok(records) => records,
                    // The store holds what stood there, so that it is damaged stops nothing here.
                    Err(ReadError::Damaged { .. }) => break,
                    Err(error) => return Err(error.into()),
                };
                let Some(last) = records.last() else { break };
                from = Offset(last.offset.0 + 1);
                for record in records.iter().take_while(|record| record.offset.0 < end) {
                    if matches!(record.body, Body::Event(_)) {
                        self.last_time = self.last_time.max(record.time);
                        found = true;
                    }
                }
            }
            if found {
                break;
            }
        }
        Ok(())
    }

    /// Takes one record of the tail in; true where it is the owner's own claim.
    fn take_record(
        &mut self,
        validity: &mut Validity,
        record: Record,
        own: Own,
    ) -> Result<bool, TakeOverError> {
        let (offset, time) = (record.offset.0, record.time);
        let is_own = matches!(&record.body, Body::Claim(claim) if claim.id == own.id);
        if is_own {
            own.check(record.time, self.ground.limits.clock_tolerance)?;
        }
        match validity.step(record) {
            Step::Complete(records) => {
                self.durable = offset;
                self.last_time = self.last_time.max(time);
                self.tail.push(&self.model, records).map_err(TakeOverError::Unknown)?;
            }
            Step::Dropped => {
                tracing::warn!(partition = %self.partition, offset, "record does not count");
                metrics::counter!("foldline_records_dropped_total").increment(1);
            }
            Step::Claimed => self.last_time = self.last_time.max(time),
            Step::Held => {}
        }
        Ok(is_own)
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

/// Where a reader that goes on after a mark stands.
fn validity_at(mark: &Mark) -> Validity {
    let claim = mark.claim.map(|claim| ClaimId(uuid::Uuid::from_bytes(claim)));
    Validity { claim, seq: mark.seq, held: Vec::new() }
}
