//! The one value type that JSON, Avro and expressions meet in.

use std::collections::BTreeMap;
use std::sync::Arc;

mod decimal;
mod measure;

pub use decimal::{Decimal, DecimalTextError};

/// A value of the model language. Cheap to clone: everything large is shared.
///
/// Which variant stands where is fixed by a [`crate::Shape`] at load; a `Value` alone does not
/// know whether its text is an enum symbol or a uuid, or whether its timestamp is a date.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An Avro int or long; the language has only one integer type.
    Int(i64),
    /// A finite double (NaN and infinities never leave an expression).
    Double(f64),
    /// Text, an enum symbol, or a uuid in lower case.
    Text(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// An exact decimal.
    Decimal(Decimal),
    /// Milliseconds since 1970-01-01T00:00:00Z; a date is its midnight UTC.
    Timestamp(i64),
    /// An array.
    List(Arc<Vec<Value>>),
    /// A map with text keys, in code point order.
    Map(Arc<BTreeMap<Arc<str>, Value>>),
    /// A record: its fields' values in the order of its shape.
    Record(Arc<Vec<Value>>),
}
