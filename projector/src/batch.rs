//! Planning: a stretch of a partition and the states before it become one batch. No I/O.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use event_log::validity::event;
use event_log::{Record, planted};
use model::{Aggregate, View};
use read_store::batch::StateRow;
use read_store::position::PartitionKey;
use read_store::{Batch, CommandWrite, Mark, RunId, StateWrite};

use crate::commands::used_key;
use crate::fold::{Before, EventAt, Folded, Known, Step, fold};
use crate::history::history;
use crate::parked::{Waiting, pointers};
use crate::rollup::Cells;
use crate::stretch::Stretch;
use crate::views::{Effects, Subject, project};

/// A run that is fed, and how far it is in the partition.
#[derive(Clone, Debug)]
pub struct ActiveRun {
    /// Its id.
    pub run: RunId,
    /// Its aggregate type.
    pub aggregate: Arc<Aggregate>,
    /// The views that it feeds.
    pub views: Vec<Arc<View>>,
    /// Whether it feeds history and commands too.
    pub primary: bool,
    /// Offset of the last record that is in its tables; -1 before any.
    pub mark: i64,
    /// Ids that wait for a view of it (by its place in `views`), and from which offset on. An event
    /// below it does not wait, though it may be projected again: what a crash left behind of a batch
    /// may be its pointers without its rows.
    pub parked: HashMap<(usize, Arc<str>), i64>,
    /// Ids whose rows in a view the store refuses, with what it said: they park at their next
    /// event.
    pub refused: HashMap<(usize, Arc<str>), String>,
}

/// Why a partition stops: nothing above this place is projected until it is healed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// A newer model wrote the event.
    #[error("{detail} at offset {offset}: the model here is older than the log")]
    Unknown {
        /// Where.
        offset: i64,
        /// What is not known.
        detail: String,
    },
    /// An aggregate's versions are not dense.
    #[error(
        "{aggregate} {id} has version {found} at offset {offset}, but {expected} would be next"
    )]
    VersionGap {
        /// The aggregate type.
        aggregate: String,
        /// The aggregate.
        id: String,
        /// Where.
        offset: i64,
        /// The event's version.
        found: u64,
        /// The version that would follow the state row.
        expected: u64,
    },
    /// A state row cannot be read.
    #[error("the stored state of {aggregate} {id} is damaged: {detail}")]
    Damaged {
        /// The aggregate type.
        aggregate: String,
        /// The aggregate.
        id: String,
        /// What happened.
        detail: String,
    },
    /// The store refuses a batch, and leaving out a view does not help.
    #[error("the store refuses what one command does: {0}")]
    Refused(String),
    /// A record is damaged.
    #[error("{0}")]
    Log(String),
    /// A fault of the projector itself.
    #[error("a fault in the projector: {0}")]
    Fault(String),
}

/// The events of one run in a stretch, per aggregate.
#[derive(Default)]
pub(crate) struct Groups {
    pub(crate) ids: Vec<Arc<str>>,
    pub(crate) events: Vec<Vec<EventAt>>,
}

/// A batch, and what it teaches about the aggregates that it touches.
#[derive(Default)]
pub struct Planned {
    /// What the store is to apply.
    pub batch: Batch,
    pub(crate) states: Vec<(usize, Arc<str>, Arc<Known>)>,
    pub(crate) parked_views: Vec<(usize, usize, Arc<str>, i64)>,
    pub(crate) parked: usize,
}

/// Sorts the events of a stretch by run and aggregate; `Err` for an aggregate type that no run
/// knows.
pub(crate) fn group(runs: &[ActiveRun], stretch: &Stretch) -> Result<Vec<Groups>, Stop> {
    let mut by_type: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, run) in runs.iter().enumerate() {
        by_type.entry(&run.aggregate.name).or_default().push(at);
    }
    let mut groups: Vec<Groups> = runs.iter().map(|_| Groups::default()).collect();
    let mut places: Vec<HashMap<Arc<str>, usize>> = vec![HashMap::new(); runs.len()];
    for (command_at, command) in stretch.commands.iter().enumerate() {
        for (record_at, record) in command.iter().enumerate() {
            let Some(event) = event(record) else { continue };
            let Some(wanted) = by_type.get(&*event.aggregate) else {
                let detail = format!("unknown aggregate type {}", event.aggregate);
                return Err(Stop::Unknown { offset: record.offset.0, detail });
            };
            for run in wanted.iter().copied().filter(|run| record.offset.0 > runs[*run].mark) {
                let place = *places[run].entry(event.id.clone()).or_insert_with(|| {
                    groups[run].ids.push(event.id.clone());
                    groups[run].events.push(Vec::with_capacity(command.len()));
                    groups[run].ids.len() - 1
                });
                groups[run].events[place].push((command_at as u32, record_at as u32));
            }
        }
    }
    Ok(groups)
}

