//! Aggregates that the store has set aside: what their rows lack is read from the log, event by
//! event, by the pointers that the projector left.
//!
//! The pointers are asked for after the row. All events up to the mark are then in one of the two,
//! and what is above the mark the owner knows from the log's tail or has decided itself.

use std::sync::Arc;

use event_log::{EventRecord, Offset, PartitionId, Record, validity};
use model::Aggregate;
use model::domain::Fold;
use read_store::batch::StateRow;
use read_store::{ParkedWrite, RunId};

use super::super::Ground;
use super::super::tail::{TailCommand, TailEvent};

/// Most events of one aggregate that are read one by one.
const MOST_EVENTS: usize = 1_000;
/// Bytes asked of the log at once: events that wait often stand close to each other.
const READ_BYTES: usize = 64 << 10;

/// The commands that a row lacks.
pub(super) struct SetAside {
    pub commands: Vec<TailCommand>,
    /// The part of the first command that the row holds, where folding stopped in its middle.
    pub begun: Option<Begun>,
}

/// The start of a command that was folded in part.
pub(super) struct Begun {
    pub first_version: u64,
    pub events: Vec<Arc<str>>,
    /// Whether the aggregate did not exist before it.
    pub began: bool,
}

/// Where to look.
pub(super) struct Source<'a> {
    pub ground: &'a Ground,
    pub partition: &'a PartitionId,
    pub run: &'a RunId,
    pub aggregate: &'a Aggregate,
}

/// An event of the log: offset, time, event.
type Event = (i64, i64, EventRecord);

impl Source<'_> {
    /// What a row that is set aside lacks; `Err` says why it can't be had.
    pub async fn set_aside(&self, id: &str, row: &StateRow) -> Result<SetAside, String> {
        let name = &self.aggregate.name;
        let pointers = self.ground.reader.waiting(self.run, name, id, MOST_EVENTS + 1).await;
        let pointers = pointers.map_err(|error| error.to_string())?;
        match pointers.first() {
            Some(first) if Some(first.offset) == row.parked_from => {}
            _ => return Err("nothing says which events wait".to_owned()),
        }
        if pointers.len() > MOST_EVENTS {
            return Err(format!("more than {MOST_EVENTS} events wait"));
        }
        let commands = commands(self.read(id, &pointers).await?)?;
        let begun = match commands.first() {
            Some(first) if first[0].2.part.index > 1 => Some(self.begun(id, &first[0].2).await?),
            _ => None,
        };
        Ok(SetAside { commands: commands.into_iter().map(taken).collect(), begun })
    }

    /// The events that the pointers name.
    async fn read(&self, id: &str, pointers: &[ParkedWrite]) -> Result<Vec<Event>, String> {
        let Ground { log, limits, .. } = self.ground;
        let mut stretch: Vec<Record> = Vec::new();
        let (mut events, mut bytes) = (Vec::with_capacity(pointers.len()), 0);
        for pointer in pointers {
            let place = |record: &Record| record.offset.0.cmp(&pointer.offset);
            if stretch.binary_search_by(place).is_err() {
                let read = log.read(self.partition, Offset(pointer.offset), READ_BYTES).await;
                stretch = read.map_err(|error| error.to_string())?;
            }
            let record = stretch.binary_search_by(place).ok().map(|at| &stretch[at]);
            let named = |event: &&EventRecord| {
                (&*event.aggregate, &*event.id, event.version)
                    == (&*self.aggregate.name, id, pointer.version)
            };
            let event = record.and_then(validity::event).filter(named);
            let (Some(record), Some(event)) = (record, event) else {
                return Err(format!("the event at offset {} is another one", pointer.offset));
            };
            bytes += event.data.len();
            if bytes > limits.tail_bytes {
                return Err("the events that wait are too large".to_owned());
            }
            events.push((pointer.offset, record.time, event.clone()));
        }
        Ok(events)
    }

    /// The start of the command that this event, its first that waits, belongs to.
    async fn begun(&self, id: &str, event: &EventRecord) -> Result<Begun, String> {
        let folded = u64::from(event.part.index) - 1;
        let first_version = event.version.saturating_sub(folded);
        // One more, where there is one: whether it deleted the aggregate.
        let after = first_version.saturating_sub(2);
        let wanted = (event.version - 1).saturating_sub(after);
        let name = &self.aggregate.name;
        let history = self.ground.reader.history(self.run, name, id, after, wanted as usize).await;
        let history = history.map_err(|error| error.to_string())?;
        if history.len() as u64 != wanted {
            return Err(format!("the history lacks versions before {}", event.version));
        }
        let (before, events) = history.split_at((wanted - folded) as usize);
        let deletes = |name: &str| {
            let known = self.aggregate.event(name);
            known.is_some_and(|(_, event)| matches!(event.fold, Fold::Delete))
        };
        Ok(Begun {
            first_version,
            events: events.iter().map(|event| event.event.clone()).collect(),
            began: before.first().is_none_or(|event| deletes(&event.event)),
        })
    }
}

/// Events as whole commands. A last one that is not whole is above the mark still: the log's tail
/// has it.
fn commands(events: Vec<Event>) -> Result<Vec<Vec<Event>>, String> {
    let mut commands: Vec<Vec<Event>> = Vec::new();
    let mut is_whole = true;
    for event in events {
        let part = event.2.part;
        match commands.last_mut() {
            Some(command) if !is_whole => {
                let before = &command[command.len() - 1].2;
                if (before.claim, before.seq) != (event.2.claim, event.2.seq) {
                    return Err(format!("a part of a command is missing before {}", event.0));
                }
                command.push(event);
            }
            _ => commands.push(vec![event]),
        }
        is_whole = part.index == part.of;
    }
    if !is_whole {
        commands.pop();
    }
    Ok(commands)
}

fn taken(mut command: Vec<Event>) -> TailCommand {
    let first_version = command.first().map_or(0, |(_, _, event)| event.version);
    let offset = command.last().map_or(-1, |(offset, _, _)| *offset);
    let keyed = command.iter_mut().find_map(|(_, _, event)| event.command.take());
    let events = command.into_iter();
    let events = events.map(|(_, time, e)| TailEvent { event: e.event, time, data: e.data });
    TailCommand { first_version, events: events.collect(), command: keyed, offset }
}
