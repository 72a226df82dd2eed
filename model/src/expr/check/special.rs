//! Functions whose types need more than a row of a table.

use std::sync::Arc;

use super::build::aligned;
use super::calls::Call;
use super::operators::{join_parts, mix_hint};
use super::{Checked, Checker, Typed, folded};
use crate::expr::Type;
use crate::expr::functions::time::is_midnight;
use crate::expr::functions::{arithmetic, claims, convert, format, lists, math};
use crate::expr::ir::{Builtin, Function, Ir};
use crate::value::{Decimal, Value};

/// Their names.
pub(super) const NAMES: [&str; 22] = [
    "size",
    "int",
    "double",
    "string",
    "bool",
    "bytes",
    "timestamp",
    "duration",
    "decimal",
    "dyn",
    "sum",
    "min",
    "max",
    "round",
    "put",
    "drop",
    "new_id",
    "matches",
    "flatten",
    "format",
    "math.least",
    "math.greatest",
];

fn made(name: &'static str, run: Function, args: Vec<Ir>, ty: Type) -> Checked {
    Some(folded(Ir::Call(Builtin::new(name, run), args.into()), ty))
}

impl Checker<'_> {
    /// `None` where the call is none of these.
    pub(super) fn special(&mut self, call: &Call<'_>) -> Option<Checked> {
        let method = call.target.is_some();
        Some(match (call.name, method, call.args.len()) {
            ("size", _, 1) => self.size(call),
            ("matches", _, 2) => self.matches(call),
            ("flatten", true, 1 | 2) => self.flatten(call),
            ("format", true, 2) => self.format(call),
            ("math.least" | "math.greatest", false, 1..) => self.extreme(call),
            ("new_id", false, 0) => self.new_id(call),
            ("sum" | "min" | "max", false, 1) => self.aggregate(call),
            ("round", false, 2) => self.round(call),
            ("put", false, 3) => self.put(call),
            ("drop", false, 2) => self.drop_key(call),
            ("decimal", false, 1) => self.decimal(call),
            ("timestamp" | "duration", false, 1) => self.time(call),
            ("int" | "double" | "string" | "bool" | "bytes" | "dyn", false, 1) => {
                self.convert(call)
            }
            (name, ..) if NAMES.contains(&name) => self.miscalled(call),
            _ => return None,
        })
    }

    fn miscalled(&mut self, call: &Call<'_>) -> Checked {
        let usage = match call.name {
            "size" => "`size(x)`",
            "matches" => "`text.matches('pattern')`",
            "flatten" => "`list.flatten()`",
            "format" => "`text.format([…])`",
            "new_id" => "`new_id()`",
            "min" => "`min(list)`; of single values `math.least(a, b)`",
            "max" => "`max(list)`; of single values `math.greatest(a, b)`",
            "sum" => "`sum(list)`",
            "round" => "`round(decimal, places)`; for doubles `math.round(x)`",
            "put" => "`put(map, key, value)`",
            "drop" => "`drop(map, key)`",
            "decimal" => "`decimal('1.50')`",
            "math.least" | "math.greatest" => "with at least one argument",
            _ => "with one argument",
        };
        let message = format!("`{}` is not called this way", call.name);
        self.report(call.node.at, message, Some(format!("it is called as {usage}")))
    }

    fn unfit(
        &mut self,
        call: &Call<'_>,
        wanted: &str,
        found: &Type,
        hint: Option<&str>,
    ) -> Checked {
        let message = format!("`{}` needs {wanted}, found {}", call.name, found.describe());
        let at = call.args.first().map_or(call.node.at, |a| a.start());
        self.report(at, message, hint.map(str::to_owned))
    }

    fn size(&mut self, call: &Call<'_>) -> Checked {
        let of = self.present(call.args[0])?;
        match &of.ty {
            Type::List(_) | Type::Map(_) | Type::Bytes | Type::Dyn => {}
            ty if ty.is_text() => {}
            other => return self.unfit(call, "a text, list or map", other, None),
        }
        let size = Builtin::glancing("size", claims::size);
        Some(folded(Ir::Call(size, [of.ir].into()), Type::Int))
    }

    fn matches(&mut self, call: &Call<'_>) -> Checked {
        let (of, pattern) = (self.present(call.args[0]), self.present(call.args[1]));
        let (of, pattern) = (of?, pattern?);
        if !of.ty.is_text() && of.ty != Type::Dyn {
            return self.unfit(call, "a text", &of.ty, None);
        }
        let Some(text) = pattern.ir.constant_text() else {
            let hint = "write the pattern as a constant: `x.matches('^[a-z]+$')`".to_owned();
            return self.report(call.args[1].start(), "the pattern must be constant", Some(hint));
        };
        match regex::RegexBuilder::new(text).size_limit(1 << 20).build() {
            Ok(regex) => Some(folded(Ir::Matches(Box::new(of.ir), Arc::new(regex)), Type::Bool)),
            Err(error) => {
                let last = error.to_string();
                let why = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let message = format!("the pattern is no regular expression: {why}");
                self.report(call.args[1].start(), message, None)
            }
        }
    }

    fn flatten(&mut self, call: &Call<'_>) -> Checked {
        let list = self.present(call.args[0])?;
        let depth = match call.args.get(1) {
            Some(node) => self.constant_int(node, 0, 8)?,
            None => 1,
        };
        let mut ty = list.ty.clone();
        for _ in 0..depth {
            ty = match ty {
                Type::List(inner) if matches!(*inner, Type::List(_)) => (*inner).clone(),
                other => other,
            };
        }
        if !matches!(ty, Type::List(_)) {
            return self.unfit(call, "a list", &ty, None);
        }
        let depth = Ir::Const(Value::Int(depth));
        made("flatten", lists::flatten, vec![list.ir, depth], ty)
    }

    /// `'%s: %d'.format([name, count])`: the list is read as arguments, so its elements may have
    /// different types.
    fn format(&mut self, call: &Call<'_>) -> Checked {
        let pattern = self.present(call.args[0])?;
        let crate::expr::parse::Kind::List(values) = &call.args[1].kind else {
            let hint = "write the values in brackets: `'%s'.format([x])`".to_owned();
            return self.report(call.args[1].start(), "the values must be a list", Some(hint));
        };
        let letters = match pattern.ir.constant_text().map(|text| format::clauses(text)) {
            Some(Ok(letters)) => letters,
            Some(Err(message)) => return self.report(call.args[0].start(), message, None),
            None => {
                return self.report(call.args[0].start(), "the pattern must be constant", None);
            }
        };
        if letters.len() != values.len() {
            let message =
                format!("the pattern has {} clauses for {} values", letters.len(), values.len());
            return self.report(call.args[1].at, message, None);
        }
        let mut args = vec![pattern.ir];
        for (letter, node) in letters.into_iter().zip(values) {
            let value = self.present(node)?;
            if !format::writes(letter, &value.ty) {
                let message = format!("`%{letter}` can't write {}", value.ty.describe());
                return self.report(node.start(), message, None);
            }
            args.push(value.ir);
        }
        made("format", format::format, args, Type::Text)
    }

    /// `math.least(a, b, …)` or of one list.
    fn extreme(&mut self, call: &Call<'_>) -> Checked {
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

    fn new_id(&mut self, call: &Call<'_>) -> Checked {
        if self.scope.new_id {
            return Some(Typed { ir: Ir::NewId, ty: Type::Uuid });
        }
        let hint = "put it into a field of the event, and read that".to_owned();
        self.report(call.node.at, "`new_id()` stands only in `with`", Some(hint))
    }

    /// `sum`, `min`, `max` of a list.
    fn aggregate(&mut self, call: &Call<'_>) -> Checked {
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

    fn constant_int(
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

    fn round(&mut self, call: &Call<'_>) -> Checked {
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

    /// The element type of a map argument, and the key's lowered form.
    fn map_and_key(&mut self, call: &Call<'_>) -> Option<(Typed, Type, Ir)> {
        let (map, key) = (self.present(call.args[0]), self.present(call.args[1]));
        let (map, key) = (map?, key?);
        let Type::Map(inner) = &map.ty else {
            self.unfit(call, "a map", &map.ty, None);
            return None;
        };
        let inner = (**inner).clone();
        if !key.ty.is_text() && key.ty != Type::Dyn {
            let message = format!("the key of a map must be a text, found {}", key.ty.describe());
            return self.report(call.args[1].start(), message, None);
        }
        Some((map, inner, key.ir))
    }

    fn put(&mut self, call: &Call<'_>) -> Checked {
        let (map, value) = (self.map_and_key(call), self.node(call.args[2]));
        let ((map, inner, key), value) = (map?, value?);
        let held = Typed { ir: Ir::Slot(0), ty: inner };
        let Ok(ty) = join_parts(&[&held, &value]) else {
            let message =
                format!("the map holds {}, found {}", held.ty.name(), value.ty.describe());
            let hint = mix_hint(&held.ty, &value.ty);
            return self.report(call.args[2].start(), message, hint);
        };
        self.symbols(&held, call.args[2], &value)?;
        let map_ty = Type::Map(Arc::new(ty.clone()));
        let args = vec![aligned(map, &map_ty), key, aligned(value, &ty)];
        made("put", lists::put, args, map_ty)
    }

    fn drop_key(&mut self, call: &Call<'_>) -> Checked {
        let (map, _, key) = self.map_and_key(call)?;
        made("drop", lists::drop_key, vec![map.ir, key], map.ty)
    }

    fn decimal(&mut self, call: &Call<'_>) -> Checked {
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

    fn time(&mut self, call: &Call<'_>) -> Checked {
        let of = self.present(call.args[0])?;
        let stamp = call.name == "timestamp";
        let fits = match &of.ty {
            Type::Timestamp | Type::Date | Type::Int => stamp,
            Type::Duration => !stamp,
            Type::Dyn => true,
            ty => ty.is_text(),
        };
        if !fits {
            return self.unfit(call, "a text", &of.ty, None);
        }
        let constant = of.ir.constant_text().cloned();
        let typed = if stamp {
            made("timestamp", convert::timestamp, vec![of.ir], Type::Timestamp)?
        } else {
            made("duration", convert::duration, vec![of.ir], Type::Duration)?
        };
        if let (Some(text), None) = (&constant, typed.ir.constant()) {
            let hint = if stamp { "'2026-11-21T10:00:00Z'" } else { "'90s', '1h30m' or '250ms'" };
            let message = format!("'{text}' is no {}", call.name);
            return self.report(call.args[0].start(), message, Some(format!("write {hint}")));
        }
        match typed.ir.constant() {
            Some(Value::Timestamp(ms)) if is_midnight(*ms) => {
                Some(Typed { ir: typed.ir, ty: Type::Date })
            }
            _ => Some(typed),
        }
    }

    fn convert(&mut self, call: &Call<'_>) -> Checked {
        let of = self.present(call.args[0])?;
        let (ty, text) = (of.ty.clone(), of.ty.is_text() || of.ty == Type::Dyn);
        let number = matches!(ty, Type::Int | Type::Double | Type::Decimal(_));
        let (name, run, fits, result): (_, Function, _, _) = match call.name {
            "int" => ("int", convert::int, text || number || ty.is_time(), Type::Int),
            "double" => ("double", convert::double, text || number, Type::Double),
            "bool" => ("bool", convert::bool, text || ty == Type::Bool, Type::Bool),
            "bytes" => ("bytes", convert::bytes, text || ty == Type::Bytes, Type::Bytes),
            "string" if ty == Type::Duration => {
                ("string", convert::duration_string, true, Type::Text)
            }
            "string" => {
                let other = matches!(ty, Type::Bool | Type::Bytes) || ty.is_time();
                ("string", convert::string, text || number || other, Type::Text)
            }
            _ => return Some(of),
        };
        if !fits {
            return self.unfit(call, &format!("something that has {} form", call.name), &ty, None);
        }
        made(name, run, vec![of.ir], result)
    }
}
