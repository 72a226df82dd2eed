//! Fitting an expression to what its place wants; constants are tested here and now.

use std::sync::Arc;

use super::{Checked, Checker, Typed};
use crate::expr::functions::time::is_midnight;
use crate::expr::ir::Ir;
use crate::expr::parse::{Kind, Node};
use crate::expr::types::nearest;
use crate::expr::{Type, Want, fit};
use crate::schema::{EnumShape, Shape};
use crate::value::Value;

impl Checker<'_> {
    /// Fits the whole expression to its place.
    pub(super) fn want(&mut self, node: &Node, typed: Typed, want: &Want) -> Checked {
        let fits = match want {
            Want::Any => true,
            Want::Shape(shape) => return self.fit(node, typed, shape, None),
            Want::Bool => matches!(typed.ty, Type::Bool | Type::Dyn),
            Want::List => matches!(typed.ty, Type::List(_)),
            Want::Measure { double } => match typed.ty {
                Type::Int | Type::Decimal(_) => true,
                Type::Double => *double,
                _ => false,
            },
        };
        if fits {
            return Some(typed);
        }
        if matches!(typed.ty, Type::Nullable(_)) {
            return self.refuse_null(node, &typed.ty);
        }
        let wanted = match want {
            Want::Bool => "a boolean",
            Want::List => "a list",
            Want::Measure { double: true } => "an int, a decimal or a double",
            _ => "an int or a decimal",
        };
        let message = format!("expected {wanted}, found {}", typed.ty.describe());
        self.report(node.start(), message, None)
    }

    /// Fits a value to a shape.
    pub(super) fn fit(
        &mut self,
        node: &Node,
        typed: Typed,
        shape: &Shape,
        field: Option<&str>,
    ) -> Checked {
        let ty = Type::of(shape);
        match (typed.ir, &node.kind) {
            (Ir::Const(value), _) => self.fit_constant(node, value, &typed.ty, shape, field),
            (Ir::If(parts), Kind::If(nodes)) => {
                let [condition, a, b] = *parts;
                let a = self.fit_branch(&nodes[1], a, &typed.ty, shape, field);
                let b = self.fit_branch(&nodes[2], b, &typed.ty, shape, field);
                Some(Typed { ir: Ir::If(Box::new([condition, a?, b?])), ty })
            }
            (ir, _) => {
                let plan = match fit::plan(&typed.ty, shape) {
                    Ok(plan) => plan,
                    Err(fit::Misfit(hint)) => {
                        return self.misfit(node, &typed.ty, shape, field, hint);
                    }
                };
                let ir = match plan {
                    Some(plan) => Ir::Fit(Box::new(ir), Arc::new(plan)),
                    None => ir,
                };
                Some(Typed { ir, ty })
            }
        }
    }

    fn fit_branch(
        &mut self,
        node: &Node,
        ir: Ir,
        joined: &Type,
        shape: &Shape,
        field: Option<&str>,
    ) -> Option<Ir> {
        let own = self.branches.get(&std::ptr::from_ref(node)).cloned();
        // A branch that was brought to other places has the joined type.
        let ty = own.filter(|own| fit::align(own, joined).is_none()).unwrap_or(joined.clone());
        self.fit(node, Typed { ir, ty }, shape, field).map(|t| t.ir)
    }

    fn misfit<T>(
        &mut self,
        node: &Node,
        ty: &Type,
        shape: &Shape,
        field: Option<&str>,
        hint: Option<String>,
    ) -> Option<T> {
        let wanted = Type::of(shape).describe();
        let message = match field {
            Some(field) => format!("`{field}` is {wanted}, found {}", ty.describe()),
            None => format!("expected {wanted}, found {}", ty.describe()),
        };
        self.report(node.start(), message, hint)
    }

    fn fit_constant(
        &mut self,
        node: &Node,
        value: Value,
        ty: &Type,
        shape: &Shape,
        field: Option<&str>,
    ) -> Checked {
        match constant(&value, ty, shape) {
            Ok(value) => Some(Typed { ir: Ir::Const(value), ty: Type::of(shape) }),
            Err(Wrong::Text(message, hint)) => self.report(node.start(), message, hint),
            Err(Wrong::Type) => {
                let hint = fit::plan(ty, shape).err().and_then(|m| m.0);
                self.misfit(node, ty, shape, field, hint)
            }
        }
    }

    /// Tests the constants in `other` against the symbols (or form) of what they are compared
    /// with.
    pub(super) fn symbols(&mut self, with: &Typed, node: &Node, other: &Typed) -> Option<()> {
        let mut texts = Vec::new();
        constant_texts(&other.ir, &mut texts);
        let events = match with.ir {
            Ir::Slot(slot) => self.is_event_type(&self.scope.variables[slot].0),
            _ => false,
        };
        for text in texts {
            let wrong = match with.ty.not_null() {
                Type::Enum(symbols) => symbol(text, &symbols).err(),
                Type::Uuid => match fit::uuid(text) {
                    Some(lower) if lower == **text => None,
                    _ => Some((
                        format!("'{text}' is no uuid in lower case"),
                        Some("uuids look like '3f2b8c1e-0d4a-4e6f-9b7a-5c1d2e3f4a5b'".to_owned()),
                    )),
                },
                _ if events => self.event_name(text),
                _ => None,
            };
            if let Some((message, hint)) = wrong {
                return self.report(node.start(), message, hint);
            }
        }
        Some(())
    }

    fn event_name(&self, text: &str) -> Option<(String, Option<String>)> {
        let names = self.scope.event_types.iter().map(|(name, _)| &**name);
        if names.clone().any(|n| n == text) {
            return None;
        }
        let hint = match nearest(text, names.clone()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("the view is of {}", names.collect::<Vec<_>>().join(", ")),
        };
        Some((format!("'{text}' is no event of this view"), Some(hint)))
    }
}

