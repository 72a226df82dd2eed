//! States in memory, bounded by bytes. What the projector has not taken in yet is never let go.

use std::collections::VecDeque;
use std::sync::Arc;

use event_log::planted;
use model::decide::Snapshot;

use super::keys::Keys;
use super::split::Split;

/// Bytes that an entry takes beside its state.
const ENTRY_BYTES: usize = 400;
/// How many entries one call of [`Cache::make_room`] looks at.
const SWEEP: usize = 512;

/// What the owner knows of one aggregate, its own undurable decisions included.
pub(super) struct Entry {
    pub snapshot: Snapshot,
    /// How many keyed commands it has had.
    pub keyed: u64,
    pub keys: Keys,
    /// Whether `keys` holds what the store remembers too.
    pub keys_complete: bool,
    /// The batch that last changed it; 0 = it was so when the partition was claimed.
    pub batch: u64,
    bytes: usize,
    touched: bool,
}

impl Entry {
    pub fn new(snapshot: Snapshot, keyed: u64, keys: Keys, keys_complete: bool) -> Entry {
        Entry { snapshot, keyed, keys, keys_complete, batch: 0, bytes: 0, touched: true }
    }

    /// Nothing was ever known of it.
    pub fn blank() -> Entry {
        Entry::new(Snapshot { version: 0, state: None }, 0, Keys::default(), true)
    }
}

/// All aggregates of a partition that are warm.
pub(super) struct Cache {
    // By index of the aggregate type.
    entries: Vec<Split<Entry>>,
    // A clock's face: each entry once, looked at from the front.
    clock: VecDeque<(usize, Arc<str>)>,
    bytes: usize,
    max_bytes: usize,
}

impl Cache {
    pub fn new(aggregates: usize, max_bytes: usize) -> Cache {
        let entries = (0..aggregates).map(|_| Split::default()).collect();
        Cache { entries, clock: VecDeque::new(), bytes: 0, max_bytes }
    }

    pub fn get(&mut self, aggregate: usize, id: &str) -> Option<&mut Entry> {
        let entry = self.entries[aggregate].get_mut(id)?;
        entry.touched = true;
        Some(entry)
    }

    /// Puts an entry in whose state takes `state_bytes`.
    pub fn insert(
        &mut self,
        aggregate: usize,
        id: Arc<str>,
        mut entry: Entry,
        state_bytes: usize,
    ) -> &mut Entry {
        entry.bytes = weight(&entry, &id, state_bytes);
        self.bytes += entry.bytes;
        self.clock.push_back((aggregate, id.clone()));
        self.entries[aggregate].insert(id, entry)
    }

    /// Takes down that an entry's state or keys have another size now.
    pub fn resize(&mut self, aggregate: usize, id: &str, state_bytes: usize) {
        if let Some(entry) = self.entries[aggregate].get_mut(id) {
            let grown = weight(entry, id, state_bytes);
            let before = std::mem::replace(&mut entry.bytes, grown);
            self.bytes = self.bytes + grown - before;
        }
    }

    pub fn is_full(&self) -> bool {
        self.bytes > self.max_bytes
    }

    /// Whether it is time to make room, before anything has to be refused.
    pub fn is_tight(&self) -> bool {
        self.bytes > self.max_bytes / 8 * 7
    }

    pub fn clear(&mut self) {
        self.entries.iter_mut().for_each(Split::clear);
        self.clock.clear();
        self.bytes = 0;
    }

    /// Lets go of entries not used lately whose last batch is at or below `settled`, down to
    /// three quarters of the bound, so that what is loaded next has room.
    pub fn make_room(&mut self, settled: Option<u64>) {
        let enough = self.max_bytes / 4 * 3;
        // Twice around at most: the first look takes the mark of use off, the second lets go.
        for _ in 0..SWEEP.min(2 * self.clock.len()) {
            if self.bytes <= enough {
                return;
            }
            let Some((aggregate, id)) = self.clock.pop_front() else { return };
            let Some(entry) = self.entries[aggregate].get_mut(&id) else { continue };
            let pinned = settled.is_none_or(|settled| entry.batch > settled);
            let pinned = pinned && !planted::is("unprojected-evicted");
            if pinned || std::mem::take(&mut entry.touched) {
                self.clock.push_back((aggregate, id));
                continue;
            }
            self.bytes -= entry.bytes;
            self.entries[aggregate].remove(&id);
        }
    }
}

fn weight(entry: &Entry, id: &str, state_bytes: usize) -> usize {
    // Decoded values take a few times their encoded length.
    ENTRY_BYTES + 3 * state_bytes + id.len() + entry.keys.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(max_bytes: usize, batches: &[u64]) -> Cache {
        let mut cache = Cache::new(1, max_bytes);
        for (n, batch) in batches.iter().enumerate() {
            let mut entry = Entry::blank();
            entry.batch = *batch;
            cache.insert(0, n.to_string().into(), entry, 100);
        }
        cache
    }

    #[test]
    fn what_is_not_projected_yet_stays_even_at_the_bound() {
        let mut cache = filled(10, &[1, 2, 3]);
        for _ in 0..3 {
            cache.make_room(Some(1));
        }
        assert!(cache.get(0, "0").is_none());
        assert!(cache.get(0, "1").is_some() && cache.get(0, "2").is_some());
        assert!(cache.is_full());
    }

    #[test]
    fn nothing_goes_before_the_first_mark() {
        let mut cache = filled(10, &[0, 0]);
        cache.make_room(None);
        cache.make_room(None);
        assert!(cache.get(0, "0").is_some());
    }

    #[test]
    fn bytes_come_back_to_nothing_when_all_is_gone() {
        let mut cache = filled(0, &[1, 1, 1]);
        cache.resize(0, "1", 5_000);
        cache.make_room(Some(1));
        cache.make_room(Some(1));
        assert_eq!((cache.bytes, cache.clock.len()), (0, 0));
    }
}
