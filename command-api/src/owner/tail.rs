//! The end of the log that the store may not hold yet: commands as bytes, by aggregate.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use event_log::{EventRecord, KeyedCommand, Record};
use model::{Aggregate, Model};

/// A command as the log holds it.
pub(super) struct TailCommand {
    pub first_version: u64,
    pub events: Vec<TailEvent>,
    pub command: Option<KeyedCommand>,
    /// Offset of its last event.
    pub offset: i64,
}

/// An event, not decoded.
pub(super) struct TailEvent {
    pub event: Arc<str>,
    pub time: i64,
    pub data: Bytes,
}

/// What the tail says of one aggregate.
pub(super) enum TailOf<'a> {
    /// All its commands above the mark, oldest first.
    Commands(&'a [TailCommand]),
    /// There were too many to keep; the last ends at this offset.
    Forgotten(i64),
}

enum Kept {
    Commands(Vec<TailCommand>),
    Forgotten(i64),
}

/// Commands above the store's mark and below the owner's claim.
pub(super) struct Tail {
    by_id: Vec<HashMap<Arc<str>, Kept>>,
    bytes: usize,
    max_bytes: usize,
}

impl Tail {
    pub fn new(aggregates: usize, max_bytes: usize) -> Tail {
        Tail { by_id: (0..aggregates).map(|_| HashMap::new()).collect(), bytes: 0, max_bytes }
    }

    pub fn of(&self, aggregate: usize, id: &str) -> TailOf<'_> {
        match self.by_id[aggregate].get(id) {
            None => TailOf::Commands(&[]),
            Some(Kept::Commands(commands)) => TailOf::Commands(commands),
            Some(Kept::Forgotten(offset)) => TailOf::Forgotten(*offset),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.iter().all(HashMap::is_empty)
    }

    pub fn clear(&mut self) {
        self.by_id.iter_mut().for_each(HashMap::clear);
        self.bytes = 0;
    }

    /// Takes a complete command in. `Err` names what the model lacks.
    pub fn push(&mut self, model: &Model, records: Vec<Record>) -> Result<(), String> {
        let events: Vec<(i64, i64, EventRecord)> = records
            .into_iter()
            .filter_map(|record| match record.body {
                event_log::Body::Event(event) => Some((record.offset.0, record.time, event)),
                event_log::Body::Claim(_) => None,
            })
            .collect();
        let Some((_, _, first)) = events.first() else { return Ok(()) };
        let name = first.aggregate.clone();
        // Nothing is decided on aggregates that the model has not, so nothing is missed here.
        let Some(aggregate) = model.aggregates.iter().position(|a| a.name == name) else {
            return Ok(());
        };
        for (_, _, event) in &events {
            knows(&model.aggregates[aggregate], event)?;
        }
        self.keep(aggregate, events);
        Ok(())
    }

    fn keep(&mut self, aggregate: usize, mut events: Vec<(i64, i64, EventRecord)>) {
        let Some((offset, _, last)) = events.last_mut() else { return };
        let (offset, id, command) = (*offset, last.id.clone(), last.command.take());
        let first_version = events[0].2.version;
        self.bytes += events.iter().map(|(_, _, e)| e.data.len() + 160).sum::<usize>();
        let of_id = self.by_id[aggregate].entry(id).or_insert_with(|| Kept::Commands(Vec::new()));
        match of_id {
            Kept::Commands(commands) if self.bytes <= self.max_bytes => {
                let events = events
                    .into_iter()
                    .map(|(_, time, e)| TailEvent { event: e.event, time, data: e.data })
                    .collect();
                commands.push(TailCommand { first_version, events, command, offset });
            }
            // Beyond the bound only the place is kept: the aggregate waits for the projector.
            beyond => *beyond = Kept::Forgotten(offset),
        }
    }
}

fn knows(aggregate: &Aggregate, event: &EventRecord) -> Result<(), String> {
    let Some((_, kind)) = aggregate.event(&event.event) else {
        return Err(format!("event type {} of {}", event.event, aggregate.name));
    };
    let id = event.data.get(1..5).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
    if kind.versions.iter().any(|v| Some(v.schema_id) == id) {
        Ok(())
    } else {
        Err(format!("a version of event {} of {}", event.event, aggregate.name))
    }
}
