//! What an aggregate is: its row, what was set aside of it, and the commands of the log's tail.

use std::sync::Arc;

use event_log::planted;
use model::Aggregate;
use model::decide::Snapshot;
use read_store::batch::{StateRow, UsedKey};
use read_store::{Mark, StoreError};

use super::super::Ground;
use super::super::cache::Entry;
use super::super::keys::{Keys, Place, Remembered};
use super::super::tail::{TailCommand, TailOf};
use super::aside::{Begun, SetAside, Source};
use super::queue::Wanted;

/// Rows, and the marks as they were after the rows were read.
pub(super) type Answered = (Vec<Found>, Arc<Vec<Mark>>);

/// What store and log say of one aggregate.
pub(super) struct Found {
    pub row: Option<StateRow>,
    pub used: Option<Vec<UsedKey>>,
    /// What the row lacks, where it is set aside.
    aside: Option<Result<SetAside, String>>,
}

/// Why an aggregate can't be decided on.
pub(super) enum Unusable {
    /// The tail's part of it was too large to keep: the projector has to come nearer.
    Behind,
    /// It can't be folded.
    Broken(String),
}

/// Asks the store for aggregates of one type.
pub(super) async fn ask_store(
    source: &Source<'_>,
    wanted: &[Wanted],
) -> Result<Answered, StoreError> {
    let Source { ground: Ground { reader, .. }, run, aggregate, .. } = source;
    let ids: Vec<Arc<str>> = wanted.iter().map(|w| w.id.clone()).collect();
    let rows = reader.states(run, &aggregate.name, &ids).await?;
    let mut found = Vec::with_capacity(rows.len());
    for (row, want) in rows.into_iter().zip(wanted) {
        // Where there is no row, the store knows no key either.
        let has_keys = row.as_ref().is_some_and(|row| row.keyed > 0);
        let used = match (has_keys, want.keyed) {
            (true, true) => Some(reader.used_keys(run, &aggregate.name, &want.id).await?),
            (true, false) => None,
            (false, _) => Some(Vec::new()),
        };
        let aside = match &row {
            Some(row) if row.parked_from.is_some() => Some(source.set_aside(&want.id, row).await),
            _ => None,
        };
        found.push(Found { row, used, aside });
    }
    Ok((found, reader.marks().await?))
}

/// The entry of an aggregate and the bytes that its state takes.
pub(super) fn build(
    model: &Aggregate,
    id: &Arc<str>,
    Found { row, used, aside }: Found,
    tail: TailOf<'_>,
) -> Result<(Entry, usize), Unusable> {
    let row = row.unwrap_or(StateRow {
        version: 0,
        offset: -1,
        keyed: 0,
        state: None,
        parked_from: None,
    });
    let waiting = match (row.parked_from, aside) {
        (None, _) => None,
        (Some(_), Some(Ok(aside))) => Some(aside),
        (Some(from), Some(Err(reason))) => return Err(stopped(from, &reason)),
        (Some(from), None) => return Err(stopped(from, "what waits was not asked for")),
    };
    let (waiting, mut begun) = waiting.map_or((Vec::new(), None), |w| (w.commands, w.begun));
    let above = waiting.last().map_or(row.offset, |last| last.offset);
    let tail = match tail {
        TailOf::Forgotten(offset) if offset > above => return Err(Unusable::Behind),
        TailOf::Forgotten(_) => &[],
        TailOf::Commands(commands) => commands,
    };
    let broken = |detail: String| Unusable::Broken(detail);
    let mut state_bytes = row.state.as_ref().map_or(0, |bytes| bytes.len());
    let state = row.state.as_deref().map(|bytes| model.state_shape.decode(bytes));
    let state = state.transpose().map_err(|e| broken(e.to_string()))?;
    let mut snapshot = Snapshot { version: row.version, state };
    let mut keyed = row.keyed;
    let mut keys = Keys::default();
    let keys_complete = used.is_some();
    keys.merge(used.unwrap_or_default());
    let tail = tail.iter().filter(|command| command.offset > above);
    for command in waiting.iter().chain(tail) {
        let began = snapshot.state.is_none();
        state_bytes += fold(model, id, command, &mut snapshot).map_err(broken)?;
        keyed += u64::from(command.command.is_some());
        if planted::is("keys-of-the-tail-left-out") {
            continue;
        }
        if let Some(remembered) = remember(command, begun.take(), keyed, began) {
            keys.push_unless_known(remembered);
        }
    }
    Ok((Entry::new(snapshot, keyed, keys, keys_complete), state_bytes))
}

fn stopped(from: i64, reason: &str) -> Unusable {
    Unusable::Broken(format!("folding stopped at offset {from}, and {reason}"))
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

/// What is remembered of a command; `begun` is the part of it that the row held.
fn remember(
    command: &TailCommand,
    begun: Option<Begun>,
    number: u64,
    began: bool,
) -> Option<Remembered> {
    let keyed = command.command.clone()?;
    let begun =
        begun.unwrap_or(Begun { first_version: command.first_version, events: Vec::new(), began });
    let mut events = begun.events;
    events.extend(command.events.iter().map(|e| e.event.clone()));
    Some(Remembered {
        number,
        command: keyed,
        first_version: begun.first_version,
        events,
        began: begun.began,
        place: Place::at(command.offset),
    })
}
