//! The values of the paths that a refused rule reads, for a dry run to show.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Frame, INPUT, STATE};
use crate::domain::{Aggregate, Command};
use crate::expr::Expr;
use crate::schema::Shape;
use crate::value::Value;

/// `state.balance` -> `-70`, for every path of the rule into `state` and `input`.
pub(super) fn read(
    aggregate: &Aggregate,
    command: &Command,
    rule: &Expr,
    frame: &Frame,
) -> BTreeMap<Arc<str>, serde_json::Value> {
    let value_of = |path: &Arc<str>| {
        let mut names = path.split('.');
        let (shape, value) = match names.next()? {
            "state" => (&aggregate.state_shape, &frame[STATE]),
            "input" => (&command.input_shape, &frame[INPUT]),
            _ => return None,
        };
        Some((path.clone(), select(shape, value, names)?))
    };
    rule.paths().iter().filter_map(value_of).collect()
}

/// Follows field names (and keys of maps); what lies behind a null is null.
fn select<'a>(
    mut shape: &'a Shape,
    mut value: &'a Value,
    names: impl Iterator<Item = &'a str>,
) -> Option<serde_json::Value> {
    for name in names {
        if let Shape::Nullable { inner, .. } = shape {
            shape = inner;
        }
        (shape, value) = match (shape, value) {
            (_, Value::Null) => return Some(serde_json::Value::Null),
            (Shape::Record(record), Value::Record(fields)) => {
                let index = record.index_of(name)?;
                (&record.fields[index].shape, fields.get(index)?)
            }
            (Shape::Map(of), Value::Map(entries)) => (&**of, entries.get(name)?),
            _ => return None,
        };
    }
    Some(json(shape, value))
}

/// A value as the edge shows it.
pub(crate) fn json(shape: &Shape, value: &Value) -> serde_json::Value {
    if *value == Value::Null {
        return serde_json::Value::Null;
    }
    let mut text = Vec::new();
    shape.write_json(value, &mut text);
    serde_json::from_slice(&text).unwrap_or(serde_json::Value::Null)
}
