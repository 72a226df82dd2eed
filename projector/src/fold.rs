//! Folding: the events of one aggregate in a stretch, one after the other, from the state before.

use std::sync::Arc;

use bytes::Bytes;
use event_log::EventRecord;
use event_log::validity::event;
use model::event::ReadEventError;
use model::{Aggregate, Value};
use read_store::batch::StateRow;

use crate::batch::Stop;
use crate::eval::guarded;
use crate::stretch::Stretch;

/// What is known of an aggregate: its state row, decoded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    pub(crate) version: u64,
    pub(crate) offset: i64,
    pub(crate) keyed: u64,
    pub(crate) parked_from: Option<i64>,
    pub(crate) state: Option<Value>,
    /// Length of the encoded state, for the cache's bound.
    pub(crate) size: usize,
}

/// The state row of an aggregate as planning finds it.
pub(crate) enum Before {
    /// From the cache.
    Known(Arc<Known>),
    /// From the store.
    Row(Option<StateRow>),
}

/// An event that was folded.
pub(crate) struct Step<'a> {
    pub(crate) event: &'a EventRecord,
    pub(crate) offset: i64,
    pub(crate) time: i64,
    pub(crate) index: usize,
    pub(crate) data: Value,
    pub(crate) after: Option<Value>,
}

/// Where an event stands in a stretch: which command, which of its records.
pub(crate) type EventAt = (u32, u32);

/// What became of the events of one aggregate.
pub(crate) struct Folded<'a> {
    pub(crate) steps: Vec<Step<'a>>,
    /// The events that wait, and why: the reason is empty where the aggregate was parked before.
    pub(crate) waiting: Option<(Vec<(i64, u64)>, String)>,
}

impl Known {
    /// The state of an aggregate that has no row.
    pub(crate) fn absent() -> Known {
        Known { offset: -1, ..Known::default() }
    }

    fn decode(aggregate: &Aggregate, id: &str, row: StateRow) -> Result<Known, Stop> {
        let size = row.state.as_ref().map_or(0, Bytes::len);
        let state =
            row.state.map(|bytes| aggregate.state_shape.decode(&bytes)).transpose().map_err(
                |error| Stop::Damaged {
                    aggregate: aggregate.name.to_string(),
                    id: id.to_owned(),
                    detail: error.to_string(),
                },
            )?;
        let StateRow { version, offset, keyed, parked_from, .. } = row;
        Ok(Known { version, offset, keyed, parked_from, state, size })
    }
}

impl Before {
    /// The decoded state row.
    pub(crate) fn known(self, aggregate: &Aggregate, id: &str) -> Result<Arc<Known>, Stop> {
        match self {
            Before::Known(known) => Ok(known),
            Before::Row(None) => Ok(Arc::new(Known::absent())),
            Before::Row(Some(row)) => Known::decode(aggregate, id, row).map(Arc::new),
        }
    }
}

/// Folds the events of one aggregate that are not in its state row yet.
pub(crate) fn fold<'a>(
    aggregate: &Aggregate,
    id: &Arc<str>,
    before: &Known,
    stretch: &'a Stretch,
    events: &[EventAt],
) -> Result<Folded<'a>, Stop> {
    let mut folded = Folded { steps: Vec::with_capacity(events.len()), waiting: None };
    let mut parked = before.parked_from.is_some().then(String::new);
    let mut waiting = Vec::new();
    let mut version = before.version;
    let mut state = before.state.clone();
    for at in events {
        let record = &stretch.commands[at.0 as usize][at.1 as usize];
        let Some(event) = event(record) else { continue };
        if record.offset.0 <= before.offset {
            continue;
        }
        if parked.is_none() {
            version += 1;
            check_version(event, record.offset.0, version)?;
            match fold_one(aggregate, id, state.as_ref(), event, record.time, record.offset.0)? {
                Ok((index, data, after)) => {
                    state.clone_from(&after);
                    let (offset, time) = (record.offset.0, record.time);
                    folded.steps.push(Step { event, offset, time, index, data, after });
                    continue;
                }
                Err(reason) => parked = Some(reason),
            }
        }
        waiting.push((record.offset.0, event.version));
    }
    if let (Some(reason), false) = (parked, waiting.is_empty()) {
        folded.waiting = Some((waiting, reason));
    }
    Ok(folded)
}

fn check_version(event: &EventRecord, offset: i64, expected: u64) -> Result<(), Stop> {
    if event.version == expected {
        return Ok(());
    }
    Err(Stop::VersionGap {
        aggregate: event.aggregate.to_string(),
        id: event.id.to_string(),
        offset,
        found: event.version,
        expected,
    })
}

type FoldedOne = (usize, Value, Option<Value>);

/// Folds one event; the inner error is the reason to park, the outer one stops the partition.
fn fold_one(
    aggregate: &Aggregate,
    id: &Arc<str>,
    state: Option<&Value>,
    event: &EventRecord,
    time: i64,
    offset: i64,
) -> Result<Result<FoldedOne, String>, Stop> {
    let mut unknown = None;
    let folded = guarded(|| {
        let (index, data) = match aggregate.read_event(&event.event, &event.data) {
            Ok(read) => read,
            Err(ReadEventError::Failed { event, detail }) => {
                return Ok(Err(format!("event {event} cannot be read: {detail}")));
            }
            Err(error) => {
                unknown = Some(error);
                return Ok(Err(String::new()));
            }
        };
        aggregate.fold(state, index, &data, id, time).map(|after| Ok((index, data, after)))
    });
    match unknown {
        Some(error) => Err(Stop::Unknown { offset, detail: error.to_string() }),
        None => Ok(folded.and_then(|inner| inner)),
    }
}
