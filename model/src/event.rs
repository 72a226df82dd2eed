//! Events on the wire: Confluent's format, one zero byte, the schema id as four bytes big-endian,
//! then the Avro datum.

use bytes::Bytes;
use std::sync::Arc;

use crate::domain::{Aggregate, EventType, Lift, UpcastField};
use crate::fold::NoIds;
use crate::schema::{FieldShape, RecordShape, Resolution, Shape};
use crate::value::Value;

/// Bytes before the datum: the zero byte and the schema id.
pub const HEADER_BYTES: usize = 5;

/// Why bytes could not be read as an event of this model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadEventError {
    /// The model has no such event type: a newer model wrote it. Stop, do not park.
    #[error("unknown event type {0}")]
    UnknownType(String),
    /// The model has the type, but not this schema id. Stop, do not park.
    #[error("unknown schema id {id} of event {event}")]
    UnknownSchema {
        /// The event type.
        event: String,
        /// The id on the wire.
        id: u32,
    },
    /// Known type and schema, but the bytes are no datum of it, or an upcast failed. Park.
    #[error("event {event} cannot be read: {detail}")]
    Failed {
        /// The event type.
        event: String,
        /// What happened.
        detail: String,
    },
}

impl Aggregate {
    /// Reads an event of any released version as its current version: `(index of the event type,
    /// data)`.
    pub fn read_event(&self, event: &str, wire: &[u8]) -> Result<(usize, Value), ReadEventError> {
        let (index, kind) =
            self.event(event).ok_or_else(|| ReadEventError::UnknownType(event.to_owned()))?;
        let failed = |detail| ReadEventError::Failed { event: event.to_owned(), detail };
        let (id, datum) = split(wire).map_err(failed)?;
        if id == kind.current().schema_id {
            let data = kind.shape.decode(datum).map_err(|e| failed(e.to_string()))?;
            return Ok((index, data));
        }
        let version = kind
            .versions
            .iter()
            .position(|v| v.schema_id == id)
            .ok_or_else(|| ReadEventError::UnknownSchema { event: event.to_owned(), id })?;
        lift(kind, version, datum).map(|data| (index, data)).map_err(failed)
    }

    /// The wire form of data of the current version.
    pub fn write_event(&self, event: usize, data: &Value) -> Bytes {
        let kind = &self.events[event];
        let mut out = Vec::with_capacity(64);
        out.push(0);
        out.extend_from_slice(&kind.current().schema_id.to_be_bytes());
        kind.shape.encode(data, &mut out);
        out.into()
    }
}

/// The schema id and the datum of an event on the wire.
fn split(wire: &[u8]) -> Result<(u32, &[u8]), String> {
    match wire {
        [0, a, b, c, d, datum @ ..] => Ok((u32::from_be_bytes([*a, *b, *c, *d]), datum)),
        [0, ..] | [] => Err(format!("{} bytes are no header", wire.len())),
        [first, ..] => Err(format!("starts with byte {first}, not 0")),
    }
}

/// Walks the chain from one version to the current one.
fn lift(kind: &EventType, version: usize, datum: &[u8]) -> Result<Value, String> {
    let from = &kind.versions[version];
    let next = version + 1;
    let lifted = match &from.lift {
        Lift::Resolve(resolution) => return resolution.decode(datum).map_err(|e| e.to_string()),
        Lift::Next(resolution) => resolution.decode(datum).map_err(|e| e.to_string())?,
        Lift::Upcast(fields) => {
            let old = from.shape.decode(datum).map_err(|e| e.to_string())?;
            let to = kind.versions.get(next).ok_or("an upcast leads past the current version")?;
            upcast(&from.shape, &to.shape, fields, old)
                .map_err(|e| format!("upcast of version {}: {e}", from.number))?
        }
    };
    let Some(to) = kind.versions.get(next) else {
        return Err(format!("version {} leads past the current version", from.number));
    };
    if next + 1 == kind.versions.len() {
        return Ok(lifted);
    }
    let mut bytes = Vec::with_capacity(datum.len() + 16);
    to.shape.encode(&lifted, &mut bytes);
    lift(kind, next, &bytes)
}

fn upcast(from: &Shape, to: &Shape, fields: &[UpcastField], old: Value) -> Result<Value, String> {
    let (from, to) = (record(from)?, record(to)?);
    let frame = [old];
    let mut new = Vec::with_capacity(fields.len());
    for (source, target) in fields.iter().zip(&to.fields) {
        new.push(match source {
            UpcastField::Expr(expr) => {
                expr.eval_in(&frame, &mut NoIds).map_err(|e| e.to_string())?
            }
            UpcastField::Default(value) => value.clone(),
            UpcastField::Copy(index, resolution) => {
                copy(from, *index, resolution, target, &frame[0])
                    .map_err(|e| format!("{}: {e}", target.name))?
            }
        });
    }
    Ok(Value::Record(Arc::new(new)))
}

/// A field as it was, or resolved where its type has changed.
fn copy(
    from: &RecordShape,
    index: usize,
    resolution: &Resolution,
    to: &FieldShape,
    old: &Value,
) -> Result<Value, String> {
    let (Value::Record(values), Some(field)) = (old, from.fields.get(index)) else {
        return Err("no such field in the old version".to_owned());
    };
    let value = values.get(index).ok_or("no such field in the old version")?;
    if field.shape == to.shape {
        return Ok(value.clone());
    }
    let mut bytes = Vec::new();
    field.shape.encode(value, &mut bytes);
    resolution.decode(&bytes).map_err(|e| e.to_string())
}

fn record(shape: &Shape) -> Result<&RecordShape, String> {
    match shape {
        Shape::Record(record) => Ok(record),
        _ => Err("an event is a record".to_owned()),
    }
}
