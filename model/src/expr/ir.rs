//! The lowered tree: variables are slots, fields are indices, functions are pointers.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::EvalError;
use super::fit::Fit;
use super::parse::LoopKind;
use crate::value::Value;

/// Variables of macros that can be in scope at once: two levels, up to two each.
pub(super) const LOCALS: usize = 4;

/// A value that is borrowed where it can be.
pub(super) type Held<'a> = Cow<'a, Value>;

/// A function's arguments and result.
pub(super) type Function = fn(&[Held<'_>]) -> Result<Value, EvalError>;

/// A function by name, so that a lowered tree can be shown.
#[derive(Clone, Copy)]
pub(super) struct Builtin {
    pub name: &'static str,
    pub run: Function,
    /// Whether it goes through the lists and texts that it is given, which is work.
    pub walks: bool,
}

impl Builtin {
    /// A function that goes through its arguments.
    pub const fn new(name: &'static str, run: Function) -> Builtin {
        Builtin { name, run, walks: true }
    }

    /// A function that looks at one place of its arguments.
    pub const fn glancing(name: &'static str, run: Function) -> Builtin {
        Builtin { name, run, walks: false }
    }
}

impl fmt::Debug for Builtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Which comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// A node of the lowered tree.
#[derive(Clone, Debug)]
pub(super) enum Ir {
    Const(Value),
    Slot(usize),
    Local(usize),
    Field(Box<Ir>, usize),
    /// A field of `event` where several event types are possible: `type` tells which index.
    EventField {
        event: usize,
        kind: usize,
        table: Arc<[(Arc<str>, usize)]>,
    },
    Not(Box<Ir>),
    And(Box<Ir>, Box<Ir>),
    Or(Box<Ir>, Box<Ir>),
    If(Box<[Ir; 3]>),
    Equal(Box<Ir>, Box<Ir>),
    NotEqual(Box<Ir>, Box<Ir>),
    Compare(Order, Box<Ir>, Box<Ir>),
    IsNull(Box<Ir>),
    List(Box<[Ir]>),
    Map(Box<[(Ir, Ir)]>),
    Record(Box<[Ir]>),
    Loop(Box<Loop>),
    Call(Builtin, Box<[Ir]>),
    /// `matches` with its pattern compiled at load.
    Matches(Box<Ir>, Arc<regex::Regex>),
    Fit(Box<Ir>, Arc<Fit>),
    NewId,
}

/// A macro over a list or the keys of a map.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub kind: LoopKind,
    pub range: Ir,
    /// Which local holds the element.
    pub local: usize,
    pub filter: Option<Ir>,
    pub body: Ir,
}

impl Ir {
    /// The constant that this is.
    pub fn constant(&self) -> Option<&Value> {
        match self {
            Ir::Const(value) => Some(value),
            _ => None,
        }
    }

    /// The constant text that this is.
    pub fn constant_text(&self) -> Option<&Arc<str>> {
        match self {
            Ir::Const(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}
