//! Planning: a stretch of a partition and the states before it become one batch. No I/O.

mod planning;
mod stop;

use std::collections::HashMap;
use std::sync::Arc;

use event_log::planted;
use event_log::validity::event;
use model::{Aggregate, View};
use read_store::batch::StateRow;
use read_store::position::PartitionKey;
use read_store::{Batch, Mark, RunId};

use crate::fold::{Before, EventAt, Known};
use crate::rollup::Cells;
use crate::stretch::Stretch;
use crate::views::Effects;
use planning::Planning;
pub use stop::Stop;

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
