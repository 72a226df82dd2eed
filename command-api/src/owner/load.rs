//! Cold aggregates: their questions step aside until the store has answered; the others go on.
//!
//! The state row is read, then the used keys (so that no key between the two is missed), then the
//! commands of the log's tail above the row are folded on top.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures::FutureExt;
use model::Aggregate;
use model::decide::Snapshot;
use read_store::batch::{StateRow, UsedKey};
use read_store::{Reader, RunId, StoreError};

use super::Owner;
use super::cache::Entry;
use super::decide::guarded;
use super::keys::{Keys, Place, Remembered};
use super::tail::{TailCommand, TailOf};
use crate::ask::{Ask, Refusal};

/// Most aggregates asked of the store at once.
const MAX_IDS: usize = 256;

/// Questions that wait for their aggregate, and which aggregates are to be asked for.
pub(super) struct Loads {
    // Ordered, so that the same questions are always asked in the same order.
    by_id: Vec<BTreeMap<Arc<str>, Waiting>>,
    wanted: Vec<Vec<Wanted>>,
    /// Whether a request of this type is on its way.
    asked: Vec<bool>,
    count: usize,
    /// Counts restarts: what was asked before one is not taken.
    epoch: u64,
    stale: bool,
}

#[derive(Default)]
struct Waiting {
    asks: VecDeque<Ask>,
}

/// An aggregate to ask the store for.
struct Wanted {
    id: Arc<str>,
    keyed: bool,
    /// Whether its state was in memory when the store was asked, so that only its keys were missing.
    warm: bool,
}

/// What the store said.
pub(super) struct Loaded {
    epoch: u64,
    aggregate: usize,
    ids: Vec<Wanted>,
    found: Result<Vec<Found>, StoreError>,
}

type Found = (Option<StateRow>, Option<Vec<UsedKey>>);

/// Why an aggregate can't be decided on.
enum Unusable {
    /// The tail's part of it was too large to keep: the projector has to come nearer.
    Behind,
    /// It can't be folded.
    Broken(String),
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
    fn release(&mut self, aggregate: usize, id: &str) -> VecDeque<Ask> {
        let asks = self.by_id[aggregate].remove(id).map(|w| w.asks).unwrap_or_default();
        self.count -= asks.len();
        asks
    }
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
            let name = self.model.aggregates[aggregate].name.clone();
            let (reader, epoch) = (self.ground.reader.clone(), self.loads.epoch);
            let fetch = async move {
                let found = ask_store(&*reader, &run, &name, &ids).await;
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
        let found = match loaded.found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "cold aggregates can't be read");
                for want in &loaded.ids {
                    let asks = self.loads.release(aggregate, &want.id);
                    refuse(asks, || unavailable("the store can't be read just now"));
                }
                return;
            }
        };
        for (want, (row, used)) in loaded.ids.into_iter().zip(found) {
            let asks = self.loads.release(aggregate, &want.id);
            match self.warm(aggregate, &want, row, used) {
                Ok(()) => asks.into_iter().for_each(|ask| self.admit(ask)),
                Err(Unusable::Behind) => refuse(asks, || Refusal::Overloaded),
                Err(Unusable::Broken(detail)) => {
                    tracing::error!(id = %want.id, detail, "aggregate can't be folded");
                    refuse(asks, || unavailable("this aggregate is set aside: it can't be folded"));
                }
            }
        }
    }

    fn warm(
        &mut self,
        aggregate: usize,
        want: &Wanted,
        row: Option<StateRow>,
        used: Option<Vec<UsedKey>>,
    ) -> Result<(), Unusable> {
        let id = &want.id;
        if let Some(entry) = self.cache.get(aggregate, id) {
            // Only the keys were missing.
            if let Some(used) = used {
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
        let above = row.as_ref().map_or(-1, |row| row.offset);
        let commands = match self.tail.of(aggregate, id) {
            TailOf::Forgotten(offset) if offset > above => return Err(Unusable::Behind),
            TailOf::Forgotten(_) => &[],
            TailOf::Commands(commands) => commands,
        };
        let built = guarded(|| build(&model, id, row, used, commands));
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

async fn ask_store(
    reader: &dyn Reader,
    run: &RunId,
    name: &str,
    wanted: &[Wanted],
) -> Result<Vec<Found>, StoreError> {
    let ids: Vec<Arc<str>> = wanted.iter().map(|w| w.id.clone()).collect();
    let rows = reader.states(run, name, &ids).await?;
    let mut found = Vec::with_capacity(rows.len());
    for (row, want) in rows.into_iter().zip(wanted) {
        // Where there is no row, the store knows no key either.
        let has_keys = row.as_ref().is_some_and(|row| row.keyed > 0);
        let used = match (has_keys, want.keyed) {
            (true, true) => Some(reader.used_keys(run, name, &want.id).await?),
            (true, false) => None,
            (false, _) => Some(Vec::new()),
        };
        found.push((row, used));
    }
    Ok(found)
}

/// The entry of an aggregate: its row, and the tail's commands above it.
fn build(
    model: &Aggregate,
    id: &Arc<str>,
    row: Option<StateRow>,
    used: Option<Vec<UsedKey>>,
    commands: &[TailCommand],
) -> Result<(Entry, usize), Unusable> {
    let broken = |detail: String| Unusable::Broken(detail);
    let row = row.unwrap_or(StateRow {
        version: 0,
        offset: -1,
        keyed: 0,
        state: None,
        parked_from: None,
    });
    if let Some(offset) = row.parked_from {
        return Err(broken(format!("folding stopped at offset {offset}")));
    }
    let mut state_bytes = row.state.as_ref().map_or(0, |bytes| bytes.len());
    let state = row.state.as_deref().map(|bytes| model.state_shape.decode(bytes));
    let state = state.transpose().map_err(|e| broken(e.to_string()))?;
    let mut snapshot = Snapshot { version: row.version, state };
    let mut keyed = row.keyed;
    let mut keys = Keys::default();
    let keys_complete = used.is_some();
    keys.merge(used.unwrap_or_default());
    for command in commands.iter().filter(|command| command.offset > row.offset) {
        let began = snapshot.state.is_none();
        state_bytes += fold(model, id, command, &mut snapshot).map_err(broken)?;
        keyed += u64::from(command.command.is_some());
        if let Some(remembered) = remember(command, keyed, began) {
            keys.push_unless_known(remembered);
        }
    }
    Ok((Entry::new(snapshot, keyed, keys, keys_complete), state_bytes))
}

fn fold(
    model: &Aggregate,
    id: &Arc<str>,
    command: &TailCommand,
    snapshot: &mut Snapshot,
) -> Result<usize, String> {
    if command.first_version != snapshot.version + 1 {
        let (found, due) = (command.first_version, snapshot.version + 1);
        return Err(format!("version {found} follows where {due} is due"));
    }
    let mut bytes = 0;
    for event in &command.events {
        let (index, data) =
            model.read_event(&event.event, &event.data).map_err(|e| e.to_string())?;
        snapshot.state = model
            .fold(snapshot.state.as_ref(), index, &data, id, event.time)
            .map_err(|e| e.to_string())?;
        snapshot.version += 1;
        bytes += event.data.len();
    }
    Ok(bytes)
}

fn remember(command: &TailCommand, number: u64, began: bool) -> Option<Remembered> {
    Some(Remembered {
        number,
        command: command.command.clone()?,
        first_version: command.first_version,
        events: command.events.iter().map(|e| e.event.clone()).collect(),
        began,
        place: Place::at(command.offset),
    })
}
