//! How the values of a column stand in SQLite, so that a data team reads them with plain SQL and
//! key columns order as the model language says.
//!
//! | column | stored as |
//! | --- | --- |
//! | boolean | INTEGER 0 or 1 |
//! | int, long | INTEGER |
//! | double | REAL |
//! | string, enum, uuid | TEXT |
//! | bytes | BLOB |
//! | timestamp, date | INTEGER, milliseconds since 1970 (a date is its midnight UTC) |
//! | decimal | TEXT with exactly its places, `-12.50` |
//! | decimal in a key, sort or group | TEXT of fixed width that orders by value, see [`sortable`] |
//! | array, map, record | TEXT, JSON |
//! | count, sum of ints | INTEGER, as TEXT once it passes 64 bits |
//! | sum of decimals | TEXT with exactly its places |
//! | sum of doubles | REAL |
//!
//! Null is NULL.

mod decimal;

use std::borrow::Cow;

use model::rows::Amount;
use model::{Column, MeasureKind, Shape, Value};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::error::{Result, damaged};
use crate::store::StoreError;
use crate::sums::{show_decimal, show_sum, units_of};

/// How one column is stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Codec {
    Bool,
    Int,
    Double,
    Text,
    Bytes,
    Time,
    Decimal(u8),
    SortableDecimal(u8),
    Json(Shape),
    Sum(MeasureKind),
}

/// A value on its way into a statement.
pub(super) enum Stored<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(Cow<'a, str>),
    Blob(&'a [u8]),
}

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Stored::Null => ValueRef::Null,
            Stored::Integer(integer) => ValueRef::Integer(*integer),
            Stored::Real(real) => ValueRef::Real(*real),
            Stored::Text(text) => ValueRef::Text(text.as_bytes()),
            Stored::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

impl Codec {
    /// The codec of a view's column; `sorts` where it is part of the primary key.
    pub(super) fn of_column(column: &Column, sorts: bool) -> Codec {
        Codec::of_shape(&column.shape, sorts)
    }

    pub(super) fn of_shape(shape: &Shape, sorts: bool) -> Codec {
        match shape {
            Shape::Nullable { inner, .. } => Codec::of_shape(inner, sorts),
            Shape::Boolean => Codec::Bool,
            Shape::Int | Shape::Long => Codec::Int,
            Shape::Double => Codec::Double,
            Shape::String | Shape::Uuid | Shape::Enum(_) => Codec::Text,
            Shape::Bytes => Codec::Bytes,
            Shape::Timestamp | Shape::Date => Codec::Time,
            Shape::Decimal { scale, .. } if sorts => Codec::SortableDecimal(*scale),
            Shape::Decimal { scale, .. } => Codec::Decimal(*scale),
            Shape::Null | Shape::Array(_) | Shape::Map(_) | Shape::Record(_) => {
                Codec::Json(shape.clone())
            }
        }
    }

    /// The column's declared type. A sum of ints has none: a declared INTEGER would turn what
    /// passes 64 bits into an inexact REAL.
    pub(super) fn declared(&self) -> &'static str {
        match self {
            Codec::Bool | Codec::Int | Codec::Time => " INTEGER",
            Codec::Double | Codec::Sum(MeasureKind::Double) => " REAL",
            Codec::Bytes => " BLOB",
            Codec::Sum(MeasureKind::Count | MeasureKind::Int) => "",
            Codec::Text
            | Codec::Decimal(_)
            | Codec::SortableDecimal(_)
            | Codec::Json(_)
            | Codec::Sum(MeasureKind::Decimal(_)) => " TEXT",
        }
    }

    pub(super) fn encode<'a>(&self, value: &'a Value) -> Result<Stored<'a>> {
        Ok(match (self, value) {
            (_, Value::Null) => Stored::Null,
            (Codec::Bool, Value::Bool(value)) => Stored::Integer(i64::from(*value)),
            (Codec::Int, Value::Int(value)) | (Codec::Time, Value::Timestamp(value)) => {
                Stored::Integer(*value)
            }
            (Codec::Double, Value::Double(value)) => Stored::Real(*value),
            (Codec::Text, Value::Text(value)) => Stored::Text(Cow::Borrowed(value)),
            (Codec::Bytes, Value::Bytes(value)) => Stored::Blob(value),
            (Codec::Decimal(scale), Value::Decimal(value)) => {
                Stored::Text(decimal::plain(units_of(*value, *scale)?, *scale).into())
            }
            (Codec::SortableDecimal(scale), Value::Decimal(value)) => {
                Stored::Text(decimal::sortable(units_of(*value, *scale)?, *scale).into())
            }
            (Codec::Json(shape), value) => {
                let mut json = Vec::with_capacity(64);
                shape.write_json(value, &mut json);
                let json = String::from_utf8(json).map_err(|_| mismatch(self))?;
                Stored::Text(Cow::Owned(json))
            }
            _ => return Err(mismatch(self)),
        })
    }

    pub(super) fn decode(&self, stored: ValueRef<'_>) -> Result<Value> {
        Ok(match (self, stored) {
            (_, ValueRef::Null) => Value::Null,
            (Codec::Bool, ValueRef::Integer(value)) => Value::Bool(value != 0),
            (Codec::Int, ValueRef::Integer(value)) => Value::Int(value),
            (Codec::Time, ValueRef::Integer(value)) => Value::Timestamp(value),
            (Codec::Double, ValueRef::Real(value)) => Value::Double(value),
            (Codec::Text, ValueRef::Text(value)) => Value::Text(utf8(value)?.into()),
            (Codec::Bytes, ValueRef::Blob(value)) => Value::Bytes(value.into()),
            (Codec::Decimal(scale), ValueRef::Text(value)) => {
                show_decimal(decimal::read_plain(utf8(value)?, *scale), *scale)?
            }
            (Codec::SortableDecimal(scale), ValueRef::Text(value)) => {
                show_decimal(decimal::read_sortable(utf8(value)?, *scale), *scale)?
            }
            (Codec::Json(shape), ValueRef::Text(value)) => {
                let json = serde_json::from_slice(value).map_err(|_| damaged("a JSON text"))?;
                shape.from_json(&json).map_err(|_| damaged("a JSON value"))?
            }
            (Codec::Sum(kind), stored) => show_sum(*kind, decode_sum(*kind, stored)?)?,
            _ => return Err(damaged("a value of another type")),
        })
    }
}

