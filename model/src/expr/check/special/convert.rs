//! Conversions between types, and times out of texts.

use super::super::calls::Call;
use super::super::{Checked, Checker, Typed};
use super::made;
use crate::expr::Type;
use crate::expr::functions::convert;
use crate::expr::functions::time::is_midnight;
use crate::expr::ir::Function;
use crate::value::Value;

impl Checker<'_> {
    pub(super) fn time(&mut self, call: &Call<'_>) -> Checked {
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

    pub(super) fn convert(&mut self, call: &Call<'_>) -> Checked {
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
