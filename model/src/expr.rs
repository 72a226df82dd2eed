//! Expressions: CEL text is parsed by the `cel` crate, checked and lowered here into a typed tree,
//! and evaluated here. The only module that names `cel` (in `parse`).

mod actor;
mod check;
mod compare;
mod eval;
mod fit;
mod functions;
mod ir;
mod parse;
mod types;

use std::sync::Arc;

use crate::schema::{EnumShape, RecordShape, Shape};
use crate::value::Value;
use ir::Ir;

pub use actor::actor_value;

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
    /// The type of the elements of `[]` and `{}`: fits everywhere, has no values.
    Never,
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
pub struct Expr(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    ir: Ir,
    ty: Type,
    reads: Vec<bool>,
    paths: Vec<Arc<str>>,
    path_reads: Vec<PathRead>,
    is_path: bool,
}

/// A path that an expression reads.
#[derive(Clone, Debug)]
struct PathRead {
    text: Arc<str>,
    ir: Ir,
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
        source: &str,
        scope: &Scope,
        types: Types<'_>,
        want: &Want,
        facts: &[&str],
    ) -> Result<Expr, Vec<ExprError>> {
        let outcome = check::check(source, scope, types, want, facts)?;
        Ok(Expr(Arc::new(Compiled {
            ir: outcome.typed.ir,
            ty: outcome.typed.ty,
            reads: outcome.reads,
            paths: outcome.paths.iter().map(|p| Arc::clone(&p.text)).collect(),
            path_reads: outcome.paths,
            is_path: outcome.is_path,
        })))
    }

    /// An expression that always has this value, which must be of this type.
    pub fn constant(value: Value, ty: Type) -> Expr {
        Expr::plain(Ir::Const(value), ty, Vec::new(), false)
    }

    /// The variable in a slot.
    pub fn slot(index: usize, ty: Type) -> Expr {
        let mut reads = vec![false; index + 1];
        reads[index] = true;
        Expr::plain(Ir::Slot(index), ty, reads, true)
    }

    fn plain(ir: Ir, ty: Type, reads: Vec<bool>, is_path: bool) -> Expr {
        let (paths, path_reads) = (Vec::new(), Vec::new());
        Expr(Arc::new(Compiled { ir, ty, reads, paths, path_reads, is_path }))
    }

    /// Its static type, after fitting to what was wanted.
    pub fn ty(&self) -> &Type {
        &self.0.ty
    }

    /// Whether the variable in this slot is read anywhere.
    pub fn reads(&self, slot: usize) -> bool {
        self.0.reads.get(slot).copied().unwrap_or(false)
    }

    /// The state/record paths read, as dotted text rooted at a variable (`state.balance`), for the
    /// `values` of a dry run.
    pub fn paths(&self) -> &[Arc<str>] {
        &self.0.paths
    }

    /// The paths of [`Expr::paths`] with their types and values in a frame; those without a value
    /// there (a field of null) are left out.
    pub fn path_values<'e>(
        &'e self,
        frame: &'e [Value],
    ) -> impl Iterator<Item = (&'e Arc<str>, &'e Type, Value)> {
        self.0.path_reads.iter().filter_map(|path| {
            let value = eval::run(&path.ir, frame, &mut check::Nothing).ok()?;
            Some((&path.text, &path.ty, value))
        })
    }

    /// Whether this is nothing but a path of plain field selections (its value is a part of a
    /// variable, so it can be no larger).
    pub fn is_path(&self) -> bool {
        self.0.is_path
    }

    /// Evaluates with one value per slot of the scope. A result that was compiled with
    /// `Want::Shape` fits that shape exactly (decimal places and int range included).
    pub fn eval(&self, frame: &[Value], env: &mut dyn Env) -> Result<Value, EvalError> {
        eval::run(&self.0.ir, frame, env)
    }
}
