//! Reading what earlier owners wrote, up to the owner's own claim.

use std::time::Duration;

use event_log::validity::{Step, Validity};
use event_log::{Body, ClaimId, Offset, ReadError, Record, planted};
use read_store::Mark;
use tokio::time::Instant;

use super::Owner;
use super::claim::TakeOverError;

/// Bytes asked of the log at once.
const READ_BYTES: usize = 4 << 20;
/// How long the owner's own claim may take to appear.
const CLAIM_APPEARS: Duration = Duration::from_secs(10);
/// How far below the tail the last event is looked for: near at first.
const LOOKED_BACK: [i64; 2] = [64, 4_096];

/// The owner's own claim, and when, by its clock, it was asked for and granted.
#[derive(Clone, Copy)]
pub(super) struct Own {
    pub id: ClaimId,
    pub asked_at: i64,
    pub granted_at: i64,
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
    /// Reads from the mark until the owner's own claim appears: then nothing was missed. Says where
    /// reading began.
    pub(super) async fn read_tail(
        &mut self,
        own: Own,
        start: Option<Mark>,
    ) -> Result<i64, TakeOverError> {
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
    pub(super) async fn look_back(&mut self, end: i64) -> Result<(), TakeOverError> {
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
}

/// Where a reader that goes on after a mark stands.
fn validity_at(mark: &Mark) -> Validity {
    let claim = mark.claim.map(|claim| ClaimId(uuid::Uuid::from_bytes(claim)));
    Validity { claim, seq: mark.seq, held: Vec::new() }
}
