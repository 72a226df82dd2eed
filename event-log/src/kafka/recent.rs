//! The end of one partition, kept in memory: whoever reads near the head takes it from here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::readback::Readback;
use crate::log::ReadError;
use crate::record::{Body, ClaimId, Offset, Record};

/// Where the end of a partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Still being looked for.
    Unknown,
    /// One after the last committed record.
    At(i64),
    /// The partition can't be followed.
    Broken(ReadError),
}

/// What tells a record from any other: where it stands, under which claim, as which command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: Offset,
    claim: ClaimId,
    seq: u64,
}

impl Place {
    pub(super) fn of(offset: Offset, body: &Body) -> Place {
        match body {
            Body::Claim(claim) => Place { offset, claim: claim.id, seq: 0 },
            Body::Event(event) => Place { offset, claim: event.claim, seq: event.seq },
        }
    }
}

/// The newest committed records of a partition, without a gap up to its head.
pub(super) struct Recent {
    ring: Mutex<Ring>,
    head: watch::Sender<Head>,
}

struct Ring {
    records: VecDeque<Record>,
    bytes: usize,
    // Every committed record at or after this offset is in `records`.
    from: i64,
    max_bytes: usize,
    readback: Option<Arc<Readback>>,
    used: Instant,
}

/// What [`Recent::read`] found.
pub(super) enum Near {
    /// These; none, where the end is reached.
    Records(Vec<Record>),
    /// Memory begins at this offset only.
    Before(i64),
}

impl Recent {
    pub(super) fn new(max_bytes: usize) -> Recent {
        let ring = Ring {
            records: VecDeque::new(),
            bytes: 0,
            from: i64::MAX,
            max_bytes,
            readback: None,
            used: Instant::now(),
        };
        Recent { ring: Mutex::new(ring), head: watch::Sender::new(Head::Unknown) }
    }

    /// Says that all from this offset on will come by [`Recent::push`].
    pub(super) fn begin(&self, from: i64) {
        let mut ring = self.lock();
        ring.from = from;
        ring.records.clear();
        ring.bytes = 0;
    }

    /// Takes in the records that follow.
    pub(super) fn push(&self, records: &mut Vec<Record>) {
        let mut guard = self.lock();
        let ring = &mut *guard;
        for record in records.drain(..) {
            ring.bytes += weight(&record);
            ring.records.push_back(record);
        }
        while ring.bytes > ring.max_bytes && ring.records.len() > 1 {
            let Some(oldest) = ring.records.pop_front() else { break };
            ring.bytes -= weight(&oldest);
            ring.from = oldest.offset.0 + 1;
        }
    }

    /// Offset after the last record in memory.
    pub(super) fn end(&self) -> Option<i64> {
        self.lock().records.back().map(|record| record.offset.0 + 1)
    }

    /// The last record in memory.
    pub(super) fn last(&self) -> Option<Place> {
        self.lock().records.back().map(|record| Place::of(record.offset, &record.body))
    }

    /// Tells everybody where the head is.
    pub(super) fn publish(&self, head: Head) {
        if let (Head::Broken(_), Some(readback)) = (&head, self.readback()) {
            readback.end();
        }
        self.head.send_if_modified(|now| {
            let changed = *now != head;
            *now = head;
            changed
        });
    }

