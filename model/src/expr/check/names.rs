//! Variables, fields, `has()` and indices.

use std::sync::Arc;

use super::facts::Root;
use super::{Checked, Checker, Typed, folded};
use crate::expr::functions::claims;
use crate::expr::ir::{Builtin, Ir};
use crate::expr::parse::{Kind, Node};
use crate::expr::types::nearest;
use crate::expr::{PathRead, Type};
use crate::schema::RecordShape;
use crate::value::Value;

const INDEX: Builtin = Builtin::glancing("[]", claims::index);
const HAS: Builtin = Builtin::glancing("has", claims::has);

/// The fields of `actor`, in the order of its run-time record.
pub(in crate::expr) const ACTOR: [&str; 4] = ["sub", "roles", "scopes", "claims"];

/// A path as it is written.
pub(super) fn written(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Ident(name) => Some(name.clone()),
        Kind::Select(of, field) => Some(format!("{}.{field}", written(of)?)),
        _ => None,
    }
}

/// ` (it has a, b, c)`, cut where there are many.
pub(super) fn choices<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.collect();
    let more = if names.len() > 12 { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(12)].join(", "))
}

impl Checker<'_> {
    /// The slot of a variable.
    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        self.scope.variables.iter().position(|(n, _)| **n == *name)
    }

    /// A variable or a field, as far outside as it goes: it is what a dry run shows.
    pub(super) fn path(&mut self, node: &Node) -> Checked {
        let typed = self.inner_path(node)?;
        let rooted = self.path_of(node).is_some_and(|p| matches!(p.root, Root::Slot(_)));
        if let (true, Some(text)) = (rooted, written(node))
            && !self.paths.iter().any(|p| *p.text == *text)
        {
            let (ir, ty) = (typed.ir.clone(), typed.ty.clone());
            self.paths.push(PathRead { text: text.into(), ir, ty });
        }
        if matches!((&typed.ir, &node.kind), (Ir::Slot(_), Kind::Ident(n)) if n == "event") {
            return self.whole_event(node, typed);
        }
        Some(typed)
    }

    fn inner_path(&mut self, node: &Node) -> Checked {
        let typed = match &node.kind {
            Kind::Ident(name) => self.variable(node, name),
            Kind::Select(of, field) => {
                let of_typed = match of.kind {
                    Kind::Ident(_) | Kind::Select(..) => self.inner_path(of),
                    _ => self.node(of),
                }?;
                self.select(node, of, of_typed, field)
            }
            _ => self.node(node),
        }?;
        Some(Typed { ty: self.narrowed(node, &typed), ir: typed.ir })
    }

    fn variable(&mut self, node: &Node, name: &str) -> Checked {
        let found = self.locals.iter().enumerate().rfind(|(_, l)| l.name == name);
        if let Some((i, local)) = found {
            return Some(Typed { ir: Ir::Local(i), ty: local.ty.clone() });
        }
        if let Some(slot) = self.slot(name) {
            self.reads[slot] = true;
            return Some(Typed { ir: Ir::Slot(slot), ty: self.scope.variables[slot].1.clone() });
        }
        let known: Vec<String> = self
            .locals
            .iter()
            .map(|l| l.name.clone())
            .chain(self.scope.variables.iter().map(|(n, _)| n.to_string()))
            .collect();
        let hint = match nearest(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "no variables are bound here".to_owned(),
            None => {
                let known = choices(known.iter().map(String::as_str));
                format!("here are {known}; the text would be '{name}', in quotes of its own")
            }
        };
        self.report(node.at, format!("unknown name `{name}`"), Some(hint))
    }

    fn select(&mut self, node: &Node, of: &Node, typed: Typed, field: &str) -> Checked {
        let several = !self.scope.event_types.is_empty();
        if several && matches!((&typed.ir, &of.kind), (Ir::Slot(_), Kind::Ident(n)) if n == "event")
        {
            return self.event_field(node, typed, field);
        }
        match &typed.ty {
            Type::Record(record) => {
                let (index, ty) = self.field_of(node, record, field)?;
                Some(Typed { ir: Ir::Field(Box::new(typed.ir), index), ty })
            }
            Type::Actor => match ACTOR.iter().position(|f| *f == field) {
                Some(index) => {
                    let ty = match index {
                        0 => Type::Text,
                        3 => Type::Dyn,
                        _ => Type::List(Type::Text.into()),
                    };
                    Some(Typed { ir: Ir::Field(Box::new(typed.ir), index), ty })
                }
                None => self.unknown_field(node, "actor", field, ACTOR.into_iter()),
            },
            Type::Map(inner) => {
                let ty = (**inner).clone();
                let key = Ir::Const(Value::Text(field.into()));
                Some(Typed { ir: Ir::Call(INDEX, [typed.ir, key].into()), ty })
            }
            Type::Dyn => {
                let key = Ir::Const(Value::Text(field.into()));
                Some(Typed { ir: Ir::Call(INDEX, [typed.ir, key].into()), ty: Type::Dyn })
            }
            Type::Nullable(_) | Type::Null => self.refuse_null(of, &typed.ty),
            other => {
                let message = format!("{} has no fields", other.describe());
                self.report(node.at, message, None)
            }
        }
    }

    pub(super) fn field_of(
        &mut self,
        node: &Node,
        record: &Arc<RecordShape>,
        field: &str,
    ) -> Option<(usize, Type)> {
        match record.index_of(field) {
            Some(index) => Some((index, Type::of(&record.fields[index].shape))),
            None => {
                let names = record.fields.iter().map(|f| &*f.name);
                self.unknown_field(node, record.name(), field, names)
            }
        }
    }

    fn unknown_field<'n, T>(
        &mut self,
        node: &Node,
        of: &str,
        field: &str,
        names: impl Iterator<Item = &'n str> + Clone,
    ) -> Option<T> {
        let hint = match nearest(field, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", choices(names)),
        };
        self.report(node.at, format!("{of} has no field `{field}`"), Some(hint))
    }

    /// `has(of.field)`.
    pub(super) fn has(&mut self, node: &Node, of: &Node, field: &str) -> Checked {
        let whole =
            Node { at: node.at, kind: Kind::Select(Box::new(of.clone()), field.to_owned()) };
        let of_typed = match of.kind {
            Kind::Ident(_) | Kind::Select(..) => self.inner_path(of)?,
            _ => self.node(of)?,
        };
        match of_typed.ty {
            Type::Map(_) | Type::Dyn => {
                let key = Ir::Const(Value::Text(field.into()));
                Some(folded(Ir::Call(HAS, [of_typed.ir, key].into()), Type::Bool))
            }
            _ => {
                let typed = self.path(&whole)?;
                let is_null = Ir::IsNull(Box::new(typed.ir));
                Some(folded(Ir::Not(Box::new(is_null)), Type::Bool))
            }
        }
    }

    /// `of[key]`.
    pub(super) fn index(&mut self, of: &Node, key: &Node) -> Checked {
        let (of_typed, key_typed) = (self.present(of), self.present(key));
        let (of_typed, key_typed) = (of_typed?, key_typed?);
        let (wanted, ty) = match &of_typed.ty {
            Type::List(inner) => (Type::Int, (**inner).clone()),
            Type::Map(inner) => (Type::Text, (**inner).clone()),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            Type::Record(_) | Type::Actor => {
                let hint = Some("write `record.field`".to_owned());
                return self.report(key.start(), "a record has no index", hint);
            }
            other => {
                let message = format!("{} has no index", other.describe());
                return self.report(of.start(), message, None);
            }
        };
        let given = &key_typed.ty;
        let fits = match wanted {
            Type::Int => matches!(given, Type::Int | Type::Dyn),
            Type::Text => given.is_text() || *given == Type::Dyn,
            _ => given.is_text() || matches!(given, Type::Int | Type::Dyn),
        };
        if !fits {
            let what = if wanted == Type::Int { "an int" } else { "a text" };
            let message = format!("the index must be {what}, found {}", given.describe());
            return self.report(key.start(), message, None);
        }
        Some(folded(Ir::Call(INDEX, [of_typed.ir, key_typed.ir].into()), ty))
    }
}
