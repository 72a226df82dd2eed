//! CEL's functions on text and cel-go's extension strings. Positions count code points.

use std::sync::Arc;

use super::Param::{Int, Text, Texts};
use super::arithmetic::MAX_TEXT;
use super::{Gives, Signature, global, int_arg, list_arg, method, text_arg, wrong};
use crate::expr::EvalError;
use crate::expr::eval::failed;
use crate::expr::ir::Held;
use crate::value::Value;

type Made = Result<Value, EvalError>;

pub(super) const TABLE: &[Signature] = &[
    method("contains", &[Text, Text], Gives::Bool, |a| test(a, |t, u| t.contains(u))),
    method("startsWith", &[Text, Text], Gives::Bool, |a| test(a, |t, u| t.starts_with(u))),
    method("endsWith", &[Text, Text], Gives::Bool, |a| test(a, |t, u| t.ends_with(u))),
    method("charAt", &[Text, Int], Gives::Text, char_at),
    method("indexOf", &[Text, Text], Gives::Int, index_of),
    method("indexOf", &[Text, Text, Int], Gives::Int, index_of),
    method("lastIndexOf", &[Text, Text], Gives::Int, last_index_of),
    method("lastIndexOf", &[Text, Text, Int], Gives::Int, last_index_of),
    method("join", &[Texts], Gives::Text, join),
    method("join", &[Texts, Text], Gives::Text, join),
    method("lowerAscii", &[Text], Gives::Text, |a| made(text_arg(a, 0)?.to_ascii_lowercase())),
    method("upperAscii", &[Text], Gives::Text, |a| made(text_arg(a, 0)?.to_ascii_uppercase())),
    method("replace", &[Text, Text, Text], Gives::Text, replace),
    method("replace", &[Text, Text, Text, Int], Gives::Text, replace),
    method("split", &[Text, Text], Gives::Texts, split),
    method("split", &[Text, Text, Int], Gives::Texts, split),
    method("substring", &[Text, Int], Gives::Text, substring),
    method("substring", &[Text, Int, Int], Gives::Text, substring),
    method("trim", &[Text], Gives::Text, |a| made(text_arg(a, 0)?.trim().to_owned())),
    method("reverse", &[Text], Gives::Text, |a| made(text_arg(a, 0)?.chars().rev().collect())),
    global("strings.quote", &[Text], Gives::Text, quote),
];

fn made(text: String) -> Made {
    Ok(Value::Text(text.into()))
}

fn test(args: &[Held<'_>], holds: fn(&str, &str) -> bool) -> Made {
    Ok(Value::Bool(holds(text_arg(args, 0)?, text_arg(args, 1)?)))
}

/// The byte at which a code point begins; the length where it is the one after the last.
fn byte_at(text: &str, position: i64) -> Result<usize, EvalError> {
    let outside = || EvalError(format!("position {position} is outside the text"));
    let wanted = usize::try_from(position).map_err(|_| outside())?;
    let ends = std::iter::once(text.len());
    text.char_indices().map(|(i, _)| i).chain(ends).nth(wanted).ok_or_else(outside)
}

/// How many code points stand before a byte.
fn position_of(text: &str, byte: usize) -> Made {
    let before = text.get(..byte).map_or(0, |t| t.chars().count());
    Ok(Value::Int(i64::try_from(before).unwrap_or(i64::MAX)))
}

fn char_at(args: &[Held<'_>]) -> Made {
    let text = text_arg(args, 0)?;
    let from = byte_at(text, int_arg(args, 1)?)?;
    made(text[from..].chars().take(1).collect())
}

fn index_of(args: &[Held<'_>]) -> Made {
    let (text, wanted) = (text_arg(args, 0)?, text_arg(args, 1)?);
    let from = if args.len() > 2 { byte_at(text, int_arg(args, 2)?)? } else { 0 };
    match text[from..].find(&**wanted) {
        Some(found) => position_of(text, from + found),
        None => Ok(Value::Int(-1)),
    }
}

fn last_index_of(args: &[Held<'_>]) -> Made {
    let (text, wanted) = (text_arg(args, 0)?, text_arg(args, 1)?);
    let last = if args.len() > 2 { byte_at(text, int_arg(args, 2)?)? } else { text.len() };
    // A match may begin at the last position, so it may end after it.
    let end = text.len().min(last.saturating_add(wanted.len()));
    let end = (end..=text.len()).find(|e| text.is_char_boundary(*e)).unwrap_or(text.len());
    match text[..end].rmatch_indices(&**wanted).find(|(i, _)| *i <= last) {
        Some((found, _)) => position_of(text, found),
        None => Ok(Value::Int(-1)),
    }
}

fn join(args: &[Held<'_>]) -> Made {
    let items = list_arg(args, 0)?;
    let between: &str = if args.len() > 1 { text_arg(args, 1)? } else { "" };
    let mut joined = String::new();
    for (i, item) in items.iter().enumerate() {
        let Value::Text(text) = item else { return wrong("a text", item) };
        if i > 0 {
            joined.push_str(between);
        }
        joined.push_str(text);
        if joined.len() > MAX_TEXT {
            return failed("a text grows too long");
        }
    }
    made(joined)
}

fn replace(args: &[Held<'_>]) -> Made {
    let (text, old, new) = (text_arg(args, 0)?, text_arg(args, 1)?, text_arg(args, 2)?);
    let most = if args.len() > 3 { int_arg(args, 3)? } else { -1 };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let count = text.matches(&**old).take(most).count();
    if count.saturating_mul(new.len()).saturating_add(text.len()) > MAX_TEXT {
        return failed("a text grows too long");
    }
    made(text.replacen(&**old, new, count))
}

fn split(args: &[Held<'_>]) -> Made {
    let (text, between) = (text_arg(args, 0)?, text_arg(args, 1)?);
    let most = if args.len() > 2 { int_arg(args, 2)? } else { -1 };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let part = |t: &str| Value::Text(t.into());
    let parts: Vec<Value> = if between.is_empty() {
        letters(text, most).map(part).collect()
    } else {
        text.splitn(most, &**between).map(part).collect()
    };
    if parts.len() > crate::expr::eval::MAX_LIST {
        return failed("a list grows too long");
    }
    Ok(Value::List(Arc::new(parts)))
}

/// One text per code point; the last of `most` takes the rest.
fn letters(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut starts: Vec<usize> = text.char_indices().map(|(i, _)| i).take(most).collect();
    starts.push(text.len());
    (1..starts.len()).map(move |i| &text[starts[i - 1]..starts[i]]).collect::<Vec<_>>().into_iter()
}

fn substring(args: &[Held<'_>]) -> Made {
    let text = text_arg(args, 0)?;
    let from = byte_at(text, int_arg(args, 1)?)?;
    let to = if args.len() > 2 { byte_at(text, int_arg(args, 2)?)? } else { text.len() };
    match text.get(from..to) {
        Some(part) => made(part.to_owned()),
        None => failed("a part of a text ends before it begins"),
    }
}

fn quote(args: &[Held<'_>]) -> Made {
    let mut quoted = String::from('"');
    for letter in text_arg(args, 0)?.chars() {
        match letter {
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    made(quoted)
}
