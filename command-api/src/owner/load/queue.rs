//! Questions that wait for their aggregate, in order, and which aggregates are to be asked for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::ask::Ask;

/// The questions that wait.
pub(in crate::owner) struct Loads {
    // Ordered, so that the same questions are always asked in the same order.
    by_id: Vec<BTreeMap<Arc<str>, Waiting>>,
    pub(super) wanted: Vec<Vec<Wanted>>,
    /// Whether a request of this type is on its way.
    pub(super) asked: Vec<bool>,
    count: usize,
    /// Counts restarts: what was asked before one is not taken.
    pub(super) epoch: u64,
    pub(super) stale: bool,
}

#[derive(Default)]
struct Waiting {
    asks: VecDeque<Ask>,
}

/// An aggregate to ask the store for.
pub(super) struct Wanted {
    pub id: Arc<str>,
    pub keyed: bool,
    /// Whether its state was in memory when the store was asked, so that only its keys were missing.
    pub warm: bool,
}

impl Loads {
    pub fn new(aggregates: usize) -> Loads {
        Loads {
            by_id: (0..aggregates).map(|_| BTreeMap::new()).collect(),
            wanted: (0..aggregates).map(|_| Vec::new()).collect(),
            asked: vec![false; aggregates],
            count: 0,
            epoch: 0,
            stale: false,
        }
    }

    /// How many questions wait.
    pub fn waiting(&self) -> usize {
        self.count
    }

    /// Whether questions wait whose requests are void.
    pub fn are_stale(&self) -> bool {
        self.stale
    }

    /// Queues a question behind others of its aggregate; gives it back where none wait.
    pub fn join(&mut self, ask: Ask) -> Option<Ask> {
        if self.count == 0 {
            return Some(ask);
        }
        match self.by_id[ask.aggregate].get_mut(&ask.id) {
            Some(waiting) => {
                waiting.asks.push_back(ask);
                self.count += 1;
                None
            }
            None => Some(ask),
        }
    }

    /// Sets a question aside until its aggregate is there.
    pub fn wait(&mut self, ask: Ask) {
        let keyed = ask.key.is_some();
        self.wanted[ask.aggregate].push(Wanted { id: ask.id.clone(), keyed, warm: false });
        self.by_id[ask.aggregate].entry(ask.id.clone()).or_default().asks.push_back(ask);
        self.count += 1;
    }

    /// Voids what was asked; whoever waits is asked for again.
    pub fn restart(&mut self) {
        self.epoch += 1;
        self.asked.iter_mut().for_each(|asked| *asked = false);
        for (waiting, wanted) in self.by_id.iter().zip(&mut self.wanted) {
            let keyed = |w: &Waiting| w.asks.iter().any(|ask| ask.key.is_some());
            *wanted = waiting
                .iter()
                .map(|(id, w)| Wanted { id: id.clone(), keyed: keyed(w), warm: false })
                .collect();
        }
        self.stale = self.count > 0;
    }

    /// All that wait, to be refused.
    pub fn drain(&mut self) -> Vec<Ask> {
        self.epoch += 1;
        self.stale = false;
        self.count = 0;
        self.asked.iter_mut().for_each(|asked| *asked = false);
        self.wanted.iter_mut().for_each(Vec::clear);
        self.by_id.iter_mut().flat_map(std::mem::take).flat_map(|(_, w)| w.asks).collect()
    }

    /// The questions of one aggregate, which wait no longer.
    pub(super) fn release(&mut self, aggregate: usize, id: &str) -> VecDeque<Ask> {
        let asks = self.by_id[aggregate].remove(id).map(|w| w.asks).unwrap_or_default();
        self.count -= asks.len();
        asks
    }
}
