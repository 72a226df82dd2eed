//! `text.format([…])`: `%s`, `%d`, `%f`, `%e`, `%x`, `%X`, `%o`, `%b`, `%%`, with a precision as in
//! `%.2f`. The pattern is constant, so its clauses are known at load; values of different types
//! come as arguments of their own.

use super::arithmetic::MAX_TEXT;
use super::convert::{string, written};
use super::{arg, text_arg, wrong};
use crate::expr::eval::failed;
use crate::expr::ir::Held;
use crate::expr::{EvalError, Type};
use crate::value::Value;

/// A part of a pattern: text as it is, or a value and how it is written.
#[derive(Debug, PartialEq, Eq)]
enum Part<'p> {
    Text(&'p str),
    Clause { letter: char, precision: usize },
}

/// The letters of a pattern's clauses, in order; `Err` says what is wrong.
pub(in crate::expr) fn clauses(pattern: &str) -> Result<Vec<char>, String> {
    let letter = |part: &Part<'_>| match part {
        Part::Clause { letter, .. } => Some(*letter),
        Part::Text(_) => None,
    };
    Ok(parts(pattern)?.iter().filter_map(letter).collect())
}

/// Whether a clause can write values of a type.
pub(in crate::expr) fn writes(letter: char, ty: &Type) -> bool {
    let number = matches!(ty, Type::Int | Type::Double | Type::Decimal(_));
    match (letter, ty) {
        (_, Type::Dyn) => true,
        ('s', ty) => number || ty.is_text() || ty.is_time() || *ty == Type::Bool,
        ('d' | 'o' | 'b', ty) => *ty == Type::Int,
        ('x' | 'X', ty) => *ty == Type::Int || ty.is_text(),
        ('f', _) => number,
        (_, ty) => *ty == Type::Double,
    }
}

/// The pattern, then one value per clause.
pub(in crate::expr) fn format(args: &[Held<'_>]) -> Result<Value, EvalError> {
    let pattern = text_arg(args, 0)?;
    let (mut text, mut next) = (String::new(), 1);
    for part in parts(pattern).map_err(EvalError)? {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Clause { letter, precision } => {
                text.push_str(&clause(letter, precision, args, next)?);
                next += 1;
            }
        }
        if text.len() > MAX_TEXT {
            return failed("a text grows too long");
        }
    }
    Ok(Value::Text(text.into()))
}

fn parts(pattern: &str) -> Result<Vec<Part<'_>>, String> {
    let (mut parts, mut rest) = (Vec::new(), pattern);
    while let Some(at) = rest.find('%') {
        parts.push(Part::Text(&rest[..at]));
        let clause = &rest[at + 1..];
        let (precision, clause) = match clause.strip_prefix('.') {
            None => (6, clause),
            Some(digits) => {
                let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
                let precision = digits[..end].parse().ok().filter(|p| *p <= 100);
                (precision.ok_or("a precision is a number up to 100")?, &digits[end..])
            }
        };
        let letter = clause.chars().next().ok_or("the pattern ends after `%`")?;
        parts.push(match letter {
            '%' => Part::Text("%"),
            's' | 'd' | 'f' | 'e' | 'x' | 'X' | 'o' | 'b' => Part::Clause { letter, precision },
            other => return Err(format!("there is no clause `%{other}`")),
        });
        rest = &clause[letter.len_utf8()..];
    }
    parts.push(Part::Text(rest));
    Ok(parts)
}

fn clause(
    letter: char,
    precision: usize,
    args: &[Held<'_>],
    index: usize,
) -> Result<String, EvalError> {
    Ok(match (letter, arg(args, index)?) {
        ('s', _) => match string(&args[index..=index])? {
            Value::Text(text) => text.to_string(),
            other => return wrong("a text", &other),
        },
        ('d', Value::Int(i)) => i.to_string(),
        ('o', Value::Int(i)) => signed(*i, |u| format!("{u:o}")),
        ('b', Value::Int(i)) => signed(*i, |u| format!("{u:b}")),
        ('x', Value::Int(i)) => signed(*i, |u| format!("{u:x}")),
        ('X', Value::Int(i)) => signed(*i, |u| format!("{u:X}")),
        ('x', Value::Text(t)) => t.bytes().map(|b| format!("{b:02x}")).collect(),
        ('X', Value::Text(t)) => t.bytes().map(|b| format!("{b:02X}")).collect(),
        ('f', Value::Int(i)) => format!("{i}{}", zeros(precision)),
        ('f', Value::Double(d)) => format!("{d:.precision$}"),
        ('f', Value::Decimal(d)) => {
            let places = i64::try_from(precision.min(28)).unwrap_or(28);
            let args = [Held::Owned(Value::Decimal(*d)), Held::Owned(Value::Int(places))];
            match super::arithmetic::round(&args)? {
                Value::Decimal(d) => written(d),
                other => return wrong("a decimal", &other),
            }
        }
        ('e', Value::Double(d)) => exponent(&format!("{d:.precision$e}")),
        (letter, other) => {
            let found = crate::expr::compare::kind(other);
            return failed(format!("`%{letter}` can't write {found}"));
        }
    })
}

fn signed(i: i64, write: fn(u64) -> String) -> String {
    let sign = if i < 0 { "-" } else { "" };
    format!("{sign}{}", write(i.unsigned_abs()))
}

fn zeros(precision: usize) -> String {
    if precision == 0 { String::new() } else { format!(".{}", "0".repeat(precision)) }
}

/// `1.5e3` as `1.5e+03`.
fn exponent(text: &str) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}
