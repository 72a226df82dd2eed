//! Avro defaults as values: JSON in Avro's own form, not in that of the edge.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::node::{Json, Member, Node};
use crate::schema::text::suggest;
use crate::schema::{RecordShape, Shape};
use crate::value::{Decimal, Value};

const DAY: i64 = 86_400_000;

/// Why and where a default does not fit.
pub(super) struct Misfit {
    pub(super) at: usize,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// The value of a default.
pub(super) fn fit(shape: &Shape, node: &Node) -> Result<Value, Misfit> {
    match (shape, &node.json) {
        (Shape::Null | Shape::Nullable { .. }, Json::Null) => Ok(Value::Null),
        (Shape::Nullable { inner, .. }, _) => fit(inner, node),
        (Shape::Boolean, Json::Bool(flag)) => Ok(Value::Bool(*flag)),
        (Shape::Double, Json::Number(number)) => match number.as_f64() {
            Some(float) if float.is_finite() => Ok(Value::Double(float)),
            _ => Err(misfit(shape, node)),
        },
        (Shape::Int | Shape::Long | Shape::Date | Shape::Timestamp, Json::Number(number)) => {
            number.as_i64().and_then(|n| integer(shape, n)).ok_or_else(|| misfit(shape, node))
        }
        (Shape::Enum(_), Json::Text(text)) => shape
            .scalar_from_text(text)
            .map_err(|(_, hint)| Misfit { hint: Some(hint), ..misfit(shape, node) }),
        (Shape::String | Shape::Uuid, Json::Text(text)) => {
            shape.scalar_from_text(text).map_err(|_| misfit(shape, node))
        }
        (Shape::Bytes, Json::Text(text)) => {
            latin(text).map(|b| Value::Bytes(b.into())).ok_or_else(|| misfit(shape, node))
        }
        (Shape::Decimal { precision, scale }, Json::Text(text)) => decimal(text, *scale)
            .filter(|d| d.digits() <= u32::from(*precision))
            .map(Value::Decimal)
            .ok_or_else(|| misfit(shape, node)),
        (Shape::Array(item), Json::List(items)) => {
            let values = items.iter().map(|node| fit(item, node)).collect::<Result<_, _>>()?;
            Ok(Value::List(Arc::new(values)))
        }
        (Shape::Map(item), Json::Object(members)) => {
            let entry = |m: &Member| Ok((m.name.as_str().into(), fit(item, &m.node)?));
            let entries = members.iter().map(entry).collect::<Result<BTreeMap<_, _>, _>>()?;
            Ok(Value::Map(Arc::new(entries)))
        }
        (Shape::Record(record), Json::Object(members)) => fit_record(record, node, members),
        _ => Err(misfit(shape, node)),
    }
}

fn fit_record(record: &RecordShape, node: &Node, members: &[Member]) -> Result<Value, Misfit> {
    if let Some(unknown) = members.iter().find(|m| record.index_of(&m.name).is_none()) {
        let names: Vec<&str> = record.fields.iter().map(|f| &*f.name).collect();
        return Err(Misfit {
            at: unknown.at,
            message: format!("{} has no field {:?}", record.name(), unknown.name),
            hint: Some(suggest(&unknown.name, &names)),
        });
    }
    let field = |field: &crate::schema::FieldShape| match node.member(&field.name) {
        Some(node) => fit(&field.shape, node),
        None => field.default.clone().ok_or_else(|| Misfit {
            at: node.at,
            message: format!("{} needs the field {:?}", record.name(), field.name),
            hint: None,
        }),
    };
    let values = record.fields.iter().map(field).collect::<Result<_, _>>()?;
    Ok(Value::Record(Arc::new(values)))
}

fn integer(shape: &Shape, number: i64) -> Option<Value> {
    match shape {
        Shape::Int => i32::try_from(number).ok().map(|n| Value::Int(n.into())),
        Shape::Date => i32::try_from(number).ok().map(|n| Value::Timestamp(i64::from(n) * DAY)),
        Shape::Timestamp => Some(Value::Timestamp(number)),
        _ => Some(Value::Int(number)),
    }
}

/// Bytes as Avro writes them into JSON: one code point below 256 per byte.
fn latin(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// Avro's bytes, or the number itself (`"0.00"`), which people write; as bytes it would be an
/// absurdly large number.
fn decimal(text: &str, scale: u8) -> Option<Decimal> {
    if let Ok(decimal) = Decimal::parse_with_places(text, scale) {
        return Some(decimal);
    }
    crate::schema::decode::decimal(&latin(text)?, scale).ok()
}

fn misfit(shape: &Shape, node: &Node) -> Misfit {
    let want = match shape {
        Shape::Timestamp => "an integer, milliseconds since 1970",
        Shape::Date => "an integer, days since 1970-01-01",
        Shape::Bytes => "a string with one character below U+0100 per byte",
        Shape::Decimal { .. } => {
            "a string: its bytes as Avro writes them (zero is \"\\u0000\"), or the number (\"0.00\")"
        }
        other => other.described(),
    };
    let null = if matches!(shape, Shape::Nullable { .. }) { ", or null" } else { "" };
    let hint = Some(format!("it must be {want}{null}"));
    Misfit { at: node.at, message: format!("{} is no {}", node.described(), shape.kind()), hint }
}
