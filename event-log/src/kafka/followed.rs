//! Which partitions are followed, and what is remembered of those that are not any more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::recent::{Place, Recent};
use crate::log::ReadError;
use crate::record::PartitionId;

/// How long a partition that was found damaged is left alone before it is looked at anew: where
/// the fetch went wrong, or the copy was mended, it is read well then.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Followed {
    partitions: HashMap<PartitionId, Arc<Recent>>,
    seen: HashMap<PartitionId, Seen>,
    /// When partitions broke that are to be looked at anew.
    damaged: HashMap<PartitionId, Instant>,
    lines: usize,
}

/// What a partition was seen to hold, and so has to hold for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its highest end: no partition shrinks.
    pub end: i64,
    /// Its last record, where following broke off.
    pub last: Option<Place>,
}

impl Followed {
    /// The memory of a partition that is followed, or that broke a moment ago.
    pub(super) fn get(&mut self, partition: &PartitionId, now: Instant) -> Option<Arc<Recent>> {
        let broke = self.damaged.get(partition);
        if broke.is_some_and(|broke| now.saturating_duration_since(*broke) >= AGAIN) {
            self.forget(partition);
        }
        self.partitions.get(partition).map(Arc::clone)
    }

    /// A partition is followed from now on; the number of its line.
    pub(super) fn begin(&mut self, partition: &PartitionId, recent: Arc<Recent>) -> usize {
        self.partitions.insert(partition.clone(), recent);
        self.lines += 1;
        self.lines
    }

    /// Whoever asks next for a partition begins to follow it.
    pub(super) fn forget(&mut self, partition: &PartitionId) {
        self.damaged.remove(partition);
        self.partitions.remove(partition);
    }

    /// A partition is followed no more, though it could be.
    pub(super) fn let_go(&mut self, partition: &PartitionId, recent: &Recent) {
        self.forget(partition);
        let seen = self.seen.entry(partition.clone()).or_default();
        seen.end = seen.end.max(recent.end().unwrap_or(0));
    }

    /// A partition can't be followed. Whoever asks next tries again; where it is damaged, whoever
    /// asks after a pause, so that nobody asks the brokers for the same over and over.
    pub(super) fn broke(
        &mut self,
        partition: &PartitionId,
        recent: &Arc<Recent>,
        error: &ReadError,
        now: Instant,
    ) {
        self.let_go(partition, recent);
        let seen = self.seen.entry(partition.clone()).or_default();
        seen.last = recent.last().or(seen.last);
        if matches!(error, ReadError::Damaged { .. }) {
            self.damaged.insert(partition.clone(), now);
            self.partitions.insert(partition.clone(), Arc::clone(recent));
        }
    }

    pub(super) fn seen(&self, partition: &PartitionId) -> Seen {
        self.seen.get(partition).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Offset;
    use crate::record::{Body, Claim, ClaimId, Record};
    use uuid::Uuid;

    fn partition() -> PartitionId {
        PartitionId { topic: "order".into(), number: 3 }
    }

    fn damaged() -> ReadError {
        ReadError::Damaged { offset: 7, detail: "a wrong checksum".into() }
    }

    /// Memory of a partition with one claim in it.
    fn memory(offset: i64) -> Arc<Recent> {
        let claim = Claim { id: ClaimId(Uuid::nil()), stream: Uuid::nil(), owner: "".into() };
        let recent = Recent::new(9_999);
        recent.begin(0);
        let record = Record { offset: Offset(offset), time: 0, body: Body::Claim(claim) };
        recent.push(&mut vec![record]);
        Arc::new(recent)
    }

    #[test]
    fn a_damaged_partition_is_left_alone_for_a_moment_and_then_looked_at_anew() {
        let (mut followed, broke) = (Followed::default(), Instant::now());
        let recent = memory(6);
        followed.begin(&partition(), recent.clone());
        followed.broke(&partition(), &recent, &damaged(), broke);
        assert!(followed.get(&partition(), broke + AGAIN / 2).is_some());
        assert!(followed.get(&partition(), broke + AGAIN).is_none());
        followed.begin(&partition(), memory(6));
        assert!(followed.get(&partition(), broke + 9 * AGAIN).is_some());
    }

    #[test]
    fn what_is_out_of_reach_is_looked_at_anew_at_once() {
        let (mut followed, now) = (Followed::default(), Instant::now());
        let recent = memory(6);
        followed.begin(&partition(), recent.clone());
        followed.broke(&partition(), &recent, &ReadError::Unavailable(String::new()), now);
        assert!(followed.get(&partition(), now).is_none());
    }

    #[test]
    fn what_was_seen_stays_seen_where_a_later_look_sees_nothing() {
        let (mut followed, now) = (Followed::default(), Instant::now());
        let seen = memory(6);
        followed.broke(&partition(), &seen, &damaged(), now);
        let nothing = Arc::new(Recent::new(9_999));
        followed.broke(&partition(), &nothing, &damaged(), now);
        followed.let_go(&partition(), &nothing);
        assert_eq!(followed.seen(&partition()), Seen { end: 7, last: seen.last() });
    }
}
