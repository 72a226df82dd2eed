//! How the values of a column stand in CQL, so that a data team reads them with cqlsh and key
//! columns order as the model language says.
//!
//! | column | type |
//! | --- | --- |
//! | boolean | `boolean` |
//! | int, long | `bigint` |
//! | double | `double` |
//! | string, enum, uuid | `text` (the type `uuid` would order by version and time) |
//! | bytes | `blob` |
//! | timestamp, date | `timestamp` (a date is its midnight UTC) |
//! | decimal | `decimal` with exactly its places |
//! | array, map, record | `text`, JSON |
//! | count, sum of ints | `varint` |
//! | sum of decimals, of doubles | `decimal`, `double` |

use model::rows::Amount;
use model::{Column, MeasureKind, Shape, Value};

use super::bound::{Bound, read_varint};
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
    Json(Shape),
    Sum(MeasureKind),
}

impl Codec {
    pub(super) fn of_column(column: &Column) -> Codec {
        Codec::of_shape(&column.shape)
    }

    fn of_shape(shape: &Shape) -> Codec {
        match shape {
            Shape::Nullable { inner, .. } => Codec::of_shape(inner),
            Shape::Boolean => Codec::Bool,
            Shape::Int | Shape::Long => Codec::Int,
            Shape::Double => Codec::Double,
            Shape::String | Shape::Uuid | Shape::Enum(_) => Codec::Text,
            Shape::Bytes => Codec::Bytes,
            Shape::Timestamp | Shape::Date => Codec::Time,
            Shape::Decimal { scale, .. } => Codec::Decimal(*scale),
            Shape::Null | Shape::Array(_) | Shape::Map(_) | Shape::Record(_) => {
                Codec::Json(shape.clone())
            }
        }
    }

    /// The column's type.
    pub(super) fn declared(&self) -> &'static str {
        match self {
            Codec::Bool => "boolean",
            Codec::Int => "bigint",
            Codec::Double | Codec::Sum(MeasureKind::Double) => "double",
            Codec::Text | Codec::Json(_) => "text",
            Codec::Bytes => "blob",
            Codec::Time => "timestamp",
            Codec::Decimal(_) | Codec::Sum(MeasureKind::Decimal(_)) => "decimal",
            Codec::Sum(MeasureKind::Count | MeasureKind::Int) => "varint",
        }
    }

    pub(super) fn encode(&self, value: &Value) -> Result<Bound> {
        Ok(match (self, value) {
            (_, Value::Null) => Bound::Null,
            (Codec::Bool, Value::Bool(value)) => Bound::Bool(*value),
            (Codec::Int, Value::Int(value)) | (Codec::Time, Value::Timestamp(value)) => {
                Bound::Big(*value)
            }
            // The two zeros are one: CQL's order tells them apart where they are part of a key.
            (Codec::Double, Value::Double(value)) => Bound::Double(value + 0.0),
            (Codec::Text, Value::Text(value)) => Bound::Text(value.clone()),
            (Codec::Bytes, Value::Bytes(value)) => Bound::Shared(value.clone()),
            (Codec::Decimal(scale), Value::Decimal(value)) => {
                Bound::Decimal(units_of(*value, *scale)?, *scale)
            }
            (Codec::Json(shape), value) => {
                let mut json = Vec::with_capacity(64);
                shape.write_json(value, &mut json);
                Bound::String(String::from_utf8(json).map_err(|_| mismatch(self))?)
            }
            _ => return Err(mismatch(self)),
        })
    }

    pub(super) fn decode(&self, cell: Option<&[u8]>) -> Result<Value> {
        let Some(bytes) = cell else { return Ok(Value::Null) };
        Ok(match self {
            Codec::Bool => Value::Bool(bytes.first().is_some_and(|byte| *byte != 0)),
            Codec::Int => Value::Int(big(bytes)?),
            Codec::Time => Value::Timestamp(big(bytes)?),
            Codec::Double => Value::Double(f64::from_be_bytes(fixed(bytes)?)),
            Codec::Text => Value::Text(utf8(bytes)?.into()),
            Codec::Bytes => Value::Bytes(bytes.into()),
            Codec::Decimal(scale) => show_decimal(read_decimal(bytes, *scale), *scale)?,
            Codec::Json(shape) => {
                let json = serde_json::from_slice(bytes).map_err(|_| damaged("a JSON text"))?;
                shape.from_json(&json).map_err(|_| damaged("a JSON value"))?
            }
            Codec::Sum(kind) => show_sum(*kind, decode_sum(*kind, cell)?)?,
        })
    }
}

