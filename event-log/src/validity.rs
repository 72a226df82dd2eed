//! Which records count: `step`, one pure function that owner, projector and verifier share.

use crate::record::{ClaimId, EventRecord, Record};

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
    pub fn step(&mut self, _record: Record) -> Step {
        todo!("validity")
    }

    /// Whether a command is half read: marks, batches and acknowledgements may not end here.
    pub fn is_between_commands(&self) -> bool {
        self.held.is_empty()
    }
}

/// The event inside a record that [`Step::Complete`] returned.
pub fn event(record: &Record) -> Option<&EventRecord> {
    match &record.body {
        crate::record::Body::Event(event) => Some(event),
        crate::record::Body::Claim(_) => None,
    }
}
