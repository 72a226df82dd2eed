//! The text forms of scalars: RFC 3339 times, dates, uuids, base64 and numbers.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{InputError, Shape};
use crate::value::{Decimal, DecimalTextError, Value};

mod suggest;
mod time;

pub(crate) use suggest::suggest;
pub(super) use time::{parse_date, parse_timestamp, write_date, write_timestamp};

/// Why a text is no value of a scalar shape: a stable code, and what would be right.
pub(super) type Misfit = (&'static str, String);

impl Shape {
    /// Parses the unquoted text form used in query parameters (`true`, `-3`, `12.50`, RFC 3339…);
    /// `Err` says what would be right. Only for scalar shapes.
    pub fn from_text(&self, text: &str) -> Result<Value, String> {
        match self {
            Shape::Boolean => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err("must be true or false".to_owned()),
            },
            Shape::Int => match plain_integer(text).and_then(|t| t.parse::<i32>().ok()) {
                Some(number) => Ok(Value::Int(number.into())),
                None => Err(format!("must be an integer from {} to {}", i32::MIN, i32::MAX)),
            },
            Shape::Long => match plain_integer(text).and_then(|t| t.parse().ok()) {
                Some(number) => Ok(Value::Int(number)),
                None => Err(format!("must be an integer from {} to {}", i64::MIN, i64::MAX)),
            },
            Shape::Double => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Double(number)),
                _ => Err("must be a finite number".to_owned()),
            },
            Shape::Nullable { inner, .. } => inner.from_text(text),
            shape => shape.scalar_from_text(text).map_err(|(_, message)| message),
        }
    }

    /// Reads the shapes whose JSON form is a string.
    pub(super) fn scalar_from_text(&self, text: &str) -> Result<Value, Misfit> {
        let malformed = |message: &str| ("invalid-format", message.to_owned());
        match self {
            Shape::String => Ok(Value::Text(text.into())),
            Shape::Uuid => parse_uuid(text).map(Value::Text).ok_or_else(|| {
                malformed("must be a uuid such as 0b1f7c5e-3c4d-4e5f-8a9b-0c1d2e3f4a5b")
            }),
            Shape::Enum(shape) => match shape.symbols.iter().find(|symbol| ***symbol == *text) {
                Some(symbol) => Ok(Value::Text(Arc::clone(symbol))),
                None => {
                    let symbols: Vec<&str> = shape.symbols.iter().map(|s| &**s).collect();
                    Err(("unknown-symbol", format!("no such symbol; {}", suggest(text, &symbols))))
                }
            },
            Shape::Bytes => STANDARD
                .decode(text)
                .map(|bytes| Value::Bytes(bytes.into()))
                .map_err(|_| malformed("must be base64 (RFC 4648, with padding)")),
            Shape::Timestamp => parse_timestamp(text).map(Value::Timestamp),
            Shape::Date => parse_date(text).map(Value::Timestamp),
            Shape::Decimal { precision, scale } => decimal(text, *precision, *scale),
            other => Err(("wrong-type", format!("must be {}", other.described()))),
        }
    }
}

/// A decimal with exactly its scale, and no more digits than its precision.
fn decimal(text: &str, precision: u8, scale: u8) -> Result<Value, Misfit> {
    let too_large = || {
        ("out-of-range", format!("must have at most {} digits before the point", precision - scale))
    };
    match Decimal::parse_with_places(text, scale) {
        Ok(decimal) if decimal.digits() <= u32::from(precision) => Ok(Value::Decimal(decimal)),
        Ok(_) | Err(DecimalTextError::Digits) => Err(too_large()),
        Err(DecimalTextError::Places(_)) => {
            Err(("too-precise", format!("must have at most {scale} digits after the point")))
        }
        Err(DecimalTextError::Syntax) => {
            Err(("invalid-format", format!("must be a decimal such as {}", example(scale))))
        }
    }
}

fn example(scale: u8) -> String {
    match scale {
        0 => "12".to_owned(),
        _ => format!("12.{:0<width$}", 5, width = usize::from(scale)),
    }
}

/// An integer's text without a leading `+`, which `str::parse` would take.
fn plain_integer(text: &str) -> Option<&str> {
    (!text.starts_with('+')).then_some(text)
}

/// A uuid's 36 characters, in lower case.
pub(super) fn parse_uuid(text: &str) -> Option<Arc<str>> {
    let valid = text.len() == 36
        && text.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if !valid {
        return None;
    }
    match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Some(text.to_ascii_lowercase().into()),
        false => Some(text.into()),
    }
}

/// Appends base64 in quotes.
pub(super) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len() + 1;
    out.push(b'"');
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    // The room is exactly base64's length, so the encoder cannot run out of it.
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

/// A misfit at a pointer.
pub(super) fn misfit(pointer: &str, (code, message): Misfit) -> InputError {
    InputError { pointer: pointer.to_owned(), code, message }
}
