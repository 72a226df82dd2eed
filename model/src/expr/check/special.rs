//! Functions whose types need more than a row of a table.

mod convert;
mod maps;
mod numbers;
mod text;

use super::calls::Call;
use super::{Checked, Checker, Typed, folded};
use crate::expr::Type;
use crate::expr::functions::{claims, lists};
use crate::expr::ir::{Builtin, Function, Ir};
use crate::value::Value;

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

    fn new_id(&mut self, call: &Call<'_>) -> Checked {
        if self.scope.new_id {
            return Some(Typed { ir: Ir::NewId, ty: Type::Uuid });
        }
        let hint = "put it into a field of the event, and read that".to_owned();
        self.report(call.node.at, "`new_id()` stands only in `with`", Some(hint))
    }
}
