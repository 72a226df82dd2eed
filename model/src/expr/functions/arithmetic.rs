//! `+ - * / %`, negation, and sums: checked, exact where the types are.

use std::sync::Arc;

use super::time::checked_time;
use super::{arg, wrong};
use crate::expr::EvalError;
use crate::expr::eval::{MAX_LIST, failed};
use crate::expr::fit::rescaled;
use crate::expr::ir::Held;
use crate::value::{Decimal, Value};

/// Longest text that is built on the way to a result, in bytes.
pub(in crate::expr) const MAX_TEXT: usize = 4_000_000;

type Made = Result<Value, EvalError>;

/// `+`.
pub(in crate::expr) fn add(args: &[Held<'_>]) -> Made {
    add_values(arg(args, 0)?, arg(args, 1)?)
}

fn add_values(a: &Value, b: &Value) -> Made {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_add(*b)),
        (Value::Double(a), Value::Double(b)) => double(a + b),
        (Value::Text(a), Value::Text(b)) => concat(a, b),
        (Value::Timestamp(t), Value::Int(d)) | (Value::Int(d), Value::Timestamp(t)) => {
            checked_time(t.checked_add(*d))
        }
        (Value::List(a), Value::List(b)) if a.is_empty() => Ok(Value::List(Arc::clone(b))),
        (Value::List(a), Value::List(b)) if b.is_empty() => Ok(Value::List(Arc::clone(a))),
        (Value::List(a), Value::List(b)) if a.len() + b.len() <= MAX_LIST => {
            Ok(Value::List(Arc::new(a.iter().chain(b.iter()).cloned().collect())))
        }
        (Value::List(_), Value::List(_)) => failed("a list grows too long"),
        (Value::Bytes(a), Value::Bytes(b)) if a.len() + b.len() <= MAX_TEXT => {
            Ok(Value::Bytes([&**a, &**b].concat().into()))
        }
        _ => decimals(a, b, "add", |a, b| {
            let (a, b, places) = aligned(a, b)?;
            decimal(a.checked_add(b), places)
        }),
    }
}

/// `-`.
pub(in crate::expr) fn subtract(args: &[Held<'_>]) -> Made {
    match (arg(args, 0)?, arg(args, 1)?) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_sub(*b)),
        (Value::Double(a), Value::Double(b)) => double(a - b),
        (Value::Timestamp(t), Value::Int(d)) => checked_time(t.checked_sub(*d)),
        (Value::Timestamp(a), Value::Timestamp(b)) => int(a.checked_sub(*b)),
        (a, b) => decimals(a, b, "subtract", |a, b| {
            let (a, b, places) = aligned(a, b)?;
            decimal(a.checked_sub(b), places)
        }),
    }
}