/// Plans a stretch: `rows` gives the stored state row of an aggregate of a run (by place in
/// `runs`).
pub fn plan(
    runs: &[ActiveRun],
    partition: &PartitionKey,
    stretch: &Stretch,
    mut rows: impl FnMut(usize, &Arc<str>) -> Option<StateRow>,
) -> Result<Planned, Stop> {
    let groups = group(runs, stretch)?;
    let before = groups
        .iter()
        .enumerate()
        .map(|(run, groups)| groups.ids.iter().map(|id| Before::Row(rows(run, id))).collect())
        .collect();
    plan_groups(runs, partition, stretch, groups, before, true)
}

/// Plans a stretch that is grouped already, with one `before` for each aggregate of each run.
/// `atomic` says whether the store applies the plan wholly or not at all.
pub(crate) fn plan_groups(
    runs: &[ActiveRun],
    partition: &PartitionKey,
    stretch: &Stretch,
    groups: Vec<Groups>,
    before: Vec<Vec<Before>>,
    atomic: bool,
) -> Result<Planned, Stop> {
    let mut planned = Planned::default();
    let apart = !atomic && !planted::is("coalesced-rollups");
    let mut effects = Effects { rows: Vec::new(), cells: Cells::new(apart) };
    for (at, (groups, before)) in groups.into_iter().zip(before).enumerate() {
        let mut planning = Planning {
            run: &runs[at],
            at,
            out: &mut planned,
            effects: &mut effects,
            stretch,
            partition,
        };
        planning.expect(groups.ids.len(), stretch.events);
        for ((id, events), before) in groups.ids.into_iter().zip(groups.events).zip(before) {
            planning.aggregate(id, &events, before)?;
        }
        planned.batch.rows.extend(effects.rows.iter_mut().flat_map(|rows| rows.drain(..)));
    }
    planned.batch.cells = effects.cells.finish();
    if let Some(end) = stretch.end {
        planned.batch.marks = marks(runs, partition, stretch, end);
    }
    Ok(planned)
}

fn marks(runs: &[ActiveRun], partition: &PartitionKey, stretch: &Stretch, end: i64) -> Vec<Mark> {
    runs.iter()
        .filter(|run| run.mark < end)
        .map(|run| Mark {
            run: run.run.clone(),
            partition: partition.clone(),
            offset: end,
            claim: stretch.claim,
            seq: stretch.seq,
        })
        .collect()
}

/// The plan of one run, growing aggregate by aggregate.
struct Planning<'a> {
    run: &'a ActiveRun,
    at: usize,
    stretch: &'a Stretch,
    partition: &'a PartitionKey,
    out: &'a mut Planned,
    effects: &'a mut Effects,
}

