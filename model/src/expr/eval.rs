//! Evaluation of a lowered tree. Borrows from the frame wherever it can; never panics, whatever
//! the frame holds.

mod loops;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::ir::{Builtin, Held, Ir, LOCALS, Order};
use super::{Env, EvalError, compare, fit};
use crate::value::Value;

/// Steps that one evaluation may take.
const MAX_STEPS: u32 = 10_000_000;
/// Elements of a list that is built on the way to a result.
pub(super) const MAX_LIST: usize = 100_000;

static NULL: Value = Value::Null;

type Eval<'a> = Result<Held<'a>, EvalError>;

/// The variables: the scope's, then those of macros.
#[derive(Clone, Copy)]
pub(super) struct Frame<'a> {
    slots: &'a [Value],
    locals: [&'a Value; LOCALS],
}

/// What an evaluation uses up.
pub(super) struct Run<'e> {
    env: &'e mut dyn Env,
    steps: u32,
}

/// Evaluates a tree with one value per slot.
pub(super) fn run(ir: &Ir, slots: &[Value], env: &mut dyn Env) -> Result<Value, EvalError> {
    let frame = Frame { slots, locals: [&NULL; LOCALS] };
    let mut run = Run { env, steps: MAX_STEPS };
    run.eval(ir, &frame).map(Cow::into_owned)
}

pub(super) fn failed<T>(text: impl Into<String>) -> Result<T, EvalError> {
    Err(EvalError(text.into()))
}

fn owned<'a>(value: Value) -> Eval<'a> {
    Ok(Cow::Owned(value))
}