/// `*`.
pub(in crate::expr) fn multiply(args: &[Held<'_>]) -> Made {
    match (arg(args, 0)?, arg(args, 1)?) {
        (Value::Int(a), Value::Int(b)) => int(a.checked_mul(*b)),
        (Value::Double(a), Value::Double(b)) => double(a * b),
        (a, b) => decimals(a, b, "multiply", |a, b| {
            decimal(a.units().checked_mul(b.units()), a.places().saturating_add(b.places()))
        }),
    }
}

/// `/`.
pub(in crate::expr) fn divide(args: &[Held<'_>]) -> Made {
    match (arg(args, 0)?, arg(args, 1)?) {
        (Value::Int(_), Value::Int(0)) => failed("division by zero"),
        (Value::Int(a), Value::Int(b)) => int(a.checked_div(*b)),
        (Value::Double(_), Value::Double(b)) if *b == 0.0 => failed("division by zero"),
        (Value::Double(a), Value::Double(b)) => double(a / b),
        (a, b) => mixed("divide", a, b),
    }
}

/// `%`.
pub(in crate::expr) fn remainder(args: &[Held<'_>]) -> Made {
    match (arg(args, 0)?, arg(args, 1)?) {
        (Value::Int(_), Value::Int(0)) => failed("division by zero"),
        (Value::Int(a), Value::Int(b)) => int(a.checked_rem(*b)),
        (a, b) => mixed("divide", a, b),
    }
}

/// Unary `-`.
pub(in crate::expr) fn negate(args: &[Held<'_>]) -> Made {
    match arg(args, 0)? {
        Value::Int(i) => int(i.checked_neg()),
        Value::Double(d) => double(-d),
        Value::Decimal(d) => decimal(d.units().checked_neg(), d.places()),
        other => wrong("a number", other),
    }
}

/// `sum(list)`; the second argument is the sum of none.
pub(in crate::expr) fn sum(args: &[Held<'_>]) -> Made {
    let items = super::list_arg(args, 0)?;
    items.iter().try_fold(arg(args, 1)?.clone(), |total, item| add_values(&total, item))
}

/// `round(d, places)`, half to even.
pub(in crate::expr) fn round(args: &[Held<'_>]) -> Made {
    let (Value::Decimal(d), Value::Int(places)) = (arg(args, 0)?, arg(args, 1)?) else {
        return wrong("a decimal", arg(args, 0)?);
    };
    let places = u8::try_from(*places).unwrap_or(u8::MAX);
    if places >= d.places() {
        return decimal(Some(rescaled(*d, places.min(28))?), places);
    }
    let factor = 10_i128.pow(u32::from(d.places() - places));
    let (whole, rest) = (d.units() / factor, d.units() % factor);
    let up = match (rest.abs() * 2).cmp(&factor) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => whole % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    decimal(Some(whole + if up { rest.signum() } else { 0 }), places)
}

/// The text of two, one after the other.
fn concat(a: &Arc<str>, b: &Arc<str>) -> Made {
    if a.len() + b.len() > MAX_TEXT {
        return failed("a text grows too long");
    }
    let mut text = String::with_capacity(a.len() + b.len());
    text.push_str(a);
    text.push_str(b);
    Ok(Value::Text(text.into()))
}

pub(super) fn int(result: Option<i64>) -> Made {
    result.map(Value::Int).ok_or_else(|| EvalError("an int overflows".to_owned()))
}

/// NaN and infinities never leave an expression.
pub(super) fn double(result: f64) -> Made {
    if result.is_finite() {
        Ok(Value::Double(result))
    } else {
        failed("a double is NaN or infinite")
    }
}

pub(super) fn decimal(units: Option<i128>, places: u8) -> Made {
    match units.and_then(|u| Decimal::new(u, places)) {
        Some(d) => Ok(Value::Decimal(d)),
        None => failed("a decimal has more than 28 digits"),
    }
}

/// Works on decimals and ints, where at least one is a decimal.
fn decimals(a: &Value, b: &Value, verb: &str, work: impl Fn(Decimal, Decimal) -> Made) -> Made {
    let whole = |i: &i64| {
        Decimal::new(i128::from(*i), 0).ok_or_else(|| EvalError("an int overflows".to_owned()))
    };
    match (a, b) {
        (Value::Decimal(a), Value::Decimal(b)) => work(*a, *b),
        (Value::Decimal(a), Value::Int(b)) => work(*a, whole(b)?),
        (Value::Int(a), Value::Decimal(b)) => work(whole(a)?, *b),
        _ => mixed(verb, a, b),
    }
}

/// Units of both at the larger of their places.
fn aligned(a: Decimal, b: Decimal) -> Result<(i128, i128, u8), EvalError> {
    let places = a.places().max(b.places());
    Ok((rescaled(a, places)?, rescaled(b, places)?, places))
}

fn mixed(verb: &str, a: &Value, b: &Value) -> Made {
    use crate::expr::compare::kind;
    failed(format!("can't {verb} {} and {}", kind(a), kind(b)))
}
