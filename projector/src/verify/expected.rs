//! What the tables should hold: a fold of the log, written apart from the projector's.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use event_log::validity::{Step, Validity, event};
use event_log::{EventRecord, Record};
use model::event::ReadEventError;
use model::rows::{Contribution, Occurred, Row};
use model::{Value, View, ViewKind, ViewSource};
use read_store::batch::REMEMBERED_KEYS;

use super::VerifyError;
use super::rows::{Group, Groups, RowKeys, digest};
use crate::batch::ActiveRun;
use crate::commands::used_key;
use crate::eval::guarded;

/// Everything that the log says, per run.
pub(super) struct Expected {
    pub(super) runs: Vec<ExpectedRun>,
    pub(super) events: u64,
}

/// One run.
pub(super) struct ExpectedRun {
    pub(super) run: ActiveRun,
    pub(super) aggregates: HashMap<Arc<str>, Entry>,
    pub(super) views: Vec<ExpectedView>,
}

/// One aggregate.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) version: u64,
    pub(super) offset: i64,
    pub(super) keyed: u64,
    pub(super) parked_from: Option<i64>,
    pub(super) state: Option<Bytes>,
    /// Digest over its events, each over the one before.
    pub(super) history: u64,
    /// Digests of its remembered keys, oldest first.
    pub(super) keys: VecDeque<u64>,
    /// The last round of comparison in which its row was seen.
    pub(super) seen: u32,
}

/// One view: what views of events have gathered, and what is kept of parked aggregates.
pub(super) struct ExpectedView {
    pub(super) view: Arc<View>,
    pub(super) event_rows: RowKeys,
    pub(super) event_groups: Groups,
    /// Ids set aside, with the rows and contributions of their last good state.
    pub(super) frozen: HashMap<Arc<str>, (Vec<Row>, Vec<Contribution>)>,
    parked: HashSet<Arc<str>>,
}

struct Occurrence<'a> {
    id: &'a Arc<str>,
    version: u64,
    before: (u64, Option<&'a Value>),
    occurred: Occurred<'a>,
}

impl Expected {
    pub(super) fn new(runs: Vec<ActiveRun>) -> Expected {
        let runs = runs.into_iter().map(ExpectedRun::new).collect();
        Expected { runs, events: 0 }
    }

    /// Takes the next record of a partition.
    pub(super) fn record(
        &mut self,
        validity: &mut Validity,
        record: Record,
    ) -> Result<(), VerifyError> {
        let Step::Complete(command) = validity.step(record) else { return Ok(()) };
        let Some(first) = command.first().and_then(event) else { return Ok(()) };
        self.events += command.len() as u64;
        let mut known = false;
        for run in &mut self.runs {
            if run.run.aggregate.name == first.aggregate {
                run.command(&command)?;
                known = true;
            }
        }
        match known {
            true => Ok(()),
            false => Err(VerifyError::Unknown(format!("unknown type {}", first.aggregate))),
        }
    }
}

impl ExpectedRun {
    fn new(run: ActiveRun) -> ExpectedRun {
        let views = run.views.iter().cloned().map(ExpectedView::new).collect();
        ExpectedRun { run, aggregates: HashMap::new(), views }
    }

    fn command(&mut self, command: &[Record]) -> Result<(), VerifyError> {
        let first = command.first().and_then(event).and_then(|e| self.aggregates.get(&e.id));
        let began = first.is_none_or(|entry| entry.state.is_none());
        for record in command {
            let Some(event) = event(record) else { continue };
            self.event(event, record.offset.0, record.time)?;
        }
        let Some(entry) = command
            .last()
            .and_then(event)
            .and_then(|last| self.aggregates.get_mut(&last.id))
            .filter(|entry| entry.parked_from.is_none())
        else {
            return Ok(());
        };
        if let Some(used) = used_key(command, entry.keyed + 1, began) {
            entry.keyed += 1;
            entry.keys.push_back(used_digest(&used));
            if entry.keys.len() as u64 > REMEMBERED_KEYS {
                entry.keys.pop_front();
            }
        }
        Ok(())
    }

