//! The checker: a syntax tree and a scope become a lowered tree with a type, or every error.

mod build;
mod calls;
mod events;
mod facts;
mod fitting;
mod loops;
mod names;
mod operators;
mod special;

use std::collections::HashMap;
use std::sync::Arc;

use super::ir::Ir;
use super::parse::{Kind, Literal, Node, parse};
use super::{Env, ExprError, PathRead, Scope, Type, Types, Want, eval};
use crate::value::Value;
use facts::Fact;

/// A checked part of an expression.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub ir: Ir,
    pub ty: Type,
}

/// `None` = an error was reported; what depends on it is not reported too.
pub(super) type Checked = Option<Typed>;

/// A variable of a macro.
#[derive(Clone, Debug)]
struct Local {
    name: String,
    ty: Type,
    /// Unique within the expression, so that facts about one don't hold for another.
    id: usize,
}

/// What checking an expression yields.
pub(super) struct Outcome {
    pub typed: Typed,
    pub reads: Vec<bool>,
    pub paths: Vec<PathRead>,
    pub is_path: bool,
}

/// Walks the tree once.
pub(super) struct Checker<'a> {
    scope: &'a Scope,
    types: Types<'a>,
    errors: Vec<ExprError>,
    locals: Vec<Local>,
    next_local: usize,
    loops: usize,
    facts: Vec<Fact>,
    reads: Vec<bool>,
    paths: Vec<PathRead>,
    /// The types of the branches of `? :` before they were joined.
    branches: HashMap<*const Node, Type>,
}

/// Checks a text for its place.
pub(super) fn check(
    source: &str,
    scope: &Scope,
    types: Types<'_>,
    want: &Want,
    facts: &[&str],
) -> Result<Outcome, Vec<ExprError>> {
    let tree = parse(source).map_err(|error| vec![error])?;
    let mut checker = Checker {
        scope,
        types,
        errors: Vec::new(),
        locals: Vec::new(),
        next_local: 0,
        loops: 0,
        facts: Vec::new(),
        reads: vec![false; scope.variables.len()],
        paths: Vec::new(),
        branches: HashMap::new(),
    };
    // A fact with errors of its own is reported where it is written.
    for fact in facts.iter().filter_map(|f| parse(f).ok()) {
        let learned = checker.learn(&fact, true);
        checker.facts.extend(learned);
    }
    let typed = checker.node(&tree).and_then(|typed| checker.want(&tree, typed, want));
    match typed {
        Some(typed) if checker.errors.is_empty() => Ok(Outcome {
            is_path: is_path(&typed.ir),
            typed,
            reads: checker.reads,
            paths: checker.paths,
        }),
        _ => Err(checker.finish()),
    }
}

/// A variable or a field of one.
fn is_path(ir: &Ir) -> bool {
    match ir {
        Ir::Slot(_) | Ir::EventField { .. } => true,
        Ir::Field(of, _) => is_path(of),
        _ => false,
    }
}

