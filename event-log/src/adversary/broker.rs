//! One partition on the brokers, and the coordinator of its transactional id. No time, no I/O.

use crate::record::{Body, Offset, Record};

/// What stands at an offset.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly all slots are records")]
enum Slot {
    /// A record and what became of its transaction.
    Record(Record, Fate),
    /// A marker that ended a transaction.
    Control,
}

/// What became of the transaction of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Not decided.
    Open,
    /// There for everybody.
    Committed,
    /// Never to be seen.
    Aborted,
}

/// Why the brokers refuse a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// A newer epoch exists.
    #[error("a newer producer has this transactional id")]
    Fenced,
    /// Another change of the transaction is under way: again in a moment.
    #[error("the transaction is being changed")]
    Busy,
    /// The call does not fit the state of the transaction.
    #[error("no such transaction is open")]
    InvalidState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    Empty,
    Ongoing,
    /// Decided, markers still to be written.
    Prepared(bool),
    Complete(bool),
}

/// A partition with its transactional id.
#[derive(Debug)]
pub(super) struct Partition {
    slots: Vec<Slot>,
    /// Replicated up to here.
    high: usize,
    /// First record that is not decided.
    open: Option<usize>,
    /// The newest epoch that the leader has heard of.
    leader_epoch: u32,
    epoch: u32,
    transaction: Transaction,
    /// Counts transactions, so that a timer knows its own.
    pub(super) begun: u64,
    /// Whether the leader asks the coordinator before it takes a first record.
    verifies: bool,
    last_time: i64,
}

impl Partition {
    pub(super) fn new(verifies: bool) -> Partition {
        Partition {
            slots: Vec::new(),
            high: 0,
            open: None,
            leader_epoch: 0,
            epoch: 0,
            transaction: Transaction::Empty,
            begun: 0,
            verifies,
            last_time: 0,
        }
    }

    /// Fences every older producer. `Busy` where a transaction has to be ended first; then markers
    /// are due.
    pub(super) fn init(&mut self) -> Result<u32, Refused> {
        match self.transaction {
            Transaction::Ongoing => {
                self.abort_for_good();
                Err(Refused::Busy)
            }
            Transaction::Prepared(_) => Err(Refused::Busy),
            Transaction::Empty | Transaction::Complete(_) => {
                self.epoch += 1;
                self.transaction = Transaction::Empty;
                Ok(self.epoch)
            }
        }
    }

    /// The coordinator ends a transaction by itself: its producer may not go on.
    pub(super) fn abort_for_good(&mut self) {
        if self.transaction == Transaction::Ongoing {
            self.epoch += 1;
            self.transaction = Transaction::Prepared(false);
        }
    }

    /// Opens the transaction, or goes on with it.
    pub(super) fn begin(&mut self, epoch: u32) -> Result<(), Refused> {
        self.check(epoch)?;
        match self.transaction {
            Transaction::Prepared(_) => Err(Refused::Busy),
            Transaction::Ongoing => Ok(()),
            Transaction::Empty | Transaction::Complete(_) => {
                self.transaction = Transaction::Ongoing;
                self.begun += 1;
                Ok(())
            }
        }
    }

    /// Appends a record at the leader.
    pub(super) fn produce(&mut self, epoch: u32, time: i64, body: Body) -> Result<Offset, Refused> {
        if epoch < self.leader_epoch {
            return Err(Refused::Fenced);
        }
        let known = self.epoch == epoch && self.transaction == Transaction::Ongoing;
        if self.verifies && self.open.is_none() && !known {
            return Err(Refused::InvalidState);
        }
        self.leader_epoch = epoch;
        let offset = Offset(self.slots.len() as i64);
        self.open.get_or_insert(self.slots.len());
        self.last_time = self.last_time.max(time);
        let record = Record { offset, time: self.last_time, body };
        self.slots.push(Slot::Record(record, Fate::Open));
        Ok(offset)
    }

    /// Ends the transaction. As on Kafka, the call names producer and epoch, not the transaction:
    /// one that comes late ends whichever is open.
    pub(super) fn end(&mut self, epoch: u32, commit: bool) -> Result<(), Refused> {
        self.check(epoch)?;
        match self.transaction {
            Transaction::Ongoing => {
                self.transaction = Transaction::Prepared(commit);
                Ok(())
            }
            Transaction::Prepared(done) | Transaction::Complete(done) if done == commit => Ok(()),
            _ => Err(Refused::InvalidState),
        }
    }

