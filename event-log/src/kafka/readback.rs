//! What an appender waits for: its own records, as every other reader sees them.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::record::{Body, ClaimId, Offset, Record};
use crate::validity::{Step, Validity};

/// Follows one claim through the records that the process reads.
pub(super) struct Readback {
    claim: ClaimId,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    validity: Validity,
    claimed: Option<Offset>,
    /// Last offset of each complete command that nobody has asked for yet, and its number.
    complete: VecDeque<(u64, Offset)>,
    superseded: bool,
    gone: bool,
}

/// Why waiting ended without what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unseen {
    /// A newer claim came first: what was not seen before it never counts.
    Superseded,
    /// It took too long.
    Late,
    /// The partition is not followed any more.
    Gone,
}

impl Readback {
    pub(super) fn new(claim: ClaimId) -> Readback {
        Readback { claim, state: Mutex::default(), moved: Condvar::new() }
    }

    /// Takes the records that were read.
    pub(super) fn take(&self, records: Vec<Record>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        for record in records {
            state.step(self.claim, record);
        }
        drop(guard);
        self.moved.notify_all();
    }

    /// Nothing will come any more.
    pub(super) fn end(&self) {
        self.lock().gone = true;
        self.moved.notify_all();
    }

    /// Whether a newer claim stands in the log.
    pub(super) fn is_superseded(&self) -> bool {
        self.lock().superseded
    }

    /// Waits for the claim's own record; gives its offset.
    pub(super) fn claimed(&self, patience: Duration) -> Result<Offset, Unseen> {
        self.wait(patience, |state| state.claimed)
    }

    /// Waits until the commands up to number `last` were seen; gives the last offset of each since
    /// the last call.
    pub(super) fn completed(&self, last: u64, patience: Duration) -> Result<Vec<Offset>, Unseen> {
        self.wait(patience, |state| {
            let (seq, _) = state.complete.back()?;
            (*seq >= last).then(|| state.complete.drain(..).map(|(_, offset)| offset).collect())
        })
    }

    fn wait<T>(
        &self,
        patience: Duration,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, Unseen> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if let Some(found) = done(&mut state) {
                return Ok(found);
            }
            if state.superseded {
                return Err(Unseen::Superseded);
            }
            if state.gone {
                return Err(Unseen::Gone);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Unseen::Late);
            }
            let waited = self.moved.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A state that a panic left half changed can only miss commands, which ends the claim.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn step(&mut self, own: ClaimId, record: Record) {
        let offset = record.offset;
        let is_own = matches!(&record.body, Body::Claim(claim) if claim.id == own);
        if self.superseded || (self.claimed.is_none() && !is_own) {
            return;
        }
        match self.validity.step(record) {
            Step::Claimed if is_own => self.claimed = Some(offset),
            Step::Claimed => self.superseded = true,
            Step::Complete(_) => self.complete.push_back((self.validity.seq, offset)),
            Step::Held | Step::Dropped => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::record::{Claim, EventRecord, Part};

    const OWN: u128 = 1;

    fn claim(offset: i64, id: u128) -> Record {
        let claim =
            Claim { id: ClaimId(Uuid::from_u128(id)), stream: Uuid::nil(), owner: "".into() };
        Record { offset: Offset(offset), time: 0, body: Body::Claim(claim) }
    }

    fn event(offset: i64, claim: u128, seq: u64, index: u16, of: u16) -> Record {
        let event = EventRecord {
            aggregate: "order".into(),
            id: "a".into(),
            event: "Placed".into(),
            version: 1,
            data: Bytes::new(),
            claim: ClaimId(Uuid::from_u128(claim)),
            seq,
            part: Part { index, of },
            command: None,
            traceparent: None,
        };
        Record { offset: Offset(offset), time: 0, body: Body::Event(event) }
    }

    fn after(records: &[Record]) -> Readback {
        let readback = Readback::new(ClaimId(Uuid::from_u128(OWN)));
        readback.take(records.to_vec());
        readback
    }

    #[test]
    fn a_command_is_seen_when_its_last_event_is() {
        let readback = after(&[claim(3, OWN), event(4, OWN, 1, 1, 2)]);
        assert_eq!(readback.completed(1, Duration::ZERO), Err(Unseen::Late));
        readback.take(vec![event(5, OWN, 1, 2, 2), event(8, OWN, 2, 1, 1)]);
        assert_eq!(readback.completed(2, Duration::ZERO), Ok(vec![Offset(5), Offset(8)]));
    }

    #[test]
    fn what_stands_before_the_claim_is_not_looked_at() {
        let readback = after(&[event(1, OWN, 1, 1, 1), claim(2, 9), claim(3, OWN)]);
        assert_eq!(readback.claimed(Duration::ZERO), Ok(Offset(3)));
        assert_eq!(readback.completed(1, Duration::ZERO), Err(Unseen::Late));
        assert!(!readback.is_superseded());
    }

    #[test]
    fn behind_a_newer_claim_nothing_is_seen() {
        let readback = after(&[claim(3, OWN), claim(4, 9), event(5, OWN, 1, 1, 1)]);
        assert_eq!(readback.completed(1, Duration::ZERO), Err(Unseen::Superseded));
        assert!(readback.is_superseded());
    }

    #[test]
    fn what_was_seen_before_a_newer_claim_counts() {
        let readback = after(&[claim(3, OWN), event(4, OWN, 1, 1, 1), claim(5, 9)]);
        assert_eq!(readback.completed(1, Duration::ZERO), Ok(vec![Offset(4)]));
    }
}