    pub(super) fn head(&self) -> Head {
        self.head.borrow().clone()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// Notes that nothing is committed from `from` up to where memory begins, which was `began`. A
    /// reader that met the end before anything that is in memory says nothing of the kind: it asked
    /// a broker that did not know all yet, as one does that has just begun to lead.
    pub(super) fn nothing_before(&self, from: i64, began: i64) {
        let mut ring = self.lock();
        if ring.from == began && ring.records.is_empty() {
            ring.from = from.min(began);
        }
    }

    /// Records at or after `from`, at most about `max_bytes`.
    pub(super) fn read(&self, from: Offset, max_bytes: usize) -> Near {
        let mut ring = self.lock();
        ring.used = Instant::now();
        if from.0 < ring.from {
            return Near::Before(ring.from);
        }
        let start = ring.records.partition_point(|record| record.offset < from);
        let mut bytes = 0;
        let mut out = Vec::new();
        for record in ring.records.range(start..) {
            bytes += weight(record);
            if bytes > max_bytes && !out.is_empty() {
                break;
            }
            out.push(record.clone());
        }
        Near::Records(out)
    }

    /// From now on an appender hears of every record.
    pub(super) fn attach(&self, readback: Arc<Readback>) {
        if let Some(older) = self.lock().readback.replace(readback) {
            older.end();
        }
    }

    /// The appender that hears of every record.
    pub(super) fn readback(&self) -> Option<Arc<Readback>> {
        self.lock().readback.clone()
    }

    /// Ends that, where it is still this one.
    pub(super) fn detach(&self, readback: &Arc<Readback>) {
        let mut ring = self.lock();
        ring.used = Instant::now();
        if ring.readback.as_ref().is_some_and(|now| Arc::ptr_eq(now, readback)) {
            ring.readback = None;
        }
    }

    pub(super) fn bound(&self, max_bytes: usize) {
        self.lock().max_bytes = max_bytes;
    }

    pub(super) fn touch(&self) {
        self.lock().used = Instant::now();
    }

    /// Whether nobody has wanted it for that long.
    pub(super) fn is_unused(&self, since: Duration) -> bool {
        let ring = self.lock();
        ring.readback.is_none() && ring.used.elapsed() > since
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // Nothing in here panics half way through a change.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// About how many bytes a record takes in memory.
pub(super) fn weight(record: &Record) -> usize {
    let held = match &record.body {
        Body::Claim(claim) => claim.owner.len(),
        Body::Event(event) => {
            let command = event.command.as_ref().map_or(0, |c| c.key.len() + c.caller.len());
            let trace = event.traceparent.as_ref().map_or(0, |trace| trace.len());
            event.id.len() + event.data.len() + command + trace
        }
    };
    held + size_of::<Record>() + 96
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::record::Claim;

    fn records(offsets: &[i64]) -> Vec<Record> {
        let claim = Claim { id: ClaimId(Uuid::nil()), stream: Uuid::nil(), owner: "".into() };
        let record = |offset: &i64| Record {
            offset: Offset(*offset),
            time: 0,
            body: Body::Claim(claim.clone()),
        };
        offsets.iter().map(record).collect()
    }

    fn offsets(near: Near) -> Result<Vec<i64>, i64> {
        match near {
            Near::Records(records) => Ok(records.iter().map(|record| record.offset.0).collect()),
            Near::Before(from) => Err(from),
        }
    }

    #[test]
    fn what_was_let_go_is_not_answered_from_memory() {
        let recent = Recent::new(weight(&records(&[0])[0]) * 2);
        recent.begin(3);
        recent.push(&mut records(&[3, 5, 7]));
        assert_eq!(offsets(recent.read(Offset(3), 9_999)), Err(4));
        assert_eq!(offsets(recent.read(Offset(4), 9_999)), Ok(vec![5, 7]));
        assert_eq!(offsets(recent.read(Offset(6), 9_999)), Ok(vec![7]));
        assert_eq!(offsets(recent.read(Offset(8), 9_999)), Ok(vec![]));
    }

    #[test]
    fn a_read_gives_one_record_at_least() {
        let recent = Recent::new(9_999);
        recent.begin(0);
        recent.push(&mut records(&[1, 2]));
        assert_eq!(offsets(recent.read(Offset(0), 1)), Ok(vec![1]));
    }

    #[test]
    fn memory_reaches_down_over_offsets_that_hold_nothing() {
        let recent = Recent::new(9_999);
        recent.begin(10);
        recent.nothing_before(8, 10);
        assert_eq!(offsets(recent.read(Offset(8), 1)), Ok(vec![]));
        // What was found before something was let go says nothing now.
        recent.nothing_before(2, 10);
        assert_eq!(offsets(recent.read(Offset(2), 1)), Err(8));
    }

    #[test]
    fn an_end_that_was_met_too_early_hides_nothing() {
        let recent = Recent::new(9_999);
        recent.begin(10);
        recent.push(&mut records(&[12]));
        recent.nothing_before(8, 10);
        assert_eq!(offsets(recent.read(Offset(8), 9_999)), Err(10));
    }
}
