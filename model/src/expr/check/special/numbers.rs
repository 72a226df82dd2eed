//! Numbers: sums and extremes of lists, and decimals, whose places are known at load.

use super::super::build::aligned;
use super::super::calls::Call;
use super::super::operators::{join_parts, mix_hint};
use super::super::{Checked, Checker, Typed, folded};
use super::made;
use crate::expr::Type;
use crate::expr::functions::{arithmetic, convert, math};
use crate::expr::ir::Ir;
use crate::value::{Decimal, Value};

impl Checker<'_> {
    /// `math.least(a, b, …)` or of one list.
    pub(super) fn extreme(&mut self, call: &Call<'_>) -> Checked {
        let mut args = self.present_args(call)?;
        let (list, ty) = match (&args[..], args.first().map(|a| a.ty.clone())) {
            ([_], Some(Type::List(inner))) => (args.remove(0).ir, (*inner).clone()),
            _ => {
                let parts: Vec<&Typed> = args.iter().collect();
                let ty = match join_parts(&parts) {
                    Ok(ty) => ty,
                    Err(i) => {
                        let hint = mix_hint(&args[0].ty, &args[i].ty);
                        let message = format!("`{}` needs numbers of one type", call.name);
                        return self.report(call.args[i].start(), message, hint);
                    }
                };
                let items: Vec<Ir> = args.into_iter().map(|a| aligned(a, &ty)).collect();
                (folded(Ir::List(items.into()), Type::Never).ir, ty)
            }
        };
        match ty {
            Type::Int | Type::Double | Type::Decimal(_) | Type::Dyn => {}
            other => return self.unfit(call, "numbers", &other, None),
        }
        let run = if call.name == "math.least" { math::least } else { math::greatest };
        made(if call.name == "math.least" { "least" } else { "greatest" }, run, vec![list], ty)
    }

    /// `sum`, `min`, `max` of a list.
    pub(super) fn aggregate(&mut self, call: &Call<'_>) -> Checked {
        let list = self.present(call.args[0])?;
        let Type::List(inner) = &list.ty else {
            let hint = format!("write `{}(list.map(x, x.field))`", call.name);
            return self.unfit(call, "a list", &list.ty, Some(&hint));
        };
        let ty = (**inner).clone();
        if let Type::Nullable(_) = ty {
            let hint = "leave null out first: `list.filter(x, x != null)` of records".to_owned();
            let message = "an element of the list may be null".to_owned();
            return self.report(call.args[0].start(), message, Some(hint));
        }
        if call.name != "sum" {
            if !ty.is_ordered() {
                return self.unfit(call, "a list of ordered values", &list.ty, None);
            }
            let least = call.name == "min";
            let run = if least { math::least } else { math::greatest };
            return made(if least { "min" } else { "max" }, run, vec![list.ir], ty);
        }
        let (zero, ty) = match ty {
            Type::Int | Type::Never => (Value::Int(0), Type::Int),
            Type::Duration => (Value::Int(0), Type::Duration),
            Type::Double => (Value::Double(0.0), Type::Double),
            Type::Decimal(places) => match Decimal::new(0, places) {
                Some(zero) => (Value::Decimal(zero), Type::Decimal(places)),
                None => return None,
            },
            _ => return self.unfit(call, "a list of numbers", &list.ty, None),
        };
        made("sum", arithmetic::sum, vec![list.ir, Ir::Const(zero)], ty)
    }

    pub(super) fn round(&mut self, call: &Call<'_>) -> Checked {
        let (of, places) = (self.present(call.args[0]), self.constant_int(call.args[1], 0, 28));
        let (of, places) = (of?, places?);
        match of.ty {
            Type::Decimal(_) => {
                let ty = Type::Decimal(u8::try_from(places).unwrap_or(28));
                made("round", arithmetic::round, vec![of.ir, Ir::Const(Value::Int(places))], ty)
            }
            other => {
                self.unfit(call, "a decimal", &other, Some("for doubles there is `math.round(x)`"))
            }
        }
    }

    pub(super) fn decimal(&mut self, call: &Call<'_>) -> Checked {
        let of = self.present(call.args[0])?;
        match (&of.ty, of.ir.constant_text()) {
            (Type::Int, _) => made("decimal", convert::decimal_of, vec![of.ir], Type::Decimal(0)),
            (Type::Decimal(_), _) => Some(of),
            (_, Some(text)) => match convert::parse_decimal(text) {
                Some(d) => {
                    let ty = Type::Decimal(d.places());
                    Some(Typed { ir: Ir::Const(Value::Decimal(d)), ty })
                }
                None => {
                    let message = format!("'{text}' is no decimal of at most 28 digits");
                    let hint = Some("write it as `decimal('1.50')`".to_owned());
                    self.report(call.args[0].start(), message, hint)
                }
            },
            (ty, None) => {
                let ty = ty.clone();
                self.unfit(call, "a constant text", &ty, Some("write `decimal('1.50')`"))
            }
        }
    }

    pub(super) fn constant_int(
        &mut self,
        node: &crate::expr::parse::Node,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        let typed = self.present(node)?;
        match typed.ir {
            Ir::Const(Value::Int(i)) if (least..=most).contains(&i) => Some(i),
            _ => {
                let message = format!("expected a constant int from {least} to {most}");
                self.report(node.start(), message, None)
            }
        }
    }
}
