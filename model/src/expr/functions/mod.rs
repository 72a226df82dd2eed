//! The functions of expressions: a table of signatures, and what they do, by subject.

use super::ir::{Builtin, Function, Held};
use super::{EvalError, Type, compare};
use crate::value::Value;

pub(super) mod arithmetic;
pub(super) mod claims;
pub(super) mod convert;
pub(super) mod format;
pub(super) mod lists;
pub(super) mod math;
pub(super) mod text;
pub(super) mod time;

/// What a parameter takes. A claim fits everywhere and is tested at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Param {
    Int,
    Double,
    Text,
    Texts,
    Time,
    Duration,
    /// A list of anything.
    List,
    /// A list whose elements have an order.
    Ordered,
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    Bool,
    Int,
    Double,
    Text,
    Texts,
    Ints,
    Date,
    /// The type of the first argument.
    Same,
    /// An element of the first argument.
    Element,
}

/// One way to call a function.
#[derive(Clone, Copy)]
pub(super) struct Signature {
    pub name: &'static str,
    /// Called as `target.name(…)`; the target is the first parameter.
    pub method: bool,
    pub params: &'static [Param],
    pub gives: Gives,
    pub run: Function,
}

/// `method`: a row of a table of functions called on a value.
pub(super) const fn method(
    name: &'static str,
    params: &'static [Param],
    gives: Gives,
    run: Function,
) -> Signature {
    Signature { name, method: true, params, gives, run }
}

/// `global`: a row of a table of functions called by name.
pub(super) const fn global(
    name: &'static str,
    params: &'static [Param],
    gives: Gives,
    run: Function,
) -> Signature {
    Signature { name, method: false, params, gives, run }
}

/// All simple functions. Those whose types need more than a row are known to the checker.
pub(super) fn signatures() -> impl Iterator<Item = &'static Signature> {
    [text::TABLE, lists::TABLE, math::TABLE, time::TABLE].into_iter().flatten()
}

impl Signature {
    pub fn builtin(&self) -> Builtin {
        Builtin::new(self.name, self.run)
    }

    /// The type of the result.
    pub fn result(&self, first: Option<&Type>) -> Type {
        match self.gives {
            Gives::Bool => Type::Bool,
            Gives::Int => Type::Int,
            Gives::Double => Type::Double,
            Gives::Text => Type::Text,
            Gives::Texts => Type::List(Type::Text.into()),
            Gives::Ints => Type::List(Type::Int.into()),
            Gives::Date => Type::Date,
            Gives::Same => first.cloned().unwrap_or(Type::Never),
            Gives::Element => match first {
                Some(Type::List(inner)) => (**inner).clone(),
                Some(Type::Dyn) => Type::Dyn,
                _ => Type::Never,
            },
        }
    }
}

impl Param {
    /// Whether an argument of this type may be given.
    pub fn takes(self, ty: &Type) -> bool {
        match (self, ty) {
            (_, Type::Dyn | Type::Never) => true,
            (Param::Int, ty) => *ty == Type::Int,
            (Param::Double, ty) => *ty == Type::Double,
            (Param::Text, ty) => ty.is_text(),
            (Param::Texts, Type::List(inner)) => inner.is_text() || **inner == Type::Never,
            (Param::Time, ty) => ty.is_time(),
            (Param::Duration, ty) => *ty == Type::Duration,
            (Param::List, Type::List(_)) => true,
            (Param::Ordered, Type::List(inner)) => inner.is_ordered(),
            _ => false,
        }
    }

    /// For messages.
    pub fn name(self) -> &'static str {
        match self {
            Param::Int => "int",
            Param::Double => "double",
            Param::Text => "text",
            Param::Texts => "list of text",
            Param::Time => "timestamp",
            Param::Duration => "duration",
            Param::List => "list",
            Param::Ordered => "list of ordered values",
        }
    }
}

type Given<'a> = Result<&'a Value, EvalError>;

fn wrong<T>(wanted: &str, found: &Value) -> Result<T, EvalError> {
    Err(EvalError(format!("expected {wanted}, found {}", compare::kind(found))))
}

/// The argument at a position.
pub(super) fn arg<'a>(args: &'a [Held<'_>], index: usize) -> Given<'a> {
    args.get(index).map(|a| &**a).ok_or_else(|| EvalError("an argument is missing".to_owned()))
}

pub(super) fn text_arg<'a>(
    args: &'a [Held<'_>],
    index: usize,
) -> Result<&'a std::sync::Arc<str>, EvalError> {
    match arg(args, index)? {
        Value::Text(text) => Ok(text),
        other => wrong("a text", other),
    }
}

pub(super) fn int_arg(args: &[Held<'_>], index: usize) -> Result<i64, EvalError> {
    match arg(args, index)? {
        Value::Int(i) => Ok(*i),
        other => wrong("an int", other),
    }
}

pub(super) fn double_arg(args: &[Held<'_>], index: usize) -> Result<f64, EvalError> {
    match arg(args, index)? {
        Value::Double(d) => Ok(*d),
        other => wrong("a double", other),
    }
}

pub(super) fn time_arg(args: &[Held<'_>], index: usize) -> Result<i64, EvalError> {
    match arg(args, index)? {
        Value::Timestamp(ms) => Ok(*ms),
        other => wrong("a timestamp", other),
    }
}

pub(super) fn list_arg<'a>(args: &'a [Held<'_>], index: usize) -> Result<&'a [Value], EvalError> {
    match arg(args, index)? {
        Value::List(items) => Ok(items),
        other => wrong("a list", other),
    }
}
