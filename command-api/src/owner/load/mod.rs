//! Cold aggregates: their questions step aside until the store has answered; the others go on.
//!
//! The state row is read, then the used keys (so that no key between the two is missed), then what
//! was set aside of it, then the commands of the log's tail above all that are folded on top.

mod aside;
mod build;
mod queue;

use std::collections::VecDeque;

use futures::FutureExt;
use read_store::StoreError;
use service::seldom;

use super::Owner;
use super::decide::guarded;
use crate::ask::{Ask, Refusal};
use aside::Source;
use build::{Answered, Found, Unusable, ask_store, build};
pub(super) use queue::Loads;
use queue::Wanted;

/// Most aggregates asked of the store at once.
const MAX_IDS: usize = 256;

/// What the store said.
pub(super) struct Loaded {
    epoch: u64,
    aggregate: usize,
    ids: Vec<Wanted>,
    found: Result<Answered, StoreError>,
}

impl Owner {
    /// Asks the store for the aggregates that are wanted.
    pub(super) fn fetch(&mut self) {
        if !matches!(self.standing, super::Standing::Serving(_)) {
            return;
        }
        self.loads.stale = false;
        for aggregate in 0..self.runs.len() {
            let wanted = &mut self.loads.wanted[aggregate];
            if self.loads.asked[aggregate] || wanted.is_empty() {
                continue;
            }
            let Some(run) = self.runs[aggregate].clone() else { continue };
            let mut ids: Vec<Wanted> = wanted.drain(..wanted.len().min(MAX_IDS)).collect();
            for want in &mut ids {
                want.warm = self.cache.get(aggregate, &want.id).is_some();
            }
            self.loads.asked[aggregate] = true;
            let (ground, partition) = (self.ground.clone(), self.partition.clone());
            let (model, epoch) = (self.model.aggregates[aggregate].clone(), self.loads.epoch);
            let fetch = async move {
                let (run, partition) = (&run, &partition);
                let source = Source { ground: &ground, partition, run, aggregate: &model };
                let found = ask_store(&source, &ids).await;
                Loaded { epoch, aggregate, ids, found }
            };
            self.fetches.push(fetch.boxed());
        }
    }

    /// Takes in what the store said, and decides what waited for it.
    pub(super) fn install(&mut self, loaded: Loaded) {
        if loaded.epoch != self.loads.epoch {
            return;
        }
        self.loads.asked[loaded.aggregate] = false;
        let aggregate = loaded.aggregate;
        let (found, marks) = match loaded.found {
            Ok(found) => found,
            Err(error) => {
                seldom!(warn, %error, "cold aggregates can't be read");
                for want in &loaded.ids {
                    let asks = self.loads.release(aggregate, &want.id);
                    refuse(asks, || unavailable("the store can't be read just now"));
                }
                return;
            }
        };
        // Tables that were made anew since the claim lack what the owner takes for projected.
        let mark = self.lowest_mark(&marks).map_or(-1, |mark| mark.offset);
        if mark < self.mark {
            return self.reached(mark);
        }
        for (want, found) in loaded.ids.into_iter().zip(found) {
            let asks = self.loads.release(aggregate, &want.id);
            match self.warm(aggregate, &want, found) {
                Ok(()) => asks.into_iter().for_each(|ask| self.admit(ask)),
                Err(Unusable::Behind) => refuse(asks, || Refusal::Overloaded),
                Err(Unusable::Broken(detail)) => {
                    tracing::error!(id = %want.id, detail, "aggregate can't be folded");
                    refuse(asks, || unavailable("this aggregate is set aside: it can't be folded"));
                }
            }
        }
    }

    fn warm(&mut self, aggregate: usize, want: &Wanted, found: Found) -> Result<(), Unusable> {
        let id = &want.id;
        if let Some(entry) = self.cache.get(aggregate, id) {
            // Only the keys were missing.
            if let Some(used) = found.used {
                entry.keys.merge(used);
                entry.keys_complete = true;
            }
            return Ok(());
        }
        if want.warm {
            // It was let go meanwhile; the row may be older than what was in memory, so whoever
            // waits asks again.
            return Ok(());
        }
        let model = self.model.aggregates[aggregate].clone();
        let tail = self.tail.of(aggregate, id);
        let built = guarded(|| build(&model, id, found, tail));
        let (entry, state_bytes) =
            built.unwrap_or_else(|| Err(Unusable::Broken("folding it panicked".to_owned())))?;
        self.cache.insert(aggregate, id.clone(), entry, state_bytes);
        Ok(())
    }
}

fn unavailable(reason: &str) -> Refusal {
    Refusal::Unavailable(reason.to_owned())
}

fn refuse(asks: VecDeque<Ask>, refusal: impl Fn() -> Refusal) {
    for ask in asks {
        ask.answer(Err(refusal()));
    }
}
