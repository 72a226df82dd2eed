//! Conversions between types: `int double string bool bytes decimal timestamp duration`.

use super::arithmetic::decimal;
use super::time::{checked_time, parse_duration, parse_time, write_time};
use super::{arg, int_arg, text_arg, wrong};
use crate::expr::EvalError;
use crate::expr::eval::failed;
use crate::expr::ir::Held;
use crate::value::{Decimal, Value};

type Made = Result<Value, EvalError>;

/// `int(x)`: cuts doubles and decimals; of a timestamp the seconds since 1970.
pub(in crate::expr) fn int(args: &[Held<'_>]) -> Made {
    let outside = || EvalError("a number is outside the range of int".to_owned());
    Ok(Value::Int(match arg(args, 0)? {
        Value::Int(i) => *i,
        Value::Double(d) => cut(*d).ok_or_else(outside)?,
        Value::Decimal(d) => {
            let whole = d.units() / 10_i128.pow(u32::from(d.places()));
            i64::try_from(whole).map_err(|_| outside())?
        }
        Value::Text(t) => t.parse().map_err(|_| EvalError("a text is no int".to_owned()))?,
        Value::Timestamp(ms) => ms.div_euclid(1_000),
        other => return wrong("a number", other),
    }))
}

fn cut(d: f64) -> Option<i64> {
    let limit = 9_223_372_036_854_775_808.0;
    (d > -limit && d < limit).then_some(d as i64)
}

/// `double(x)`.
pub(in crate::expr) fn double(args: &[Held<'_>]) -> Made {
    let number = match arg(args, 0)? {
        Value::Int(i) => *i as f64,
        Value::Double(d) => *d,
        Value::Decimal(d) => {
            written(*d).parse().map_err(|_| EvalError("a text is no double".to_owned()))?
        }
        Value::Text(t) => t.parse().map_err(|_| EvalError("a text is no double".to_owned()))?,
        other => return wrong("a number", other),
    };
    super::arithmetic::double(number)
}

/// `string(x)`.
pub(in crate::expr) fn string(args: &[Held<'_>]) -> Made {
    let text = match arg(args, 0)? {
        Value::Text(t) => return Ok(Value::Text(t.clone())),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Double(d) => d.to_string(),
        Value::Decimal(d) => written(*d),
        Value::Timestamp(ms) => write_time(*ms)?,
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return failed("bytes are not UTF-8"),
        },
        other => return wrong("a value that has a text", other),
    };
    Ok(Value::Text(text.into()))
}

/// `string(duration)`: seconds, as in `90s`, `0.25s`.
pub(in crate::expr) fn duration_string(args: &[Held<'_>]) -> Made {
    let ms = int_arg(args, 0)?;
    let units = Decimal::new(i128::from(ms), 3).map(written).unwrap_or_default();
    let seconds = units.trim_end_matches('0').trim_end_matches('.');
    Ok(Value::Text(format!("{seconds}s").into()))
}

/// `bool(x)`.
pub(in crate::expr) fn bool(args: &[Held<'_>]) -> Made {
    match arg(args, 0)? {
        Value::Bool(b) => Ok(Value::Bool(*b)),
        Value::Text(t) => match &**t {
            "true" | "True" | "TRUE" | "t" | "1" => Ok(Value::Bool(true)),
            "false" | "False" | "FALSE" | "f" | "0" => Ok(Value::Bool(false)),
            _ => failed("a text is neither true nor false"),
        },
        other => wrong("a boolean or a text", other),
    }
}

/// `bytes(x)`.
pub(in crate::expr) fn bytes(args: &[Held<'_>]) -> Made {
    match arg(args, 0)? {
        Value::Bytes(b) => Ok(Value::Bytes(b.clone())),
        Value::Text(t) => Ok(Value::Bytes(t.as_bytes().into())),
        other => wrong("bytes or a text", other),
    }
}

/// `timestamp(x)`: of RFC 3339, or of seconds since 1970.
pub(in crate::expr) fn timestamp(args: &[Held<'_>]) -> Made {
    match arg(args, 0)? {
        Value::Timestamp(ms) => Ok(Value::Timestamp(*ms)),
        Value::Int(s) => checked_time(s.checked_mul(1_000)),
        Value::Text(t) => parse_time(t),
        other => wrong("a text", other),
    }
}

/// `duration('90s')`.
pub(in crate::expr) fn duration(args: &[Held<'_>]) -> Made {
    match arg(args, 0)? {
        Value::Int(ms) => Ok(Value::Int(*ms)),
        _ => parse_duration(text_arg(args, 0)?),
    }
}

/// `decimal(int)`.
pub(in crate::expr) fn decimal_of(args: &[Held<'_>]) -> Made {
    match arg(args, 0)? {
        Value::Decimal(d) => Ok(Value::Decimal(*d)),
        _ => decimal(Some(i128::from(int_arg(args, 0)?)), 0),
    }
}

/// Reads `-12.50`.
pub(in crate::expr) fn parse_decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || digits.len() > 40 {
        return None;
    }
    let fraction = if digits.contains('.') { fraction } else { "" };
    let units: i128 = format!("{whole}{fraction}").parse().ok()?;
    let signed = if text.starts_with('-') { -units } else { units };
    Decimal::new(signed, u8::try_from(fraction.len()).ok()?)
}

/// With exactly its places.
pub(in crate::expr) fn written(d: Decimal) -> String {
    let places = usize::from(d.places());
    let digits = format!("{:0>width$}", d.units().unsigned_abs(), width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let sign = if d.units() < 0 { "-" } else { "" };
    let point = if places > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}
