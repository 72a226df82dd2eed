//! Which records count: `step`, one pure function that owner, projector and verifier share.

use crate::planted;
use crate::record::{Body, Claim, ClaimId, EventRecord, Record};

/// Where a reader stands in the validity of a partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Validity {
    /// The latest claim.
    pub claim: Option<ClaimId>,
    /// The last complete sequence number under it.
    pub seq: u64,
    /// Parts of a command that is not complete yet.
    pub held: Vec<Record>,
}

/// What a record did.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A new claim: held parts were dropped.
    Claimed,
    /// A part of a command; more must come.
    Held,
    /// The last part: all records of the command, in order.
    Complete(Vec<Record>),
    /// A record that does not count (stale claim, wrong sequence): counted and alarmed.
    Dropped,
}

impl Validity {
    /// Takes the next record of the partition.
    ///
    /// A record that does not continue the held parts drops them; a reader that counts what was
    /// lost looks at `held` before the call.
    pub fn step(&mut self, record: Record) -> Step {
        match &record.body {
            Body::Claim(claim) => self.step_claim(claim),
            Body::Event(event) if !self.counts(event) => {
                self.held.clear();
                Step::Dropped
            }
            Body::Event(event) => {
                let part = event.part;
                if !self.continues(event) {
                    self.held.clear();
                    if part.index != 1 {
                        return Step::Dropped;
                    }
                }
                self.held.push(record);
                if part.index < part.of {
                    return Step::Held;
                }
                self.seq += 1;
                Step::Complete(std::mem::take(&mut self.held))
            }
        }
    }

    /// Whether no command is half read: marks, batches and acknowledgements end only here.
    pub fn is_between_commands(&self) -> bool {
        self.held.is_empty()
    }

    fn step_claim(&mut self, claim: &Claim) -> Step {
        self.held.clear();
        // A claim seen twice must not open its sequence numbers again.
        if self.claim == Some(claim.id) {
            return Step::Dropped;
        }
        self.claim = Some(claim.id);
        self.seq = 0;
        Step::Claimed
    }

    fn counts(&self, event: &EventRecord) -> bool {
        let part = event.part;
        self.claim == Some(event.claim)
            && (self.seq.checked_add(1) == Some(event.seq) || planted::is("sequence-ignored"))
            && (1..=part.of).contains(&part.index)
    }

    fn continues(&self, event: &EventRecord) -> bool {
        if usize::from(event.part.index) != self.held.len() + 1 {
            return false;
        }
        self.held.last().and_then(crate::validity::event).is_none_or(|before| {
            before.part.of == event.part.of
                && before.aggregate == event.aggregate
                && before.id == event.id
        })
    }
}

/// The event inside a record that [`Step::Complete`] returned.
pub fn event(record: &Record) -> Option<&EventRecord> {
    match &record.body {
        Body::Event(event) => Some(event),
        Body::Claim(_) => None,
    }
}
