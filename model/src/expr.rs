//! Expressions: CEL text is parsed by the `cel` crate, checked and lowered here into a typed tree,
//! and evaluated here. The only module that names `cel`.
//!
//! Planned inside: `types`, `check` (names, field paths, types, null narrowing, decimal places,
//! record building, depth of comprehensions), `ir`, `eval`, `functions/*`.

use std::sync::Arc;

use crate::schema::{EnumShape, RecordShape, Shape};
use crate::value::Value;

/// The static type of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Only null.
    Null,
    /// Boolean.
    Bool,
    /// Avro int and long; `range32` where it is known to fit an Avro int.
    Int,
    /// Double.
    Double,
    /// Text; with symbols where it is known to be one of an enum's.
    Text,
    /// An enum's symbol (is text; constants compared with it are checked against the symbols).
    Enum(Arc<EnumShape>),
    /// A uuid's text.
    Uuid,
    /// Bytes.
    Bytes,
    /// A timestamp.
    Timestamp,
    /// A timestamp known to be a midnight UTC (is a timestamp).
    Date,
    /// A CEL duration (difference of timestamps), in milliseconds.
    Duration,
    /// A decimal with this many places.
    Decimal(u8),
    /// A list.
    List(Arc<Type>),
    /// A map from text.
    Map(Arc<Type>),
    /// A record.
    Record(Arc<RecordShape>),
    /// The caller: `sub`, `roles`, `scopes`, `claims`.
    Actor,
    /// A value out of `actor.claims`, whose type is known only at run time.
    Dyn,
    /// The inner type or null.
    Nullable(Arc<Type>),
}

impl Type {
    /// The type of values of a shape.
    pub fn of(_shape: &Shape) -> Type {
        todo!("expr")
    }

    /// The Avro shape that a view column of this type gets (`Int` becomes `Long`, `Decimal(p)`
    /// precision 28); `None` where the type can't be a column (Actor, Dyn, Duration).
    pub fn to_shape(&self) -> Option<Shape> {
        todo!("expr")
    }
}

/// The variables that an expression sees, in slot order.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Name and type of each variable; the value of slot `i` is `frame[i]` at run time.
    pub variables: Vec<(Arc<str>, Type)>,
    /// Whether `new_id()` may be called (only in `with`).
    pub new_id: bool,
    /// For a view of several events: each event type with its full record, so that `event` can be
    /// narrowed after `type == 'X'`. Then the variable `event` is declared with a record of the
    /// shared fields, but its run-time value is the full record of the event at hand, and
    /// `Frame::event_type` says which.
    pub event_types: Vec<(Arc<str>, Arc<RecordShape>)>,
}

/// What the place of an expression asks of its type.
#[derive(Clone, Debug)]
pub enum Want {
    /// Any type.
    Any,
    /// A boolean (rules, `when`, `where`, `allow`).
    Bool,
    /// A list (`each`).
    List,
    /// A value for an Avro field or column of this shape (int fits double only via `double()`,
    /// text fits an enum only if constant or of that enum, a range check is made for Avro int).
    Shape(Shape),
    /// An integer, decimal or (if the flag is set) double, never nullable: an operand of `sum`.
    Measure {
        /// Whether a double is allowed too.
        double: bool,
    },
}

/// One thing wrong in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExprError {
    /// Byte offset into the expression's text.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Records and enums that an expression may build or name, by short name (`Line{…}`).
pub type Types<'a> = &'a dyn Fn(&str) -> Option<Shape>;

/// A checked expression, ready to evaluate. Immutable, shared, cheap to clone.
#[derive(Clone, Debug)]
pub struct Expr {
    // planned: the lowered tree
    ty: Type,
}

/// What an evaluation may ask for beyond its variables.
pub trait Env {
    /// A fresh UUIDv7 text.
    fn new_id(&mut self) -> Arc<str>;
}

/// An expression that failed at run time: overflow, division by zero, missing key, …
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvalError(pub String);

impl Expr {
    /// Parses, checks and lowers `source`, collecting every error. `facts` are expressions known to
    /// be true where this one is evaluated (conjuncts of `where` or of the entry's own `when`):
    /// they narrow nullable paths and `type == 'X'`.
    pub fn compile(
        _source: &str,
        _scope: &Scope,
        _types: Types<'_>,
        _want: &Want,
        _facts: &[&str],
    ) -> Result<Expr, Vec<ExprError>> {
        todo!("expr")
    }

    /// Its static type, after fitting to what was wanted.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Whether the variable in this slot is read anywhere.
    pub fn reads(&self, _slot: usize) -> bool {
        todo!("expr")
    }

    /// The state/record paths read, as dotted text rooted at a variable (`state.balance`), for the
    /// `values` of a dry run.
    pub fn paths(&self) -> &[Arc<str>] {
        todo!("expr")
    }

    /// Whether this is nothing but a path of plain field selections (its value is a part of a
    /// variable, so it can be no larger).
    pub fn is_path(&self) -> bool {
        todo!("expr")
    }

    /// Evaluates with one value per slot of the scope. A result that was compiled with
    /// `Want::Shape` fits that shape exactly (decimal places and int range included).
    pub fn eval(&self, _frame: &[Value], _env: &mut dyn Env) -> Result<Value, EvalError> {
        todo!("expr")
    }
}