impl Planning<'_> {
    /// Makes room at once for what so many aggregates and events will mostly come to.
    fn expect(&mut self, aggregates: usize, events: usize) {
        let batch = &mut self.out.batch;
        batch.states.reserve(aggregates);
        self.out.states.reserve(aggregates);
        if self.run.primary {
            batch.history.reserve(events);
        }
        self.effects.rows.resize_with(self.run.views.len(), Vec::new);
        self.effects.rows.iter_mut().for_each(|rows| rows.reserve(aggregates));
    }

    fn aggregate(&mut self, id: Arc<str>, events: &[EventAt], before: Before) -> Result<(), Stop> {
        let aggregate = &self.run.aggregate;
        let before = before.known(aggregate, &id)?;
        let folded = fold(aggregate, &id, &before, self.stretch, events)?;
        self.views(&id, &before, &folded);
        let keyed = self.commands(&id, &before, &folded, events);
        if self.run.primary {
            let run = &self.run.run;
            let rows = folded.steps.iter().map(|step| history(run, &aggregate.name, &id, step));
            self.out.batch.history.extend(rows);
        }
        self.state(id, &before, folded, keyed);
        Ok(())
    }

    fn views(&mut self, id: &Arc<str>, before: &Known, folded: &Folded<'_>) {
        let run = self.run;
        let subject =
            Subject { aggregate: &run.aggregate, run: &run.run, id, before, steps: &folded.steps };
        if folded.steps.is_empty() {
            return;
        }
        for (at, view) in run.views.iter().enumerate() {
            let (flow, aside) = self.set_aside(at, id, &folded.steps);
            let flowing = Subject { steps: &folded.steps[..flow], ..subject };
            let failed = match flow {
                0 => None,
                _ => project(flowing, view, (self.at, at), self.effects),
            };
            let Some((step, reason)) = failed.or(aside.map(|reason| (flow, reason))) else {
                continue;
            };
            let waiting = Waiting {
                run: &run.run,
                aggregate: &run.aggregate.name,
                id,
                view: Some(&view.name),
                partition: self.partition,
            };
            let events = folded.steps[step..].iter().map(|s| (s.offset, s.event.version));
            pointers(waiting, events, &reason, &mut self.out.batch.parked);
            if !reason.is_empty() {
                let from = folded.steps[step].offset;
                self.out.parked_views.push((self.at, at, id.clone(), from));
            }
        }
    }

    /// How many steps of an id flow into a view, and why the others are set aside before anything
    /// is computed: the reason is empty where the id was parked earlier.
    fn set_aside(&self, view: usize, id: &Arc<str>, steps: &[Step<'_>]) -> (usize, Option<String>) {
        if self.run.parked.is_empty() && self.run.refused.is_empty() {
            return (steps.len(), None);
        }
        let key = (view, id.clone());
        if let Some(from) = self.run.parked.get(&key) {
            let flow = steps.partition_point(|step| step.offset < *from);
            return (flow, (flow < steps.len()).then(String::new));
        }
        match self.run.refused.get(&key) {
            Some(reason) => (0, Some(reason.clone())),
            None => (steps.len(), None),
        }
    }

    /// Writes the used keys of the commands that were folded whole; how many the aggregate has.
    fn commands(
        &mut self,
        id: &Arc<str>,
        before: &Known,
        folded: &Folded<'_>,
        events: &[EventAt],
    ) -> u64 {
        let Some(last) = folded.steps.last() else { return before.keyed };
        let mut keyed = before.keyed;
        let mut seen = None;
        for (at, _) in events {
            let command = &self.stretch.commands[*at as usize];
            let whole = command.last().is_some_and(|record| {
                record.offset.0 > before.offset && record.offset.0 <= last.offset
            });
            if seen.replace(*at) == Some(*at) || !whole {
                continue;
            }
            let began = !exists_before(command, before, &folded.steps);
            let Some(used) = used_key(command, keyed + 1, began) else { continue };
            keyed += 1;
            if self.run.primary {
                self.out.batch.commands.push(CommandWrite {
                    run: self.run.run.clone(),
                    aggregate: self.run.aggregate.name.clone(),
                    id: id.clone(),
                    used,
                });
            }
        }
        keyed
    }

    fn state(&mut self, id: Arc<str>, before: &Known, folded: Folded<'_>, keyed: u64) {
        let Folded { mut steps, waiting } = folded;
        let newly_parked = waiting.is_some() && before.parked_from.is_none();
        let parked_from = match &waiting {
            Some((events, _)) if newly_parked => events.first().map(|(offset, _)| *offset),
            _ => before.parked_from,
        };
        let run = self.run;
        if let Some((events, reason)) = waiting {
            let (run, aggregate) = (&run.run, &run.aggregate.name);
            let partition = self.partition;
            let waiting = Waiting { run, aggregate, id: &id, view: None, partition };
            pointers(waiting, events.into_iter(), &reason, &mut self.out.batch.parked);
        }
        self.out.parked += usize::from(newly_parked);
        let last = steps.pop();
        if last.is_none() && !newly_parked {
            return;
        }
        let (version, offset, state) = match last {
            Some(step) => (step.event.version, step.offset, step.after),
            None => (before.version, before.offset, before.state.clone()),
        };
        let encoded = state.as_ref().map(|state| Bytes::from(run.aggregate.encode_state(state)));
        let size = encoded.as_ref().map_or(0, Bytes::len);
        self.out.batch.states.push(StateWrite {
            run: run.run.clone(),
            aggregate: run.aggregate.name.clone(),
            id: id.clone(),
            state: StateRow {
                version,
                offset,
                keyed,
                state: encoded,
                parked_from: parked_from.filter(|_| !planted::is("parked-row-evicted")),
            },
        });
        let known = Known { version, offset, keyed, parked_from, state, size };
        self.out.states.push((self.at, id, Arc::new(known)));
    }
}

/// Whether the aggregate existed before a command that was folded.
fn exists_before(command: &[Record], before: &Known, steps: &[Step<'_>]) -> bool {
    let first = command.first().map_or(i64::MAX, |record| record.offset.0);
    match steps.partition_point(|step| step.offset < first).checked_sub(1) {
        Some(last) => steps[last].after.is_some(),
        None => before.state.is_some(),
    }
}
