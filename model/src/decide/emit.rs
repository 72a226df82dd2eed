//! The entries of `emit`, in order, become events. All of them see the state before the command.

use std::sync::Arc;

use super::limits::{self, too_many_bytes};
use super::{Call, Frame, INDEX, IT, MAX_BYTES, MAX_ELEMENTS, MAX_EVENTS, NewEvent, Rejection};
use crate::domain::{Aggregate, Command, Emit, FieldSource};
use crate::fold::NoIds;
use crate::value::Value;

/// The events of a command, within the limits of number and size.
pub(super) fn events(
    aggregate: &Aggregate,
    command: &Command,
    frame: &mut Frame,
    call: &mut Call<'_>,
) -> Result<Vec<NewEvent>, Rejection> {
    let mut made = Made { aggregate, events: Vec::with_capacity(command.emit.len()), bytes: 0 };
    for entry in &command.emit {
        let Some(each) = &entry.each else {
            made.entry(entry, frame, call)?;
            continue;
        };
        let Value::List(elements) = each.eval_in(&frame[..], &mut NoIds)? else {
            return Err(each.failed("not a list").into());
        };
        if elements.len() > MAX_ELEMENTS {
            return Err(limits::too_many_elements("each", elements.len()));
        }
        for (index, element) in elements.iter().enumerate() {
            frame[IT] = element.clone();
            // At most MAX_ELEMENTS.
            frame[INDEX] = Value::Int(index as i64);
            made.entry(entry, frame, call)?;
        }
    }
    Ok(made.events)
}

struct Made<'a> {
    aggregate: &'a Aggregate,
    events: Vec<NewEvent>,
    bytes: usize,
}

impl Made<'_> {
    /// One event, where `when` holds.
    fn entry(&mut self, entry: &Emit, frame: &Frame, call: &mut Call<'_>) -> Result<(), Rejection> {
        if let Some(when) = &entry.when
            && when.eval_in(frame, &mut NoIds)? != Value::Bool(true)
        {
            return Ok(());
        }
        if self.events.len() == MAX_EVENTS {
            let text = format!("a command emits at most {MAX_EVENTS} events");
            return Err(Rejection::TooLarge(text));
        }
        let data = data(entry, frame, call)?;
        self.push(entry.event, data)
    }

    fn push(&mut self, event: usize, data: Value) -> Result<(), Rejection> {
        let name = || &*self.aggregate.events[event].name;
        limits::check_elements(&data).map_err(|n| limits::too_many_elements(name(), n))?;
        let wire = self.aggregate.write_event(event, &data);
        if wire.len() > MAX_BYTES {
            return Err(too_many_bytes(&format!("the event {}", name()), wire.len()));
        }
        self.bytes += wire.len();
        if self.bytes > MAX_BYTES {
            return Err(too_many_bytes("the command's events together", self.bytes));
        }
        self.events.push(NewEvent { event, data, wire });
        Ok(())
    }
}

fn data(entry: &Emit, frame: &Frame, call: &mut Call<'_>) -> Result<Value, Rejection> {
    let mut values = Vec::with_capacity(entry.fields.len());
    for source in &entry.fields {
        values.push(match source {
            FieldSource::Default(value) => value.clone(),
            FieldSource::Input(field) => input_field(call.input, *field),
            FieldSource::Expr(expr) => expr.eval_in(frame, call.env)?,
        });
    }
    Ok(Value::Record(Arc::new(values)))
}

fn input_field(input: &Value, index: usize) -> Value {
    match input {
        Value::Record(fields) => fields.get(index).cloned().unwrap_or(Value::Null),
        _ => Value::Null,
    }
}
