//! Lists, maps and records.

use std::sync::Arc;

use super::operators::{join_parts, mix_hint};
use super::{Checked, Checker, Typed, folded};
use crate::expr::ir::Ir;
use crate::expr::parse::Node;
use crate::expr::types::{nearest, short};
use crate::expr::{Type, fit};
use crate::schema::{FieldShape, RecordShape, Shape};
use crate::value::Value;

impl Checker<'_> {
    pub(super) fn list(&mut self, items: &[Node]) -> Checked {
        let (items, inner) = self.alike(items.iter())?;
        let ty = Type::List(Arc::new(inner));
        Some(folded(Ir::List(items.into()), ty))
    }

    pub(super) fn map(&mut self, entries: &[(Node, Node)]) -> Checked {
        let keys: Vec<Option<Ir>> = entries.iter().map(|(k, _)| self.key(k)).collect();
        let (values, inner) = self.alike(entries.iter().map(|(_, v)| v))?;
        let keys = keys.into_iter().collect::<Option<Vec<_>>>()?;
        for (i, key) in keys.iter().enumerate() {
            let again = key.constant_text().is_some()
                && keys[..i].iter().any(|k| k.constant_text() == key.constant_text());
            if again {
                return self.report(entries[i].0.start(), "the map has this key twice", None);
            }
        }
        let ty = Type::Map(Arc::new(inner));
        Some(folded(Ir::Map(keys.into_iter().zip(values).collect()), ty))
    }

    fn key(&mut self, node: &Node) -> Option<Ir> {
        let key = self.present(node)?;
        if key.ty.is_text() || key.ty == Type::Dyn {
            return Some(key.ir);
        }
        let message = format!("the key of a map must be a text, found {}", key.ty.describe());
        self.report(node.start(), message, None)
    }

    /// Elements of one type, which null and decimals of fewer places join.
    fn alike<'n>(&mut self, nodes: impl Iterator<Item = &'n Node>) -> Option<(Vec<Ir>, Type)> {
        let nodes: Vec<&Node> = nodes.collect();
        let items: Vec<Checked> = nodes.iter().map(|n| self.node(n)).collect();
        let items = items.into_iter().collect::<Option<Vec<Typed>>>()?;
        let ty = match join_parts(&items.iter().collect::<Vec<_>>()) {
            Ok(ty) => ty,
            Err(i) => {
                let (first, other) = (items[0].ty.name(), items[i].ty.name());
                let message = format!("the elements have different types: {first} and {other}");
                let hint = mix_hint(&items[0].ty, &items[i].ty);
                return self.report(nodes[i].start(), message, hint);
            }
        };
        Some((items.into_iter().map(|i| aligned(i, &ty)).collect(), ty))
    }

    pub(super) fn record(
        &mut self,
        node: &Node,
        name: &str,
        fields: &[(usize, String, Node)],
    ) -> Checked {
        let Some(Shape::Record(record)) = (self.types)(name) else {
            let hint = "records are those of the folder's types and schemas, by short name";
            return self.report(node.at, format!("unknown record `{name}`"), Some(hint.into()));
        };
        for (at, field, _) in fields {
            self.known_field(*at, &record, field);
        }
        let mut made = Vec::with_capacity(record.fields.len());
        for shape in &record.fields {
            let given: Vec<_> = fields.iter().filter(|(_, f, _)| **f == *shape.name).collect();
            if let [_, (at, ..), ..] = given[..] {
                self.report::<()>(*at, format!("field `{}` is given twice", shape.name), None);
            }
            made.push(match given.first() {
                Some((_, _, value)) => self.fit_node(value, &shape.shape, &shape.name),
                None => self.default_of(node, &record, shape),
            });
        }
        let made = made.into_iter().collect::<Option<Vec<Ir>>>()?;
        Some(folded(Ir::Record(made.into()), Type::Record(record)))
    }

    fn known_field(&mut self, at: usize, record: &RecordShape, field: &str) {
        if record.index_of(field).is_some() {
            return;
        }
        let names = record.fields.iter().map(|f| &*f.name);
        let hint = nearest(field, names).map(|n| format!("did you mean `{n}`?"));
        let message = format!("{} has no field `{field}`", record.name());
        self.report::<()>(at, message, hint);
    }

    fn default_of(&mut self, node: &Node, record: &RecordShape, field: &FieldShape) -> Option<Ir> {
        match (&field.default, &field.shape) {
            (Some(value), _) => Some(Ir::Const(value.clone())),
            (None, Shape::Nullable { .. } | Shape::Null) => Some(Ir::Const(Value::Null)),
            (None, _) => {
                let name = short(&record.full_name);
                let message = format!("{name} needs the field `{}`", field.name);
                let hint = format!("write `{name}{{{}: …}}`", field.name);
                self.report(node.at, message, Some(hint))
            }
        }
    }

    fn fit_node(&mut self, node: &Node, shape: &Shape, name: &str) -> Option<Ir> {
        let typed = self.node(node)?;
        self.fit(node, typed, shape, Some(name)).map(|t| t.ir)
    }
}

/// A value brought to the type that it was joined into.
pub(super) fn aligned(typed: Typed, to: &Type) -> Ir {
    match fit::align(&typed.ty, to) {
        Some(plan) => folded(Ir::Fit(Box::new(typed.ir), Arc::new(plan)), to.clone()).ir,
        None => typed.ir,
    }
}