    fn event(&mut self, event: &EventRecord, offset: i64, time: i64) -> Result<(), VerifyError> {
        let aggregate = self.run.aggregate.clone();
        let entry = self
            .aggregates
            .entry(event.id.clone())
            .or_insert_with(|| Entry { offset: -1, ..Entry::default() });
        if entry.parked_from.is_some() {
            return Ok(());
        }
        let before = entry.state.as_ref().and_then(|b| aggregate.state_shape.decode(b).ok());
        let read = guarded(|| Ok(aggregate.read_event(&event.event, &event.data)));
        let (index, data) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(ReadEventError::Failed { .. })) | Err(_) => {
                entry.parked_from = Some(offset);
                return Ok(());
            }
            Ok(Err(unknown)) => return Err(VerifyError::Unknown(unknown.to_string())),
        };
        let folded = guarded(|| aggregate.fold(before.as_ref(), index, &data, &event.id, time));
        let Ok(after) = folded else {
            entry.parked_from = Some(offset);
            return Ok(());
        };
        let was = entry.version;
        entry.version = event.version;
        entry.offset = offset;
        entry.state = after.as_ref().map(|state| Bytes::from(aggregate.encode_state(state)));
        entry.history =
            history_digest(entry.history, event.version, &event.event, time, &event.data);
        let occurrence = Occurrence {
            id: &event.id,
            version: event.version,
            before: (was, before.as_ref()),
            occurred: Occurred { event: index, data: &data, time, after: after.as_ref() },
        };
        self.views.iter_mut().for_each(|view| view.event(&aggregate, &occurrence));
        Ok(())
    }
}

impl ExpectedView {
    fn new(view: Arc<View>) -> ExpectedView {
        ExpectedView {
            view,
            event_rows: RowKeys::default(),
            event_groups: Groups::default(),
            frozen: HashMap::new(),
            parked: HashSet::new(),
        }
    }

    /// Whether it is made from events.
    pub(super) fn of_events(&self) -> bool {
        matches!(self.view.source, ViewSource::Events { .. })
    }

    fn event(&mut self, aggregate: &model::Aggregate, at: &Occurrence<'_>) {
        if self.parked.contains(at.id) {
            return;
        }
        let done = match (&self.view.kind, self.of_events()) {
            (ViewKind::Rows(_), true) => self.gather_rows(aggregate, at),
            (ViewKind::Rollup(_), true) => self.gather_groups(aggregate, at),
            (_, false) => self.probe(aggregate, at),
        };
        if done.is_err() {
            self.park(aggregate, at);
        }
    }

    fn gather_rows(
        &mut self,
        aggregate: &model::Aggregate,
        at: &Occurrence<'_>,
    ) -> Result<(), String> {
        let ViewKind::Rows(rows) = &self.view.kind else { return Ok(()) };
        let view = &self.view;
        let made = guarded(|| aggregate.event_rows(view, at.id, at.version, &at.occurred))?;
        for row in made {
            self.event_rows.insert(rows, &row, at.id);
        }
        Ok(())
    }

    fn gather_groups(
        &mut self,
        aggregate: &model::Aggregate,
        at: &Occurrence<'_>,
    ) -> Result<(), String> {
        let view = &self.view;
        let made =
            guarded(|| aggregate.event_contributions(view, at.id, at.version, &at.occurred))?;
        for contribution in made {
            Group::add(&mut self.event_groups, contribution)?;
        }
        Ok(())
    }

    /// Only whether the state's rows can be made: they are compared at the end.
    fn probe(&self, aggregate: &model::Aggregate, at: &Occurrence<'_>) -> Result<(), String> {
        state_part(aggregate, &self.view, at.id, at.version, at.occurred.after).map(|_| ())
    }

    fn park(&mut self, aggregate: &model::Aggregate, at: &Occurrence<'_>) {
        self.parked.insert(at.id.clone());
        if !self.of_events() {
            let (version, state) = at.before;
            let kept = state_part(aggregate, &self.view, at.id, version, state);
            self.frozen.insert(at.id.clone(), kept.unwrap_or_default());
        }
    }
}

/// What one state gives to a view of states: rows, or contributions to a rollup.
pub(super) fn state_part(
    aggregate: &model::Aggregate,
    view: &View,
    id: &Arc<str>,
    version: u64,
    state: Option<&Value>,
) -> Result<(Vec<Row>, Vec<Contribution>), String> {
    guarded(|| match view.kind {
        ViewKind::Rows(_) => Ok((aggregate.rows(view, id, version, state)?, Vec::new())),
        ViewKind::Rollup(_) => Ok((Vec::new(), aggregate.contributions(view, id, version, state)?)),
    })
}

/// Digest of a history that ends with this event.
pub(super) fn history_digest(
    before: u64,
    version: u64,
    event: &str,
    time: i64,
    data: &[u8],
) -> u64 {
    digest(&(before, version, event, time, data))
}

/// Digest of a remembered key.
pub(super) fn used_digest(used: &read_store::batch::UsedKey) -> u64 {
    let named = (&*used.key, &*used.caller, used.hash);
    let events = (used.first_version, &used.events, used.began);
    digest(&(used.number, named, events, used.offset))
}