impl Run<'_> {
    fn charge(&mut self, steps: usize) -> Result<(), EvalError> {
        let left = u32::try_from(steps).ok().and_then(|s| self.steps.checked_sub(s));
        match left {
            Some(left) => self.steps = left,
            None => {
                self.steps = 0;
                return failed("the expression takes too much work");
            }
        }
        Ok(())
    }

    fn eval<'a>(&mut self, ir: &'a Ir, frame: &Frame<'a>) -> Eval<'a> {
        self.charge(1)?;
        match ir {
            Ir::Const(value) => Ok(Cow::Borrowed(value)),
            Ir::Slot(slot) => match frame.slots.get(*slot) {
                Some(value) => Ok(Cow::Borrowed(value)),
                None => failed("a variable is missing"),
            },
            Ir::Local(local) => Ok(Cow::Borrowed(frame.locals[*local])),
            Ir::Field(of, index) => field(self.eval(of, frame)?, *index),
            Ir::EventField { event, kind, table } => event_field(frame, *event, *kind, table),
            Ir::If(parts) => {
                let chosen = if self.truth(&parts[0], frame)? { &parts[1] } else { &parts[2] };
                self.eval(chosen, frame)
            }
            Ir::Call(function, args) => self.call(*function, args, frame),
            Ir::Loop(l) => self.run_loop(l, frame).map(Cow::Owned),
            Ir::List(items) => {
                let items = items.iter().map(|i| self.own(i, frame)).collect::<Result<_, _>>()?;
                owned(Value::List(Arc::new(items)))
            }
            Ir::Map(entries) => self.map(entries, frame),
            Ir::Record(fields) => {
                let fields = fields.iter().map(|f| self.own(f, frame)).collect::<Result<_, _>>()?;
                owned(Value::Record(Arc::new(fields)))
            }
            Ir::Fit(of, fit) => {
                let value = self.eval(of, frame)?;
                fit::apply(fit, value)
            }
            Ir::NewId => owned(Value::Text(self.env.new_id())),
            _ => self.boolean(ir, frame).map(|b| Cow::Owned(Value::Bool(b))),
        }
    }

    fn own<'a>(&mut self, ir: &'a Ir, frame: &Frame<'a>) -> Result<Value, EvalError> {
        self.eval(ir, frame).map(Cow::into_owned)
    }

    /// Evaluates a condition.
    fn truth<'a>(&mut self, ir: &'a Ir, frame: &Frame<'a>) -> Result<bool, EvalError> {
        match ir {
            Ir::Not(_)
            | Ir::And(..)
            | Ir::Or(..)
            | Ir::Equal(..)
            | Ir::NotEqual(..)
            | Ir::Compare(..)
            | Ir::IsNull(_)
            | Ir::Matches(..) => self.boolean(ir, frame),
            _ => match &*self.eval(ir, frame)? {
                Value::Bool(b) => Ok(*b),
                other => failed(format!("expected a boolean, found {}", compare::kind(other))),
            },
        }
    }

    fn boolean<'a>(&mut self, ir: &'a Ir, frame: &Frame<'a>) -> Result<bool, EvalError> {
        match ir {
            Ir::Not(of) => self.truth(of, frame).map(|b| !b),
            Ir::And(a, b) => self.decided_by(false, a, b, frame),
            Ir::Or(a, b) => self.decided_by(true, a, b, frame),
            Ir::Equal(a, b) => self.equal(a, b, frame),
            Ir::NotEqual(a, b) => self.equal(a, b, frame).map(|e| !e),
            Ir::IsNull(of) => Ok(matches!(&*self.eval(of, frame)?, Value::Null)),
            Ir::Compare(order, a, b) => {
                let (a, b) = (self.eval(a, frame)?, self.eval(b, frame)?);
                let found = compare::order(&a, &b)?;
                Ok(match order {
                    Order::Less => found == Ordering::Less,
                    Order::LessEqual => found != Ordering::Greater,
                    Order::Greater => found == Ordering::Greater,
                    Order::GreaterEqual => found != Ordering::Less,
                })
            }
            Ir::Matches(of, pattern) => match &*self.eval(of, frame)? {
                Value::Text(text) => Ok(pattern.is_match(text)),
                other => failed(format!("expected a text, found {}", compare::kind(other))),
            },
            _ => failed("expected a boolean"),
        }
    }

    /// `&&` (decided by false) and `||` (decided by true): an error on one side does not matter
    /// where the other side decides.
    fn decided_by<'a>(
        &mut self,
        decisive: bool,
        a: &'a Ir,
        b: &'a Ir,
        frame: &Frame<'a>,
    ) -> Result<bool, EvalError> {
        match self.truth(a, frame) {
            Ok(value) if value == decisive => Ok(decisive),
            Ok(_) => self.truth(b, frame),
            Err(error) => match self.truth(b, frame) {
                Ok(value) if value == decisive => Ok(decisive),
                _ => Err(error),
            },
        }
    }

    fn equal<'a>(&mut self, a: &'a Ir, b: &'a Ir, frame: &Frame<'a>) -> Result<bool, EvalError> {
        let (a, b) = (self.eval(a, frame)?, self.eval(b, frame)?);
        self.charge(compare::size(&a).min(compare::size(&b)))?;
        Ok(compare::equal(&a, &b))
    }

    fn call<'a>(&mut self, function: Builtin, args: &'a [Ir], frame: &Frame<'a>) -> Eval<'a> {
        // Arguments of common calls live on the stack.
        let value = match args {
            [a] => {
                let arg = self.eval(a, frame)?;
                self.invoke(function, &[arg])?
            }
            [a, b] => {
                let args = [self.eval(a, frame)?, self.eval(b, frame)?];
                self.invoke(function, &args)?
            }
            many => {
                let args =
                    many.iter().map(|a| self.eval(a, frame)).collect::<Result<Vec<_>, _>>()?;
                self.invoke(function, &args)?
            }
        };
        owned(value)
    }

    fn invoke(&mut self, function: Builtin, args: &[Held<'_>]) -> Result<Value, EvalError> {
        if function.walks {
            let work = |arg: &Held<'_>| match &**arg {
                // A key is found in a map without going through it.
                Value::Map(_) => 0,
                other => compare::size(other),
            };
            self.charge(args.iter().map(work).sum())?;
        }
        let value = (function.run)(args)?;
        if function.walks {
            self.charge(compare::size(&value))?;
        }
        Ok(value)
    }

    fn map<'a>(&mut self, entries: &'a [(Ir, Ir)], frame: &Frame<'a>) -> Eval<'a> {
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            let Value::Text(key) = self.own(key, frame)? else {
                return failed("the key of a map must be a text");
            };
            if map.insert(Arc::clone(&key), self.own(value, frame)?).is_some() {
                return failed(format!("the map has the key '{key}' twice"));
            }
        }
        owned(Value::Map(Arc::new(map)))
    }
}

/// A field, borrowed where its record is.
fn field(of: Held<'_>, index: usize) -> Eval<'_> {
    let missing = || EvalError("a record is missing where a field of it is read".to_owned());
    match of {
        Cow::Borrowed(Value::Record(fields)) => {
            fields.get(index).map(Cow::Borrowed).ok_or_else(missing)
        }
        Cow::Owned(Value::Record(fields)) => {
            fields.get(index).cloned().map(Cow::Owned).ok_or_else(missing)
        }
        _ => Err(missing()),
    }
}

fn event_field<'a>(
    frame: &Frame<'a>,
    event: usize,
    kind: usize,
    table: &[(Arc<str>, usize)],
) -> Eval<'a> {
    let (Some(event), Some(Value::Text(kind))) = (frame.slots.get(event), frame.slots.get(kind))
    else {
        return failed("the event is missing");
    };
    match table.iter().find(|(name, _)| name == kind) {
        Some((_, index)) => field(Cow::Borrowed(event), *index),
        None => failed(format!("the event {kind} does not have the field")),
    }
}
