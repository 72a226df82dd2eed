//! States between batches: a bounded cache, and the states of batches that are not applied yet,
//! which are never evicted.

use std::collections::BTreeMap;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::unsync::Cache;

use crate::fold::Known;

type Key = (usize, Arc<str>);

/// Decoded states by run (its place in the list of runs) and id.
pub(crate) struct States {
    cache: Cache<Key, Arc<Known>, ByBytes>,
    unapplied: BTreeMap<Key, Arc<Known>>,
}

/// Weighs an entry by about what it takes in memory.
#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Known>> for ByBytes {
    fn weight(&self, key: &Key, known: &Arc<Known>) -> u64 {
        // A decoded value takes about four times its encoded form; the rest is the entry itself.
        (key.1.len() + 4 * known.size + 256) as u64
    }
}

impl States {
    pub(crate) fn new(bytes: u64) -> States {
        let items = usize::try_from(bytes / 512).unwrap_or(usize::MAX);
        States { cache: Cache::with_weighter(items, bytes, ByBytes), unapplied: BTreeMap::new() }
    }

    /// The latest state, as far as it is in memory.
    pub(crate) fn get(&self, run: usize, id: &Arc<str>) -> Option<Arc<Known>> {
        let key = (run, id.clone());
        self.unapplied.get(&key).or_else(|| self.cache.get(&key)).cloned()
    }

    /// Takes the states of a batch that is planned and not applied: they go before all others.
    pub(crate) fn planned(&mut self, states: Vec<(usize, Arc<str>, Arc<Known>)>) {
        self.unapplied.extend(states.into_iter().map(|(run, id, known)| ((run, id), known)));
    }

    /// The batch planned last is applied: its states may be evicted from now on.
    pub(crate) fn applied(&mut self) {
        for (key, known) in std::mem::take(&mut self.unapplied) {
            self.cache.insert(key, known);
        }
    }

    /// Forgets all, for a fresh start from the marks.
    pub(crate) fn clear(&mut self) {
        self.cache.clear();
        self.unapplied.clear();
    }
}
