//! A value's Avro binary form.

use std::sync::Arc;

use super::{EnumShape, Shape};
use crate::value::{Decimal, Value};

/// Milliseconds of a day.
pub(super) const DAY: i64 = 86_400_000;

impl Shape {
    /// Appends the value's Avro binary form. The value must be of this shape (the checker and
    /// [`Shape::from_json`] see to that).
    ///
    /// # Panics
    /// If the value is not of this shape: writing something else would spoil the log.
    pub fn encode(&self, value: &Value, out: &mut Vec<u8>) {
        match (self, value) {
            (Shape::Null, Value::Null) => {}
            (Shape::Boolean, Value::Bool(flag)) => out.push(u8::from(*flag)),
            (Shape::Int | Shape::Long, Value::Int(number)) => put_long(*number, out),
            (Shape::Double, Value::Double(number)) => {
                out.extend_from_slice(&number.to_le_bytes());
            }
            (Shape::String | Shape::Uuid, Value::Text(text)) => put_bytes(text.as_bytes(), out),
            (Shape::Bytes, Value::Bytes(bytes)) => put_bytes(bytes, out),
            (Shape::Timestamp, Value::Timestamp(millis)) => put_long(*millis, out),
            (Shape::Date, Value::Timestamp(millis)) => put_long(millis.div_euclid(DAY), out),
            (Shape::Decimal { scale, .. }, Value::Decimal(decimal)) => {
                put_decimal(*decimal, *scale, out);
            }
            (Shape::Enum(shape), Value::Text(symbol)) => put_long(index_of(shape, symbol), out),
            (Shape::Array(item), Value::List(items)) => {
                put_count(items.len(), out);
                for value in items.iter() {
                    item.encode(value, out);
                }
                out.push(0);
            }
            (Shape::Map(item), Value::Map(entries)) => {
                put_count(entries.len(), out);
                for (key, value) in entries.iter() {
                    put_bytes(key.as_bytes(), out);
                    item.encode(value, out);
                }
                out.push(0);
            }
            (Shape::Record(shape), Value::Record(values)) => {
                assert_eq!(shape.fields.len(), values.len(), "a record has its shape's fields");
                for (field, value) in shape.fields.iter().zip(values.iter()) {
                    field.shape.encode(value, out);
                }
            }
            (Shape::Nullable { inner, null_first }, value) => {
                let null = matches!(value, Value::Null);
                put_long(i64::from(null != *null_first), out);
                if !null {
                    inner.encode(value, out);
                }
            }
            (shape, value) => panic!("value {value:?} is not of its shape {}", shape.kind()),
        }
    }
}

fn index_of(shape: &EnumShape, symbol: &Arc<str>) -> i64 {
    let found = shape
        .symbols
        .iter()
        .position(|s| Arc::ptr_eq(s, symbol))
        .or_else(|| shape.symbols.iter().position(|s| s == symbol));
    match found {
        Some(index) => index as i64,
        None => panic!("{symbol:?} is no symbol of {}", shape.full_name),
    }
}

fn put_count(count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        put_long(count as i64, out);
    }
}

/// A variable-length zig-zag integer.
pub(super) fn put_long(number: i64, out: &mut Vec<u8>) {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

fn put_decimal(decimal: Decimal, scale: u8, out: &mut Vec<u8>) {
    let Some(scaled) = decimal.rescale(scale) else {
        panic!("decimal {decimal} does not fit {scale} places");
    };
    let (bytes, start) = minimal(scaled.units());
    put_bytes(&bytes[start..], out);
}

/// Two's complement, big-endian, and where its shortest form starts.
pub(super) fn minimal(units: i128) -> ([u8; 16], usize) {
    let bytes = units.to_be_bytes();
    let fill = if units < 0 { 0xff } else { 0 };
    let start =
        (0..15).find(|&i| bytes[i] != fill || (bytes[i + 1] ^ fill) & 0x80 != 0).unwrap_or(15);
    (bytes, start)
}
