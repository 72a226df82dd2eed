//! What this process committed last, kept in memory: the projector beside the writer reads it
//! without touching the file.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::record::{Body, Offset, Record};

/// Most bytes of records that are kept.
const KEPT_BYTES: usize = 16 << 20;

/// The newest records of the log, without a gap up to its head. Shared by the writer and readers.
pub(super) struct Recent {
    ring: Mutex<Ring>,
    // None while no writer of this process knows the head.
    head: watch::Sender<Option<i64>>,
}

#[derive(Default)]
struct Ring {
    records: VecDeque<Record>,
    bytes: usize,
    // Everything at or after this offset is in `records`.
    from: i64,
}

impl Recent {
    pub(super) fn new() -> Recent {
        Recent { ring: Mutex::default(), head: watch::Sender::new(None) }
    }

    /// Forgets all: what stands before `head` is read from the file.
    pub(super) fn reset(&self, head: i64) {
        *self.lock() = Ring { from: head, ..Ring::default() };
        self.head.send_replace(Some(head));
    }

    /// Takes records in that were just committed.
    pub(super) fn push(&self, records: Vec<Record>) {
        let Some(last) = records.last() else { return };
        let head = last.offset.0 + 1;
        let mut ring = self.lock();
        for record in records {
            ring.bytes += weight(&record);
            ring.records.push_back(record);
        }
        while ring.bytes > KEPT_BYTES {
            let Some(oldest) = ring.records.pop_front() else { break };
            ring.bytes -= weight(&oldest);
            ring.from = oldest.offset.0 + 1;
        }
        drop(ring);
        self.head.send_replace(Some(head));
    }

    /// The head, where a writer of this process knows it.
    pub(super) fn head(&self) -> Option<i64> {
        *self.head.borrow()
    }

    /// To be told when the head moves.
    pub(super) fn watch(&self) -> watch::Receiver<Option<i64>> {
        self.head.subscribe()
    }

    /// Records at or after `from`, or `None` where the file must be asked.
    pub(super) fn read(&self, from: Offset, max_bytes: usize) -> Option<Vec<Record>> {
        self.head()?;
        let ring = self.lock();
        if from.0 < ring.from {
            return None;
        }
        let start = ring.records.partition_point(|r| r.offset < from);
        let mut bytes = 0;
        let mut out = Vec::new();
        for record in ring.records.range(start..) {
            bytes += weight(record);
            if bytes > max_bytes && !out.is_empty() {
                break;
            }
            out.push(record.clone());
        }
        Some(out)
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
            let command = event.command.as_ref().map_or(0, |c| c.key.len() + 16);
            event.id.len() + event.data.len() + command
        }
    };
    held + size_of::<Record>() + 48
}
