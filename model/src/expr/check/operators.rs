//! Logic, choice, arithmetic, comparison.

use std::sync::Arc;

use super::build::aligned;
use super::{Checked, Checker, Typed, folded};
use crate::expr::Type;
use crate::expr::functions::{arithmetic, claims};
use crate::expr::ir::{Builtin, Ir, Order};
use crate::expr::parse::{Binary, Node};
use crate::expr::types::join;
use crate::value::Value;

impl Checker<'_> {
    /// `&&` (and) and `||`: the right side is read knowing what the left side tells.
    pub(super) fn logic(&mut self, a: &Node, b: &Node, and: bool) -> Checked {
        let known = self.learn(a, and);
        let left = self.condition(a);
        let right = self.assuming(known, |c| c.condition(b));
        let (left, right) = (Box::new(left?), Box::new(right?));
        let ir = if and { Ir::And(left, right) } else { Ir::Or(left, right) };
        Some(folded(ir, Type::Bool))
    }

    pub(super) fn choice(&mut self, node: &Node, parts: &[Node; 3]) -> Checked {
        let (then, other) = (self.learn(&parts[0], true), self.learn(&parts[0], false));
        let condition = self.condition(&parts[0]);
        let then = self.assuming(then, |c| c.node(&parts[1]));
        let other = self.assuming(other, |c| c.node(&parts[2]));
        let (condition, then, other) = (condition?, then?, other?);
        let Ok(ty) = join_parts(&[&then, &other]) else {
            let (a, b) = (then.ty.describe(), other.ty.describe());
            let hint = mix_hint(&then.ty, &other.ty);
            return self.report(node.start(), format!("the branches are {a} and {b}"), hint);
        };
        for (part, typed) in [(&parts[1], &then), (&parts[2], &other)] {
            self.branches.insert(std::ptr::from_ref(part), typed.ty.clone());
        }
        let parts = Box::new([condition, aligned(then, &ty), aligned(other, &ty)]);
        Some(Typed { ir: Ir::If(parts), ty })
    }

    pub(super) fn negate(&mut self, of: &Node) -> Checked {
        let typed = self.present(of)?;
        match typed.ty {
            Type::Int | Type::Double | Type::Decimal(_) | Type::Dyn | Type::Duration => {
                let negate = Builtin::new("-", arithmetic::negate);
                Some(folded(Ir::Call(negate, [typed.ir].into()), typed.ty))
            }
            other => {
                let message = format!("expected a number, found {}", other.describe());
                self.report(of.start(), message, None)
            }
        }
    }

    pub(super) fn binary(&mut self, node: &Node, op: Binary, a: &Node, b: &Node) -> Checked {
        match op {
            Binary::Equal | Binary::NotEqual => self.equality(node, op, a, b),
            Binary::In => self.membership(node, a, b),
            Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual => {
                self.comparison(node, op, a, b)
            }
            _ => self.arithmetic(node, op, a, b),
        }
    }

    fn arithmetic(&mut self, node: &Node, op: Binary, a: &Node, b: &Node) -> Checked {
        let (x, y) = (self.present(a), self.present(b));
        let (x, y) = (x?, y?);
        let decimal = matches!((&x.ty, &y.ty), (Type::Decimal(_), _) | (_, Type::Decimal(_)));
        if decimal && matches!(op, Binary::Divide | Binary::Remainder) {
            let hint = "multiply by a decimal, or divide ints: `int(d)` cuts".to_owned();
            let message = format!("decimals have no `{}`", op.symbol());
            return self.report(node.at, message, Some(hint));
        }
        let Some(ty) = result_of(op, &x.ty, &y.ty) else {
            return self.refuse_pair(node, op, &x.ty, &y.ty);
        };
        if matches!(ty, Type::Decimal(places) if places > 28) {
            let hint = "round an operand first: `round(d, places)`".to_owned();
            return self.report(node.at, "the product has more than 28 places", Some(hint));
        }
        let (name, run): (_, crate::expr::ir::Function) = match op {
            Binary::Add => ("+", arithmetic::add),
            Binary::Subtract => ("-", arithmetic::subtract),
            Binary::Multiply => ("*", arithmetic::multiply),
            Binary::Divide => ("/", arithmetic::divide),
            _ => ("%", arithmetic::remainder),
        };
        // Lists of decimals come together with one number of places.
        let args = match &ty {
            Type::List(_) => [aligned(x, &ty), aligned(y, &ty)],
            _ => [x.ir, y.ir],
        };
        Some(folded(Ir::Call(Builtin::new(name, run), args.into()), ty))
    }

    fn refuse_pair(&mut self, node: &Node, op: Binary, a: &Type, b: &Type) -> Checked {
        let message = format!("`{}` can't take {} and {}", op.symbol(), a.describe(), b.describe());
        self.report(node.at, message, mix_hint(a, b))
    }

    fn comparison(&mut self, node: &Node, op: Binary, a: &Node, b: &Node) -> Checked {
        let (x, y) = (self.present(a), self.present(b));
        let (x, y) = (x?, y?);
        if !comparable(&x.ty, &y.ty) || !x.ty.is_ordered() || !y.ty.is_ordered() {
            return self.refuse_pair(node, op, &x.ty, &y.ty);
        }
        self.symbols(&x, b, &y)?;
        self.symbols(&y, a, &x)?;
        let order = match op {
            Binary::Less => Order::Less,
            Binary::LessEqual => Order::LessEqual,
            Binary::Greater => Order::Greater,
            _ => Order::GreaterEqual,
        };
        Some(folded(Ir::Compare(order, Box::new(x.ir), Box::new(y.ir)), Type::Bool))
    }

    fn equality(&mut self, node: &Node, op: Binary, a: &Node, b: &Node) -> Checked {
        let (x, y) = (self.node(a), self.node(b));
        let (x, y) = (x?, y?);
        if !comparable(&x.ty.not_null(), &y.ty.not_null()) {
            return self.refuse_pair(node, op, &x.ty, &y.ty);
        }
        self.symbols(&x, b, &y)?;
        self.symbols(&y, a, &x)?;
        let is_null = |t: &Typed| matches!(t.ir, Ir::Const(Value::Null));
        let ir = match op {
            Binary::Equal if is_null(&y) => Ir::IsNull(Box::new(x.ir)),
            Binary::Equal if is_null(&x) => Ir::IsNull(Box::new(y.ir)),
            Binary::Equal => Ir::Equal(Box::new(x.ir), Box::new(y.ir)),
            _ => Ir::NotEqual(Box::new(x.ir), Box::new(y.ir)),
        };
        Some(folded(ir, Type::Bool))
    }

    fn membership(&mut self, node: &Node, a: &Node, b: &Node) -> Checked {
        let (x, y) = (self.node(a), self.present(b));
        let (x, y) = (x?, y?);
        let held = match &y.ty {
            Type::List(inner) => (**inner).clone(),
            Type::Map(_) => Type::Text,
            Type::Dyn => Type::Dyn,
            other => {
                let message = format!("`in` needs a list or a map, found {}", other.describe());
                return self.report(b.start(), message, None);
            }
        };
        if !comparable(&x.ty.not_null(), &held.not_null()) {
            return self.refuse_pair(node, Binary::In, &x.ty, &y.ty);
        }
        self.symbols(&x, b, &y)?;
        self.symbols(&Typed { ir: Ir::Const(Value::Null), ty: held }, a, &x)?;
        let contains = Builtin::new("in", claims::contains);
        Some(folded(Ir::Call(contains, [x.ir, y.ir].into()), Type::Bool))
    }
}