/// The sum of a measure, as it stands in its cell.
pub(super) fn encode_sum<'a>(kind: MeasureKind, amount: Amount) -> Result<Stored<'a>> {
    Ok(match (kind, amount) {
        (MeasureKind::Double, Amount::Double(sum)) => Stored::Real(sum),
        (MeasureKind::Decimal(places), Amount::Exact(sum)) => {
            Stored::Text(decimal::plain(sum, places).into())
        }
        (MeasureKind::Count | MeasureKind::Int, Amount::Exact(sum)) => match i64::try_from(sum) {
            Ok(sum) => Stored::Integer(sum),
            Err(_) => Stored::Text(sum.to_string().into()),
        },
        _ => return Err(mismatch(&Codec::Sum(kind))),
    })
}

pub(super) fn decode_sum(kind: MeasureKind, stored: ValueRef<'_>) -> Result<Amount> {
    let sum = match (kind, stored) {
        (MeasureKind::Double, ValueRef::Real(sum)) => return Ok(Amount::Double(sum)),
        (MeasureKind::Decimal(places), ValueRef::Text(text)) => {
            decimal::read_plain(utf8(text)?, places)
        }
        (MeasureKind::Count | MeasureKind::Int, ValueRef::Integer(sum)) => Some(sum.into()),
        (MeasureKind::Count | MeasureKind::Int, ValueRef::Text(text)) => utf8(text)?.parse().ok(),
        _ => None,
    };
    sum.map(Amount::Exact).ok_or_else(|| damaged("a sum"))
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| damaged("a text"))
}

fn mismatch(codec: &Codec) -> StoreError {
    StoreError::Refused(format!("a value does not fit its column ({codec:?})"))
}
