//! The limits on elements, bytes and key texts. All are held before anything is written.

use super::{Call, MAX_BYTES, MAX_ELEMENTS, MAX_KEY_BYTES, NewEvent, Rejection, Snapshot};
use crate::domain::{Aggregate, Column, Fold, Placed, View, ViewKind, ViewSource};
use crate::fold::{ExpressionFailed, NoIds};
use crate::rows::{Occurred, Seat, passes};
use crate::schema::Shape;
use crate::value::Value;

/// Slot of `state` among the variables of a view of events.
const STATE_OF_EVENT: usize = 5;

pub(super) fn too_many_bytes(what: &str, bytes: usize) -> Rejection {
    Rejection::TooLarge(format!("{what} would have {bytes} bytes, at most {MAX_BYTES} are allowed"))
}

pub(super) fn too_many_elements(what: &str, elements: usize) -> Rejection {
    let text = format!("{what} has {elements} elements in a list or map, at most {MAX_ELEMENTS}");
    Rejection::TooLarge(format!("{text} are allowed"))
}

/// `Err` has the length of the first list or map that is too long.
pub(super) fn check_elements(value: &Value) -> Result<(), usize> {
    let within = |n: usize| if n > MAX_ELEMENTS { Err(n) } else { Ok(()) };
    match value {
        Value::List(elements) => {
            within(elements.len())?;
            elements.iter().try_for_each(check_elements)
        }
        Value::Map(entries) => {
            within(entries.len())?;
            entries.values().try_for_each(check_elements)
        }
        Value::Record(fields) => fields.iter().try_for_each(check_elements),
        _ => Ok(()),
    }
}

/// Holds the limits for the fields that an event has set. Between the events of one command too,
/// so that a fold which doubles a text can't fill the memory before the end is looked at.
pub(super) fn check_folded(
    aggregate: &Aggregate,
    event: usize,
    state: Option<&Value>,
) -> Result<(), Rejection> {
    let Some(Fold::Set(set)) = aggregate.events.get(event).map(|e| &e.fold) else { return Ok(()) };
    let Some(Value::Record(fields)) = state else { return Ok(()) };
    for (index, _) in set {
        let Some(value) = fields.get(*index) else { continue };
        let named = || format!("state.{}", aggregate.state.fields[*index].name);
        check_elements(value).map_err(|n| too_many_elements(&named(), n))?;
        let bytes = text_bytes(value);
        if bytes > MAX_BYTES {
            return Err(too_many_bytes(&named(), bytes));
        }
    }
    Ok(())
}

/// Bytes of all texts and bytes in a value: a lower bound of its encoded size.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(elements) => elements.iter().map(text_bytes).sum(),
        Value::Map(entries) => entries.iter().map(|(k, v)| k.len() + text_bytes(v)).sum(),
        Value::Record(fields) => fields.iter().map(text_bytes).sum(),
        _ => 0,
    }
}

/// The views of an aggregate that have texts in `key`, `sort` or `group`.
pub(super) struct KeyTexts<'a> {
    aggregate: &'a Aggregate,
    views: Vec<(&'a View, Vec<&'a Column>)>,
}

impl<'a> KeyTexts<'a> {
    pub(super) fn of(aggregate: &'a Aggregate) -> KeyTexts<'a> {
        let with_texts = aggregate.views.iter().filter_map(|view| {
            let columns: Vec<_> = key_columns(view).filter(|c| is_long_text(c)).collect();
            (!columns.is_empty()).then_some((&**view, columns))
        });
        KeyTexts { aggregate, views: with_texts.collect() }
    }

    /// What one event adds to the views of events.
    pub(super) fn check_event(
        &self,
        call: &Call<'_>,
        event: &NewEvent,
        after: &Snapshot,
    ) -> Result<(), Rejection> {
        let occurred = Occurred {
            event: event.event,
            data: &event.data,
            time: call.now,
            after: after.state.as_ref(),
        };
        for (view, columns) in &self.views {
            let ViewSource::Events { of, .. } = &view.source else { continue };
            let small = event.wire.len() <= MAX_KEY_BYTES && !reads(view, columns, STATE_OF_EVENT);
            if !of.contains(&event.event) || (small && only_paths(view, columns)) {
                continue;
            }
            let seat = self.aggregate.event_seat(view, call.id, after.version, &occurred);
            check(view, columns, seat)?;
        }
        Ok(())
    }

    /// What the state after the command shows in the views of states.
    pub(super) fn check_state(
        &self,
        call: &Call<'_>,
        after: &Snapshot,
        state_bytes: usize,
    ) -> Result<(), Rejection> {
        for (view, columns) in &self.views {
            if view.is_over_events() || (state_bytes <= MAX_KEY_BYTES && only_paths(view, columns))
            {
                continue;
            }
            let state = after.state.as_ref();
            let seat = self.aggregate.state_seat(view, call.id, after.version, state);
            check(view, columns, seat)?;
        }
        Ok(())
    }
}

fn key_columns(view: &View) -> impl Iterator<Item = &Column> {
    let (columns, key, clustering) = match &view.kind {
        ViewKind::Rows(rows) => (&rows.columns, &rows.key, &rows.clustering),
        ViewKind::Rollup(rollup) => (&rollup.group, &rollup.key, &rollup.clustering),
    };
    key.iter().chain(clustering.iter().map(|(index, _)| index)).filter_map(|i| columns.get(*i))
}

/// Whether a column may hold a text of any length: enums, uuids and ids are short.
fn is_long_text(column: &Column) -> bool {
    matches!(column.shape, Shape::String) && &*column.name != "id"
}

/// A path selects a part of what it starts from, so it yields nothing longer than that.
fn only_paths(view: &View, columns: &[&Column]) -> bool {
    each_of(view).is_none_or(|each| each.is_path()) && columns.iter().all(|c| c.expr.is_path())
}

fn reads(view: &View, columns: &[&Column], slot: usize) -> bool {
    each_of(view).is_some_and(|each| each.reads(slot)) || columns.iter().any(|c| c.expr.reads(slot))
}

fn each_of(view: &View) -> Option<&Placed> {
    match &view.source {
        ViewSource::State => None,
        ViewSource::Each(each) => Some(each),
        ViewSource::Events { each, .. } => each.as_ref(),
    }
}

/// Looks for a text that is too long in a row that `where` lets through. An expression that fails
/// here is the projector's concern: it sets the aggregate aside for that view only.
fn check(view: &View, columns: &[&Column], seat: Option<Seat<'_>>) -> Result<(), Rejection> {
    let Some(seat) = seat else { return Ok(()) };
    let mut long = None;
    let visited = seat.visit(|frame| {
        let found = columns.iter().find_map(|column| too_long(column, frame));
        if let Some(found) = found
            && long.is_none()
            && passes(view, frame)?
        {
            long = Some(found);
        }
        Ok::<(), ExpressionFailed>(())
    });
    match (long, visited) {
        (Some((column, bytes)), _) => Err(Rejection::TooLarge(format!(
            "the text of {column} in the view {} has {bytes} bytes, at most {MAX_KEY_BYTES} are \
             allowed in key, sort and group",
            view.name
        ))),
        (None, _) => Ok(()),
    }
}

fn too_long<'a>(column: &'a Column, frame: &[Value]) -> Option<(&'a str, usize)> {
    match column.expr.eval(frame, &mut NoIds) {
        Ok(Value::Text(text)) if text.len() > MAX_KEY_BYTES => Some((&column.name, text.len())),
        _ => None,
    }
}
