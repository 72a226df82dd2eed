//! cel-go's extension math.

use super::Param::{Double, Int};
use super::{Gives, Signature, double_arg, global, int_arg, list_arg};
use crate::expr::EvalError;
use crate::expr::compare;
use crate::expr::eval::failed;
use crate::expr::functions::arithmetic::{double, int};
use crate::expr::ir::Held;
use crate::value::Value;

type Made = Result<Value, EvalError>;

pub(super) const TABLE: &[Signature] = &[
    global("math.abs", &[Int], Gives::Int, |a| int(int_arg(a, 0)?.checked_abs())),
    global("math.abs", &[Double], Gives::Double, |a| double(double_arg(a, 0)?.abs())),
    global("math.sign", &[Int], Gives::Int, |a| Ok(Value::Int(int_arg(a, 0)?.signum()))),
    global("math.sign", &[Double], Gives::Double, sign),
    global("math.ceil", &[Double], Gives::Double, |a| double(double_arg(a, 0)?.ceil())),
    global("math.floor", &[Double], Gives::Double, |a| double(double_arg(a, 0)?.floor())),
    global("math.round", &[Double], Gives::Double, |a| double(double_arg(a, 0)?.round())),
    global("math.trunc", &[Double], Gives::Double, |a| double(double_arg(a, 0)?.trunc())),
    global("math.sqrt", &[Double], Gives::Double, |a| double(double_arg(a, 0)?.sqrt())),
    global("math.sqrt", &[Int], Gives::Double, |a| double((int_arg(a, 0)? as f64).sqrt())),
    global("math.isNaN", &[Double], Gives::Bool, |a| test(a, f64::is_nan)),
    global("math.isInf", &[Double], Gives::Bool, |a| test(a, f64::is_infinite)),
    global("math.isFinite", &[Double], Gives::Bool, |a| test(a, f64::is_finite)),
    global("math.bitAnd", &[Int, Int], Gives::Int, |a| bits(a, |x, y| x & y)),
    global("math.bitOr", &[Int, Int], Gives::Int, |a| bits(a, |x, y| x | y)),
    global("math.bitXor", &[Int, Int], Gives::Int, |a| bits(a, |x, y| x ^ y)),
    global("math.bitNot", &[Int], Gives::Int, |a| Ok(Value::Int(!int_arg(a, 0)?))),
    global("math.bitShiftLeft", &[Int, Int], Gives::Int, |a| {
        shift(a, |x, by| x.checked_shl(by).unwrap_or(0))
    }),
    global("math.bitShiftRight", &[Int, Int], Gives::Int, |a| {
        shift(a, |x, by| (x as u64).checked_shr(by).unwrap_or(0) as i64)
    }),
];

fn sign(args: &[Held<'_>]) -> Made {
    let d = double_arg(args, 0)?;
    Ok(Value::Double(if d == 0.0 { 0.0 } else { d.signum() }))
}

fn test(args: &[Held<'_>], holds: fn(f64) -> bool) -> Made {
    Ok(Value::Bool(holds(double_arg(args, 0)?)))
}

fn bits(args: &[Held<'_>], work: fn(i64, i64) -> i64) -> Made {
    Ok(Value::Int(work(int_arg(args, 0)?, int_arg(args, 1)?)))
}

fn shift(args: &[Held<'_>], work: fn(i64, u32) -> i64) -> Made {
    match u32::try_from(int_arg(args, 1)?) {
        Ok(by) => Ok(Value::Int(work(int_arg(args, 0)?, by))),
        Err(_) => failed("bits can't be shifted by a negative or huge number"),
    }
}

/// `min(list)` and `math.least(…)`.
pub(in crate::expr) fn least(args: &[Held<'_>]) -> Made {
    extreme(args, "min", std::cmp::Ordering::Less)
}

/// `max(list)` and `math.greatest(…)`.
pub(in crate::expr) fn greatest(args: &[Held<'_>]) -> Made {
    extreme(args, "max", std::cmp::Ordering::Greater)
}

fn extreme(args: &[Held<'_>], name: &str, wanted: std::cmp::Ordering) -> Made {
    let mut items = list_arg(args, 0)?.iter();
    let Some(mut best) = items.next() else {
        return failed(format!("{name} of an empty list"));
    };
    for item in items {
        if compare::order(item, best)? == wanted {
            best = item;
        }
    }
    Ok(best.clone())
}
