//! Equality and order of values, as CEL has them: numbers by value, text by code point.

use std::cmp::Ordering;

use super::EvalError;
use crate::value::{Decimal, Value};

/// What a value is, for errors.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) => "an int",
        Value::Double(_) => "a double",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
        Value::Decimal(_) => "a decimal",
        Value::Timestamp(_) => "a timestamp",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Record(_) => "a record",
    }
}

/// Roughly how much work it is to go through a value once (its own elements, not theirs).
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::List(items) => items.len(),
        Value::Map(map) => map.len(),
        Value::Text(text) => text.len() / 16,
        Value::Bytes(bytes) => bytes.len() / 16,
        _ => 0,
    }
}

/// Whether two values are equal. Values of different kinds are not.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Text(x), Value::Text(y)) => x == y,
        (Value::Decimal(_), _) | (_, Value::Decimal(_)) | (Value::Double(_), Value::Int(_)) => {
            order(a, b).is_ok_and(|o| o == Ordering::Equal)
        }
        (Value::Int(_), Value::Double(_)) => equal(b, a),
        (Value::List(x), Value::List(y)) | (Value::Record(x), Value::Record(y)) => {
            x.len() == y.len() && x.iter().zip(y.iter()).all(|(x, y)| equal(x, y))
        }
        (Value::Map(x), Value::Map(y)) => {
            x.len() == y.len()
                && x.iter().zip(y.iter()).all(|((k, x), (l, y))| k == l && equal(x, y))
        }
        _ => a == b,
    }
}

/// The order of two values of one kind; numbers of different kinds compare by value.
pub(super) fn order(a: &Value, b: &Value) -> Result<Ordering, EvalError> {
    Ok(match (a, b) {
        (Value::Bool(x), Value::Bool(y)) => x.cmp(y),
        (Value::Int(x), Value::Int(y)) => x.cmp(y),
        // Rust orders text by byte, which for UTF-8 is by code point.
        (Value::Text(x), Value::Text(y)) => x.cmp(y),
        (Value::Bytes(x), Value::Bytes(y)) => x.cmp(y),
        (Value::Timestamp(x), Value::Timestamp(y)) => x.cmp(y),
        (Value::Double(x), Value::Double(y)) => doubles(*x, *y)?,
        (Value::Int(x), Value::Double(y)) => int_to_double(*x, *y)?,
        (Value::Double(x), Value::Int(y)) => int_to_double(*y, *x)?.reverse(),
        (Value::Decimal(x), Value::Decimal(y)) => decimals(*x, *y),
        (Value::Decimal(x), Value::Int(y)) => int_to_decimal(*y, *x).reverse(),
        (Value::Int(x), Value::Decimal(y)) => int_to_decimal(*x, *y),
        _ => return Err(EvalError(format!("can't compare {} with {}", kind(a), kind(b)))),
    })
}

fn doubles(a: f64, b: f64) -> Result<Ordering, EvalError> {
    a.partial_cmp(&b).ok_or_else(|| EvalError("can't compare with NaN".to_owned()))
}

fn int_to_double(a: i64, b: f64) -> Result<Ordering, EvalError> {
    // Beyond 2^63 the double decides; within, its whole part is an exact integer.
    if b >= 9_223_372_036_854_775_808.0 {
        return Ok(Ordering::Less);
    }
    if b < -9_223_372_036_854_775_808.0 {
        return Ok(Ordering::Greater);
    }
    let whole = b.trunc();
    Ok(a.cmp(&(whole as i64)).then(doubles(0.0, b - whole)?))
}

fn int_to_decimal(a: i64, b: Decimal) -> Ordering {
    match Decimal::new(i128::from(a), 0) {
        Some(a) => decimals(a, b),
        None => a.cmp(&0),
    }
}

fn decimals(a: Decimal, b: Decimal) -> Ordering {
    let power = |d: Decimal| 10_i128.pow(u32::from(d.places()));
    // Whole parts first, then fractions at the same places: nothing can overflow.
    let whole = (a.units() / power(a)).cmp(&(b.units() / power(b)));
    let places = a.places().max(b.places());
    let fraction =
        |d: Decimal| (d.units() % power(d)) * 10_i128.pow(u32::from(places - d.places()));
    whole.then_with(|| fraction(a).cmp(&fraction(b)))
}

/// Sorts by a key, stably; an error where keys don't compare.
pub(super) fn sorted<T>(
    mut items: Vec<T>,
    key: impl Fn(&T) -> &Value,
) -> Result<Vec<T>, EvalError> {
    let mut error = None;
    items.sort_by(|a, b| {
        order(key(a), key(b)).unwrap_or_else(|e| {
            error = Some(e);
            Ordering::Equal
        })
    });
    error.map_or(Ok(items), Err)
}