    /// Whether markers are to be written.
    pub(super) fn owes_marker(&self) -> bool {
        matches!(self.transaction, Transaction::Prepared(_))
    }

    /// Writes the marker that is due: it decides every open record of the producer.
    pub(super) fn mark(&mut self) {
        let Transaction::Prepared(commit) = self.transaction else { return };
        self.transaction = Transaction::Complete(commit);
        self.leader_epoch = self.leader_epoch.max(self.epoch);
        let Some(first) = self.open.take() else { return };
        for slot in &mut self.slots[first..] {
            if let Slot::Record(_, fate @ Fate::Open) = slot {
                *fate = if commit { Fate::Committed } else { Fate::Aborted };
            }
        }
        self.slots.push(Slot::Control);
    }

    /// Followers have all that the leader had when they asked.
    pub(super) fn replicate(&mut self, up_to: usize) {
        self.high = self.high.max(up_to.min(self.slots.len()));
    }

    /// The leader is lost, and with it what no follower had. Markers are written until they stay.
    pub(super) fn truncate(&mut self) {
        let marker = self.slots.iter().rposition(|slot| matches!(slot, Slot::Control));
        let keep = self.high.max(marker.map_or(0, |at| at + 1));
        self.slots.truncate(keep);
        self.open = self.open.filter(|open| *open < keep);
        self.high = keep;
    }

    pub(super) fn end_offset(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_replicated(&self, offset: Offset) -> bool {
        (offset.0 as usize) < self.high
    }

    /// Whether a record still stands where it was put.
    pub(super) fn holds(&self, offset: Offset, body: &Body) -> bool {
        match self.slots.get(offset.0 as usize) {
            Some(Slot::Record(record, _)) => record.body == *body,
            _ => false,
        }
    }

    /// The last stable offset: nothing at or above it is shown to anybody.
    pub(super) fn stable(&self) -> usize {
        self.high.min(self.open.unwrap_or(usize::MAX))
    }

    /// Committed records from an offset on, below the last stable offset.
    pub(super) fn read(&self, from: Offset, most: usize) -> Vec<Record> {
        let from = usize::try_from(from.0).unwrap_or(0).min(self.stable());
        let shown = self.slots[from..self.stable()].iter().filter_map(|slot| match slot {
            Slot::Record(record, Fate::Committed) => Some(record.clone()),
            _ => None,
        });
        shown.take(most).collect()
    }

    fn check(&self, epoch: u32) -> Result<(), Refused> {
        if epoch == self.epoch { Ok(()) } else { Err(Refused::Fenced) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::record::{Claim, ClaimId};

    fn body(n: u128) -> Body {
        let id = ClaimId(Uuid::from_u128(n));
        Body::Claim(Claim { id, stream: Uuid::nil(), owner: Arc::from("") })
    }

    #[test]
    fn a_new_producer_fences_the_old_and_aborts_what_it_left_open() {
        let mut partition = Partition::new(true);
        let old = partition.init().unwrap();
        partition.begin(old).unwrap();
        partition.produce(old, 0, body(1)).unwrap();
        assert_eq!(partition.init(), Err(Refused::Busy));
        partition.mark();
        let new = partition.init().unwrap();
        assert_eq!(partition.end(old, true), Err(Refused::Fenced));
        assert_eq!(partition.produce(old, 0, body(2)), Err(Refused::Fenced));
        partition.begin(new).unwrap();
        partition.replicate(99);
        assert_eq!(partition.read(Offset(0), 9), vec![]);
    }

    #[test]
    fn a_late_end_of_the_transaction_before_cuts_the_next_in_two() {
        let mut partition = Partition::new(false);
        let epoch = partition.init().unwrap();
        partition.begin(epoch).unwrap();
        partition.produce(epoch, 0, body(1)).unwrap();
        partition.end(epoch, true).unwrap();
        partition.mark();
        partition.produce(epoch, 0, body(2)).unwrap();
        assert_eq!(partition.end(epoch, true), Ok(()), "taken for a repeated call");
        partition.mark();
        partition.replicate(99);
        assert_eq!(partition.read(Offset(0), 9).len(), 1, "the second record hangs");
    }

    #[test]
    fn what_no_follower_has_goes_with_its_leader() {
        let mut partition = Partition::new(false);
        let epoch = partition.init().unwrap();
        partition.begin(epoch).unwrap();
        let offset = partition.produce(epoch, 0, body(1)).unwrap();
        partition.truncate();
        assert!(!partition.holds(offset, &body(1)));
        assert_eq!(partition.stable(), 0);
    }
}
