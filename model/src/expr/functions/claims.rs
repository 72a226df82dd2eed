//! Reading `actor.claims`, maps and lists: whatever is not there is an error.

use super::{arg, wrong};
use crate::expr::eval::failed;
use crate::expr::ir::Held;
use crate::expr::{EvalError, compare};
use crate::value::Value;

type Made = Result<Value, EvalError>;

/// `a[b]` and `a.b` on lists and maps.
pub(in crate::expr) fn index(args: &[Held<'_>]) -> Made {
    match (arg(args, 0)?, arg(args, 1)?) {
        (Value::Map(map), Value::Text(key)) => match map.get(key) {
            Some(value) => Ok(value.clone()),
            None => failed(format!("the map has no key '{key}'")),
        },
        (Value::List(items), Value::Int(i)) => {
            match usize::try_from(*i).ok().and_then(|i| items.get(i)) {
                Some(value) => Ok(value.clone()),
                None => failed(format!("index {i} is outside a list of {}", items.len())),
            }
        }
        (of, key) => {
            failed(format!("{} has no element at {}", compare::kind(of), compare::kind(key)))
        }
    }
}

/// `has(a.b)` on maps.
pub(in crate::expr) fn has(args: &[Held<'_>]) -> Made {
    match (arg(args, 0)?, arg(args, 1)?) {
        (Value::Map(map), Value::Text(key)) => Ok(Value::Bool(map.contains_key(key))),
        (of, _) => wrong("a map", of),
    }
}

/// `a in b`.
pub(in crate::expr) fn contains(args: &[Held<'_>]) -> Made {
    let wanted = arg(args, 0)?;
    match (wanted, arg(args, 1)?) {
        (_, Value::List(items)) => Ok(Value::Bool(items.iter().any(|i| compare::equal(i, wanted)))),
        (Value::Text(key), Value::Map(map)) => Ok(Value::Bool(map.contains_key(key))),
        (_, Value::Map(_)) => Ok(Value::Bool(false)),
        (_, other) => wrong("a list or a map", other),
    }
}

/// `size(a)`.
pub(in crate::expr) fn size(args: &[Held<'_>]) -> Made {
    let count = match arg(args, 0)? {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.len(),
        other => return wrong("a text, list or map", other),
    };
    Ok(Value::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}
