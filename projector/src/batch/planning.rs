//! The plan of one run: what the events of each aggregate do to its tables.

use std::sync::Arc;

use bytes::Bytes;
use event_log::{Record, planted};
use read_store::batch::StateRow;
use read_store::position::PartitionKey;
use read_store::{CommandWrite, StateWrite};

use super::{ActiveRun, Planned, Stop};
use crate::commands::used_key;
use crate::fold::{Before, EventAt, Folded, Known, Step, fold};
use crate::history::history;
use crate::parked::{Waiting, pointers};
use crate::stretch::Stretch;
use crate::views::{Effects, Subject, project};

/// The plan of one run, growing aggregate by aggregate.
pub(super) struct Planning<'a> {
    pub(super) run: &'a ActiveRun,
    pub(super) at: usize,
    pub(super) stretch: &'a Stretch,
    pub(super) partition: &'a PartitionKey,
    pub(super) out: &'a mut Planned,
    pub(super) effects: &'a mut Effects,
}

impl Planning<'_> {
    /// Makes room at once for what so many aggregates and events will mostly come to.
    pub(super) fn expect(&mut self, aggregates: usize, events: usize) {
        let batch = &mut self.out.batch;
        batch.states.reserve(aggregates);
        self.out.states.reserve(aggregates);
        if self.run.primary {
            batch.history.reserve(events);
        }
        self.effects.rows.resize_with(self.run.views.len(), Vec::new);
        self.effects.rows.iter_mut().for_each(|rows| rows.reserve(aggregates));
    }

    pub(super) fn aggregate(
        &mut self,
        id: Arc<str>,
        events: &[EventAt],
        before: Before,
    ) -> Result<(), Stop> {
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
