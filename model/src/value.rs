//! The one value type that JSON, Avro and expressions meet in.

use std::collections::BTreeMap;
use std::sync::Arc;

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

/// An exact decimal: `units * 10^-places`, at most 28 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    // Two halves instead of one i128 keep `Value` at 32 bytes (an i128 aligns to 16).
    high: i64,
    low: u64,
    places: u8,
}

impl Decimal {
    /// The most digits that a decimal may have.
    pub const MAX_DIGITS: u32 = 28;

    /// `units * 10^-places`, or `None` when that has more than 28 digits.
    pub fn new(units: i128, places: u8) -> Option<Decimal> {
        (units.unsigned_abs() < 10_u128.pow(Self::MAX_DIGITS)
            && u32::from(places) <= Self::MAX_DIGITS)
            .then_some(Decimal { high: (units >> 64) as i64, low: units as u64, places })
    }

    /// The number without its decimal point.
    pub fn units(self) -> i128 {
        (i128::from(self.high) << 64) | i128::from(self.low)
    }

    /// How many digits stand after the decimal point.
    pub fn places(self) -> u8 {
        self.places
    }
}