impl Checker<'_> {
    fn finish(mut self) -> Vec<ExprError> {
        if self.errors.is_empty() {
            self.report::<()>(0, "the expression can't be checked", None);
        }
        self.errors.sort_by_key(|e| e.offset);
        self.errors.dedup();
        self.errors
    }

    /// Reports an error; the `None` says so to the caller.
    fn report<T>(
        &mut self,
        offset: usize,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Option<T> {
        self.errors.push(ExprError { offset, message: message.into(), hint });
        None
    }

    fn node(&mut self, node: &Node) -> Checked {
        match &node.kind {
            Kind::Literal(value) => self.literal(node, value),
            Kind::Ident(_) | Kind::Select(..) => self.path(node),
            Kind::Has(of, field) => self.has(node, of, field),
            Kind::Not(of) => {
                let of = self.condition(of)?;
                Some(folded(Ir::Not(Box::new(of)), Type::Bool))
            }
            Kind::And(a, b) => self.logic(a, b, true),
            Kind::Or(a, b) => self.logic(a, b, false),
            Kind::If(parts) => self.choice(node, parts),
            Kind::Negate(of) => self.negate(of),
            Kind::Binary(operator, a, b) => self.binary(node, *operator, a, b),
            Kind::Index(of, key) => self.index(of, key),
            Kind::Call { name, target, args } => self.call(node, name, target.as_deref(), args),
            Kind::List(items) => self.list(items),
            Kind::Map(entries) => self.map(entries),
            Kind::Record { name, fields } => self.record(node, name, fields),
            Kind::Loop(l) => self.run_loop(node, l),
        }
    }

    fn literal(&mut self, node: &Node, value: &Literal) -> Checked {
        let (value, ty) = match value {
            Literal::Null => (Value::Null, Type::Null),
            Literal::Bool(b) => (Value::Bool(*b), Type::Bool),
            Literal::Int(i) => (Value::Int(*i), Type::Int),
            Literal::Double(d) => (Value::Double(*d), Type::Double),
            Literal::Text(t) => (Value::Text(t.as_str().into()), Type::Text),
            Literal::Bytes(b) => (Value::Bytes(b.as_slice().into()), Type::Bytes),
            Literal::Uint => {
                let hint = "leave out the `u`: integers are int".to_owned();
                return self.report(node.at, "there is no uint here", Some(hint));
            }
        };
        Some(Typed { ir: Ir::Const(value), ty })
    }

    /// Checks with more facts in force.
    fn assuming<T>(&mut self, facts: Vec<Fact>, check: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.facts.len();
        self.facts.extend(facts);
        let result = check(self);
        self.facts.truncate(before);
        result
    }

    /// A part that must be true or false.
    fn condition(&mut self, node: &Node) -> Option<Ir> {
        let typed = self.node(node)?;
        match &typed.ty {
            Type::Bool | Type::Dyn => Some(typed.ir),
            Type::Nullable(_) => self.refuse_null(node, &typed.ty),
            other => {
                let message = format!("expected a boolean, found {}", other.describe());
                self.report(node.start(), message, None)
            }
        }
    }

    /// A part that may not be null.
    fn present(&mut self, node: &Node) -> Checked {
        let typed = self.node(node)?;
        match &typed.ty {
            Type::Nullable(_) | Type::Null => self.refuse_null(node, &typed.ty),
            _ => Some(typed),
        }
    }

    fn refuse_null<T>(&mut self, node: &Node, ty: &Type) -> Option<T> {
        let what = names::written(node).unwrap_or_else(|| "this value".to_owned());
        if *ty == Type::Null {
            return self.report(node.start(), format!("{what} is always null here"), None);
        }
        let name = names::written(node).unwrap_or_else(|| "x".to_owned());
        let hint = format!("test it first: `{name} != null && …` or `{name} == null ? … : …`");
        self.report(node.start(), format!("{what} may be null here"), Some(hint))
    }
}

/// No constant expression asks for anything.
pub(super) struct Nothing;

impl Env for Nothing {
    fn new_id(&mut self) -> Arc<str> {
        Arc::from("")
    }
}

/// Evaluates what has only constant parts; what fails is left to fail at run time.
fn folded(ir: Ir, ty: Type) -> Typed {
    let value = if is_constant(&ir) { eval::run(&ir, &[], &mut Nothing).ok() } else { None };
    Typed { ir: value.map_or(ir, Ir::Const), ty }
}

fn is_constant(ir: &Ir) -> bool {
    let constant = |ir: &Ir| matches!(ir, Ir::Const(_));
    match ir {
        Ir::Not(of) | Ir::IsNull(of) | Ir::Fit(of, _) | Ir::Matches(of, _) => constant(of),
        Ir::And(a, b)
        | Ir::Or(a, b)
        | Ir::Equal(a, b)
        | Ir::NotEqual(a, b)
        | Ir::Compare(_, a, b) => constant(a) && constant(b),
        Ir::List(items) | Ir::Record(items) | Ir::Call(_, items) => items.iter().all(constant),
        Ir::Map(entries) => entries.iter().all(|(k, v)| constant(k) && constant(v)),
        _ => false,
    }
}
