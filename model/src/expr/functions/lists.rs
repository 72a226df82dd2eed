//! cel-go's extension lists, and `put` and `drop` on maps.

use std::sync::Arc;

use super::Param::{Int, List, Ordered};
use super::{Gives, Signature, arg, global, int_arg, list_arg, method, text_arg, wrong};
use crate::expr::eval::{MAX_LIST, failed};
use crate::expr::ir::Held;
use crate::expr::{EvalError, compare};
use crate::value::Value;

type Made = Result<Value, EvalError>;

/// Longest `lists.range`.
const MAX_RANGE: i64 = 10_000;

pub(super) const TABLE: &[Signature] = &[
    global("lists.range", &[Int], Gives::Ints, range),
    method("slice", &[List, Int, Int], Gives::Same, slice),
    method("distinct", &[List], Gives::Same, distinct),
    method("sort", &[Ordered], Gives::Same, sort),
    method("reverse", &[List], Gives::Same, reverse),
    method("first", &[List], Gives::Element, |a| end(a, <[Value]>::first)),
    method("last", &[List], Gives::Element, |a| end(a, <[Value]>::last)),
];

fn made(items: Vec<Value>) -> Made {
    Ok(Value::List(Arc::new(items)))
}

fn range(args: &[Held<'_>]) -> Made {
    match int_arg(args, 0)? {
        n if n > MAX_RANGE => failed(format!("lists.range({n}) is longer than {MAX_RANGE}")),
        n => made((0..n.max(0)).map(Value::Int).collect()),
    }
}

fn slice(args: &[Held<'_>]) -> Made {
    let (items, from, to) = (list_arg(args, 0)?, int_arg(args, 1)?, int_arg(args, 2)?);
    let place = |i: i64| usize::try_from(i).ok();
    match place(from).zip(place(to)).and_then(|(from, to)| items.get(from..to)) {
        Some(part) => made(part.to_vec()),
        None => failed(format!("slice {from} to {to} is outside a list of {}", items.len())),
    }
}

fn distinct(args: &[Held<'_>]) -> Made {
    let items = list_arg(args, 0)?;
    let mut kept: Vec<Value> = Vec::new();
    // Texts and ints, the usual elements, are found by hash; the rest one by one, within a bound.
    let mut texts = std::collections::HashSet::new();
    let mut ints = std::collections::HashSet::new();
    for item in items {
        let new = match item {
            Value::Text(text) => texts.insert(text),
            Value::Int(i) => ints.insert(*i),
            _ if kept.len() > 1_000 => return failed("distinct takes too much work"),
            other => !kept.iter().any(|k| compare::equal(k, other)),
        };
        if new {
            kept.push(item.clone());
        }
    }
    made(kept)
}

fn sort(args: &[Held<'_>]) -> Made {
    made(compare::sorted(list_arg(args, 0)?.to_vec(), |item| item)?)
}

fn reverse(args: &[Held<'_>]) -> Made {
    made(list_arg(args, 0)?.iter().rev().cloned().collect())
}

fn end(args: &[Held<'_>], of: fn(&[Value]) -> Option<&Value>) -> Made {
    match of(list_arg(args, 0)?) {
        Some(item) => Ok(item.clone()),
        None => failed("an empty list has no first or last element"),
    }
}

/// `list.flatten()` and `list.flatten(depth)`: the depth is always given.
pub(in crate::expr) fn flatten(args: &[Held<'_>]) -> Made {
    let mut flat = Vec::new();
    flatten_into(list_arg(args, 0)?, int_arg(args, 1)?, &mut flat)?;
    made(flat)
}

fn flatten_into(items: &[Value], depth: i64, flat: &mut Vec<Value>) -> Result<(), EvalError> {
    for item in items {
        match item {
            Value::List(inner) if depth > 0 => flatten_into(inner, depth - 1, flat)?,
            other => flat.push(other.clone()),
        }
        if flat.len() > MAX_LIST {
            return failed("a list grows too long");
        }
    }
    Ok(())
}

/// `put(map, key, value)`.
pub(in crate::expr) fn put(args: &[Held<'_>]) -> Made {
    match arg(args, 0)? {
        Value::Map(map) => {
            let mut map = (**map).clone();
            map.insert(Arc::clone(text_arg(args, 1)?), arg(args, 2)?.clone());
            Ok(Value::Map(Arc::new(map)))
        }
        other => wrong("a map", other),
    }
}

/// `drop(map, key)`.
pub(in crate::expr) fn drop_key(args: &[Held<'_>]) -> Made {
    match arg(args, 0)? {
        Value::Map(map) => {
            let mut map = (**map).clone();
            map.remove(text_arg(args, 1)?);
            Ok(Value::Map(Arc::new(map)))
        }
        other => wrong("a map", other),
    }
}
