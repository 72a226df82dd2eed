//! Avro's binary form back to values, with bounded memory: nothing is reserved that the rest of
//! the input could not fill.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::encode::DAY;
use super::text::parse_uuid;
use super::{DatumError, RecordShape, Shape};
use crate::value::{Decimal, Value};

impl Shape {
    /// Reads one Avro datum that must use up all of `bytes`. Bounded: never allocates more than a
    /// small multiple of `bytes.len()`.
    pub fn decode(&self, bytes: &[u8]) -> Result<Value, DatumError> {
        let mut input = Input::new(bytes);
        let value = read(self, &mut input)?;
        input.finish()?;
        Ok(value)
    }
}

/// What is left of a datum.
pub(super) struct Input<'a> {
    rest: &'a [u8],
}

pub(super) fn wrong<T>(message: impl Into<String>) -> Result<T, DatumError> {
    Err(DatumError(message.into()))
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { rest: bytes }
    }

    pub(super) fn finish(&self) -> Result<(), DatumError> {
        match self.rest.len() {
            0 => Ok(()),
            left => wrong(format!("{left} bytes are left over")),
        }
    }

    fn byte(&mut self) -> Result<u8, DatumError> {
        let Some((&first, rest)) = self.rest.split_first() else { return wrong("it ends early") };
        self.rest = rest;
        Ok(first)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], DatumError> {
        let Some((head, rest)) = self.rest.split_at_checked(count) else {
            return wrong("it ends early");
        };
        self.rest = rest;
        Ok(head)
    }

    pub(super) fn long(&mut self) -> Result<i64, DatumError> {
        let mut bits = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                break;
            }
            bits |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((bits >> 1) as i64 ^ -((bits & 1) as i64));
            }
        }
        wrong("an integer is longer than 64 bits")
    }

    pub(super) fn int(&mut self) -> Result<i64, DatumError> {
        let number = self.long()?;
        match i32::try_from(number) {
            Ok(_) => Ok(number),
            Err(_) => wrong(format!("{number} is no 32-bit integer")),
        }
    }

    pub(super) fn double(&mut self) -> Result<f64, DatumError> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        let number = f64::from_le_bytes(bytes);
        if number.is_finite() { Ok(number) } else { wrong("a double is not finite") }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], DatumError> {
        match usize::try_from(self.long()?) {
            Ok(length) => self.take(length),
            Err(_) => wrong("a length is negative"),
        }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, DatumError> {
        match std::str::from_utf8(self.bytes()?) {
            Ok(text) => Ok(text),
            Err(_) => wrong("a text is not UTF-8"),
        }
    }

    /// The position of a symbol or branch among `count`.
    pub(super) fn index(&mut self, count: usize) -> Result<usize, DatumError> {
        let number = self.long()?;
        match usize::try_from(number) {
            Ok(index) if index < count => Ok(index),
            _ => wrong(format!("index {number} is not below {count}")),
        }
    }

    /// Whether a union of two holds its null.
    pub(super) fn is_null(&mut self, null_first: bool) -> Result<bool, DatumError> {
        Ok((self.index(2)? == 0) == null_first)
    }

    /// How many items the next block has; 0 at the end. Every item takes at least a byte, so more
    /// than the rest of the input cannot be there.
    pub(super) fn block(&mut self) -> Result<usize, DatumError> {
        let count = self.long()?;
        if count < 0 {
            // A negative count is followed by the block's size in bytes.
            self.long()?;
        }
        match usize::try_from(count.unsigned_abs()) {
            Ok(count) if count <= self.rest.len() => Ok(count),
            _ => wrong("a block counts more items than there are bytes"),
        }
    }
}

pub(super) fn read(shape: &Shape, input: &mut Input<'_>) -> Result<Value, DatumError> {
    Ok(match shape {
        Shape::Null => Value::Null,
        Shape::Boolean => match input.byte()? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            other => return wrong(format!("{other} is no boolean")),
        },
        Shape::Int => Value::Int(input.int()?),
        Shape::Long => Value::Int(input.long()?),
        Shape::Double => Value::Double(input.double()?),
        Shape::String => Value::Text(input.text()?.into()),
        Shape::Bytes => Value::Bytes(input.bytes()?.into()),
        Shape::Uuid => match parse_uuid(input.text()?) {
            Some(text) => Value::Text(text),
            None => return wrong("a text is no uuid"),
        },
        Shape::Timestamp => Value::Timestamp(input.long()?),
        Shape::Date => Value::Timestamp(input.int()? * DAY),
        Shape::Decimal { scale, .. } => Value::Decimal(decimal(input.bytes()?, *scale)?),
        Shape::Enum(shape) => {
            Value::Text(Arc::clone(&shape.symbols[input.index(shape.symbols.len())?]))
        }
        Shape::Array(item) => read_array(input, |input| read(item, input))?,
        Shape::Map(item) => read_map(input, |input| read(item, input))?,
        Shape::Record(shape) => read_record(shape, input)?,
        Shape::Nullable { inner, null_first } => match input.is_null(*null_first)? {
            true => Value::Null,
            false => read(inner, input)?,
        },
    })
}

fn read_record(shape: &RecordShape, input: &mut Input<'_>) -> Result<Value, DatumError> {
    let mut values = Vec::with_capacity(shape.fields.len());
    for field in &shape.fields {
        values.push(read(&field.shape, input)?);
    }
    Ok(Value::Record(Arc::new(values)))
}

pub(super) fn read_array(
    input: &mut Input<'_>,
    item: impl Fn(&mut Input<'_>) -> Result<Value, DatumError>,
) -> Result<Value, DatumError> {
    let mut items = Vec::new();
    loop {
        let count = input.block()?;
        if count == 0 {
            return Ok(Value::List(Arc::new(items)));
        }
        items.reserve(count);
        for _ in 0..count {
            items.push(item(input)?);
        }
    }
}

pub(super) fn read_map(
    input: &mut Input<'_>,
    item: impl Fn(&mut Input<'_>) -> Result<Value, DatumError>,
) -> Result<Value, DatumError> {
    let mut entries = BTreeMap::new();
    loop {
        let count = input.block()?;
        if count == 0 {
            return Ok(Value::Map(Arc::new(entries)));
        }
        for _ in 0..count {
            let key = input.text()?;
            entries.insert(key.into(), item(input)?);
        }
    }
}

/// A decimal from two's complement, big-endian; other writers may pad it.
pub(super) fn decimal(bytes: &[u8], scale: u8) -> Result<Decimal, DatumError> {
    let negative = bytes.first().is_some_and(|b| b & 0x80 != 0);
    let fill = if negative { 0xff } else { 0 };
    let mut units = if negative { -1_i128 } else { 0 };
    let padding = bytes.len().saturating_sub(16);
    let padded = bytes[..padding].iter().all(|&b| b == fill);
    let agrees = bytes.get(padding).is_none_or(|b| padding == 0 || (b ^ fill) & 0x80 == 0);
    for &byte in &bytes[padding..] {
        units = (units << 8) | i128::from(byte);
    }
    match Decimal::new(units, scale).filter(|_| padded && agrees) {
        Some(decimal) => Ok(decimal),
        None => wrong(format!("a decimal has more than {} digits", Decimal::MAX_DIGITS)),
    }
}