/// The sum of a measure, as it stands in its cell.
pub(super) fn encode_sum(kind: MeasureKind, amount: Amount) -> Result<Bound> {
    Ok(match (kind, amount) {
        (MeasureKind::Double, Amount::Double(sum)) => Bound::Double(sum),
        (MeasureKind::Decimal(places), Amount::Exact(sum)) => Bound::Decimal(sum, places),
        (MeasureKind::Count | MeasureKind::Int, Amount::Exact(sum)) => Bound::Varint(sum),
        _ => return Err(mismatch(&Codec::Sum(kind))),
    })
}

pub(super) fn decode_sum(kind: MeasureKind, cell: Option<&[u8]>) -> Result<Amount> {
    let bytes = cell.ok_or_else(|| damaged("a sum"))?;
    let sum = match kind {
        MeasureKind::Double => return Ok(Amount::Double(f64::from_be_bytes(fixed(bytes)?))),
        MeasureKind::Decimal(places) => read_decimal(bytes, places),
        MeasureKind::Count | MeasureKind::Int => read_varint(bytes),
    };
    sum.map(Amount::Exact).ok_or_else(|| damaged("a sum"))
}

fn read_decimal(bytes: &[u8], scale: u8) -> Option<i128> {
    let (places, units) = bytes.split_first_chunk::<4>()?;
    (i32::from_be_bytes(*places) == i32::from(scale)).then(|| read_varint(units))?
}

fn mismatch(codec: &Codec) -> StoreError {
    StoreError::Refused(format!("a value does not fit its column ({codec:?})"))
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| damaged("a number of another length"))
}

pub(super) fn big(bytes: &[u8]) -> Result<i64> {
    Ok(i64::from_be_bytes(fixed(bytes)?))
}

pub(super) fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| damaged("a text"))
}

#[cfg(test)]
mod tests {
    use model::Decimal;
    use proptest::prelude::*;

    use super::*;

    fn returns(codec: &Codec, value: &Value) -> Value {
        let bound = codec.encode(value).expect("it fits");
        bound.with_bytes(|bytes| codec.decode(bytes)).expect("it is read back")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn values_of_every_column_survive(
            int in any::<i64>(),
            units in -(10_i128.pow(28) - 1)..10_i128.pow(28),
            places in 0_u8..=28,
            double in any::<f64>().prop_filter("finite", |d| d.is_finite()),
            text in ".{0,12}",
            bytes in prop::collection::vec(any::<u8>(), 0..12),
            truth in any::<bool>(),
        ) {
            let decimal = Value::Decimal(Decimal::new(units, places).expect("28 digits"));
            let list = Value::List(std::sync::Arc::new(vec![Value::Text(text.as_str().into())]));
            let lists = Shape::Array(std::sync::Arc::new(Shape::String));
            for (codec, value) in [
                (Codec::Bool, Value::Bool(truth)),
                (Codec::Int, Value::Int(int)),
                (Codec::Time, Value::Timestamp(int)),
                (Codec::Double, Value::Double(double + 0.0)),
                (Codec::Text, Value::Text(text.as_str().into())),
                (Codec::Bytes, Value::Bytes(bytes.into())),
                (Codec::Decimal(places), decimal),
                (Codec::Json(lists), list),
                (Codec::Int, Value::Null),
            ] {
                prop_assert_eq!(returns(&codec, &value), value);
            }
        }

        #[test]
        fn sums_of_every_kind_survive(units in any::<i128>(), places in 0_u8..=28) {
            for kind in [MeasureKind::Count, MeasureKind::Int, MeasureKind::Decimal(places)] {
                let bound = encode_sum(kind, Amount::Exact(units)).expect("it fits");
                let back = bound.with_bytes(|bytes| decode_sum(kind, bytes));
                prop_assert_eq!(back, Ok(Amount::Exact(units)));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
            for codec in [
                Codec::Bool, Codec::Int, Codec::Double, Codec::Text, Codec::Decimal(2),
                Codec::Json(Shape::String), Codec::Sum(MeasureKind::Int),
                Codec::Sum(MeasureKind::Decimal(2)), Codec::Sum(MeasureKind::Double),
            ] {
                let _ = codec.decode(Some(&bytes));
            }
        }
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        let misfit = Codec::Int.encode(&Value::Text("1".into()));
        assert!(matches!(misfit, Err(StoreError::Refused(_))));
        let places = Value::Decimal(Decimal::new(1, 1).expect("small"));
        assert!(matches!(Codec::Decimal(2).encode(&places), Err(StoreError::Refused(_))));
    }
}