/// The constant texts that an expression can yield, lists and branches looked through.
fn constant_texts<'i>(ir: &'i Ir, texts: &mut Vec<&'i Arc<str>>) {
    match ir {
        Ir::Const(Value::Text(text)) => texts.push(text),
        Ir::Const(Value::List(items)) => texts.extend(items.iter().filter_map(|i| match i {
            Value::Text(text) => Some(text),
            _ => None,
        })),
        Ir::List(items) => items.iter().for_each(|i| constant_texts(i, texts)),
        Ir::If(parts) => {
            constant_texts(&parts[1], texts);
            constant_texts(&parts[2], texts);
        }
        _ => {}
    }
}

type WrongText = (String, Option<String>);

fn symbol(text: &str, symbols: &EnumShape) -> Result<(), WrongText> {
    if symbols.symbols.iter().any(|s| **s == *text) {
        return Ok(());
    }
    let name = crate::expr::types::short(&symbols.full_name);
    let hint = match nearest(text, symbols.symbols.iter().map(|s| &**s)) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("its symbols are {}", fit::listed(&symbols.symbols)),
    };
    Err((format!("'{text}' is no symbol of {name}"), Some(hint)))
}

/// Why a constant does not fit.
enum Wrong {
    Type,
    Text(String, Option<String>),
}

fn wrong<T>(message: String) -> Result<T, Wrong> {
    Err(Wrong::Text(message, None))
}

/// A constant as a value of a shape.
fn constant(value: &Value, ty: &Type, shape: &Shape) -> Result<Value, Wrong> {
    match (value, shape) {
        (Value::Null, Shape::Null | Shape::Nullable { .. }) => Ok(Value::Null),
        (_, Shape::Nullable { inner, .. }) => constant(value, &ty.not_null(), inner),
        (Value::Int(i), Shape::Double) => match *i as f64 {
            exact if exact as i128 == i128::from(*i) => Ok(Value::Double(exact)),
            _ => wrong(format!("{i} is not exact as a double")),
        },
        (Value::Text(text), Shape::Enum(symbols)) if ty.is_text() => match symbol(text, symbols) {
            Ok(()) => Ok(value.clone()),
            Err((message, hint)) => Err(Wrong::Text(message, hint)),
        },
        (Value::Text(text), Shape::Uuid) => match fit::uuid(text) {
            Some(lower) => Ok(Value::Text(lower.into())),
            None => wrong(format!("'{text}' is no uuid")),
        },
        (Value::Timestamp(ms), Shape::Date) if is_midnight(*ms) => Ok(value.clone()),
        (Value::List(items), Shape::Array(inner)) => {
            let Type::List(ty) = ty else { return Err(Wrong::Type) };
            let items = items.iter().map(|i| constant(i, ty, inner)).collect::<Result<_, _>>()?;
            Ok(Value::List(Arc::new(items)))
        }
        (Value::Map(map), Shape::Map(inner)) => {
            let Type::Map(ty) = ty else { return Err(Wrong::Type) };
            let fitted = map
                .iter()
                .map(|(k, v)| Ok((Arc::clone(k), constant(v, ty, inner)?)))
                .collect::<Result<_, _>>()?;
            Ok(Value::Map(Arc::new(fitted)))
        }
        _ => planned(value, ty, shape),
    }
}

/// A constant whose type fits, tested now as it would be at run time.
fn planned(value: &Value, ty: &Type, shape: &Shape) -> Result<Value, Wrong> {
    match fit::plan(ty, shape) {
        Ok(None) => Ok(value.clone()),
        Ok(Some(plan)) => match fit::apply(&plan, std::borrow::Cow::Borrowed(value)) {
            Ok(fitted) => Ok(fitted.into_owned()),
            Err(error) => wrong(error.0),
        },
        Err(_) => Err(Wrong::Type),
    }
}