/// Whether values of two types (null aside) may be compared at all.
fn comparable(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Null, _) | (_, Type::Null) => true,
        // Symbols that never meet are a mistake.
        (Type::Enum(x), Type::Enum(y)) => x.symbols.iter().any(|s| y.symbols.contains(s)),
        _ => join(a, b).is_some(),
    }
}

/// The type of an arithmetic result; `None` where the operator can't take the two.
fn result_of(op: Binary, a: &Type, b: &Type) -> Option<Type> {
    use Type::{Bytes, Decimal, Double, Duration, Dyn, Int, List, Text, Timestamp};
    let (add, subtract) = (op == Binary::Add, op == Binary::Subtract);
    Some(match (a, b) {
        (Int, Int) => Int,
        (Double, Double) if op != Binary::Remainder => Double,
        (Decimal(x), Decimal(y)) if op == Binary::Multiply => Decimal(x.saturating_add(*y)),
        (Decimal(x), Decimal(y)) => Decimal(*x.max(y)),
        (Decimal(x), Int | Dyn) | (Int | Dyn, Decimal(x)) => Decimal(*x),
        (x, y) if add && (x.is_text() || *x == Dyn) && (y.is_text()) => Text,
        (x, Dyn) if add && x.is_text() => Text,
        (Int, Dyn) | (Dyn, Int) => Int,
        (Double, Dyn) | (Dyn, Double) => Double,
        (Dyn, Dyn) => Dyn,
        (Bytes, Bytes) if add => Bytes,
        (List(_), List(_)) if add => join(a, b)?,
        (Duration, Duration) if add || subtract => Duration,
        (t, Duration) if t.is_time() && (add || subtract) => Timestamp,
        (Duration, t) if t.is_time() && add => Timestamp,
        (t, u) if t.is_time() && u.is_time() && subtract => Duration,
        _ => return None,
    })
}

/// What people mean who mix two types.
pub(super) fn mix_hint(a: &Type, b: &Type) -> Option<String> {
    let (a, b) = (a.not_null(), b.not_null());
    let has = |wanted: fn(&Type) -> bool| wanted(&a) || wanted(&b);
    let int = has(|t| *t == Type::Int);
    let double = has(|t| *t == Type::Double);
    let decimal = has(|t| matches!(t, Type::Decimal(_)));
    let text = has(Type::is_text);
    let time = has(Type::is_time);
    let list = has(|t| matches!(t, Type::List(_)));
    let hint = match () {
        () if list => "add to a list with `list + [x]`",
        () if int && double => "convert with `double(x)`, or write the constant as `1.0`",
        () if decimal && (double || text) => "write a constant as `decimal('1.50')`",
        () if time && text => "write `timestamp('2026-11-21T10:00:00Z')`, or compare `day(t)`",
        () if time && int => "write a duration as `duration('90s')`",
        () if text => "convert with `string(x)`",
        () => return None,
    };
    Some(hint.to_owned())
}

/// The smallest type of several values; constant texts count as symbols beside an enum.
pub(super) fn join_parts(parts: &[&Typed]) -> Result<Type, usize> {
    let symbols = parts.iter().find_map(|p| match p.ty.not_null() {
        Type::Enum(symbols) => Some(symbols),
        _ => None,
    });
    let effective = |part: &Typed| match (&symbols, part.ir.constant_text()) {
        (Some(symbols), Some(text)) if symbols.symbols.contains(text) => {
            Type::Enum(Arc::clone(symbols))
        }
        _ => part.ty.clone(),
    };
    let mut ty = Type::Never;
    for (i, part) in parts.iter().enumerate() {
        ty = join(&ty, &effective(part)).ok_or(i)?;
    }
    Ok(ty)
}
