//! `event` where it may be of several types.

use std::sync::Arc;

use super::names::choices;
use super::{Checked, Checker, Typed};
use crate::expr::Type;
use crate::expr::ir::Ir;
use crate::expr::parse::Node;
use crate::expr::types::nearest;

impl Checker<'_> {
    /// A field of `event` that all event types possible here share.
    pub(super) fn event_field(&mut self, node: &Node, typed: Typed, field: &str) -> Checked {
        let Ir::Slot(event) = typed.ir else { return None };
        let kind = self.slot("type");
        let possible = self.possible_events();
        let mut table = Vec::new();
        let mut shared: Option<Type> = None;
        for i in possible.iter().copied() {
            let (name, record) = &self.scope.event_types[i];
            let index = record.index_of(field);
            let ty = index.map(|i| Type::of(&record.fields[i].shape));
            match (index, ty) {
                (Some(index), Some(ty)) if shared.as_ref().is_none_or(|s| *s == ty) => {
                    table.push((Arc::clone(name), index));
                    shared = Some(ty);
                }
                _ => return self.not_shared(node, &possible, field),
            }
        }
        let (Some(ty), Some(kind)) = (shared, kind) else {
            return self.report(node.at, "no event can be here", None);
        };
        self.reads[kind] = true;
        let ir = match &table[..] {
            [(_, index)] if self.scope.event_types.len() == 1 => {
                Ir::Field(Box::new(Ir::Slot(event)), *index)
            }
            _ => Ir::EventField { event, kind, table: table.into() },
        };
        Some(Typed { ir, ty })
    }

    fn not_shared(&mut self, node: &Node, possible: &[usize], field: &str) -> Checked {
        let events = &self.scope.event_types;
        if let [only] = possible {
            let record = Arc::clone(&events[*only].1);
            self.field_of(node, &record, field)?;
        }
        let having: Vec<&str> = possible
            .iter()
            .map(|i| &events[*i])
            .filter(|(_, r)| r.index_of(field).is_some())
            .map(|(n, _)| &**n)
            .collect();
        let (message, hint) = match having.first() {
            Some(first) => (
                format!("not every event here has `{field}` with one type"),
                format!(
                    "test the type first: `type == '{first}' && …` or `type == '{first}' ? … : …`"
                ),
            ),
            None => {
                let all: Vec<&str> = possible
                    .iter()
                    .flat_map(|i| events[*i].1.fields.iter().map(|f| &*f.name))
                    .collect();
                let hint = match nearest(field, all.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("they have {}", choices(all.into_iter())),
                };
                (format!("no event here has a field `{field}`"), hint)
            }
        };
        self.report(node.at, message, Some(hint))
    }

    /// `event` as a whole has a type only where one event type is possible.
    pub(super) fn whole_event(&mut self, node: &Node, typed: Typed) -> Checked {
        if self.scope.event_types.is_empty() {
            return Some(typed);
        }
        match self.possible_events()[..] {
            [only] => {
                let record = Arc::clone(&self.scope.event_types[only].1);
                Some(Typed { ir: typed.ir, ty: Type::Record(record) })
            }
            _ => {
                let hint = "use its fields, or test `type == '…'` first".to_owned();
                self.report(node.at, "event may be of several types here", Some(hint))
            }
        }
    }
}
