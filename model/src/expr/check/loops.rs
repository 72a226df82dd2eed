//! Macros over lists and maps.

use std::sync::Arc;

use super::{Checked, Checker, Local, Typed};
use crate::expr::Type;
use crate::expr::ir::{self, Ir};
use crate::expr::parse::{Loop, LoopKind, Node};

/// How deep macros may nest.
const MAX_NESTED: usize = 2;

impl Checker<'_> {
    pub(super) fn run_loop(&mut self, node: &Node, l: &Loop) -> Checked {
        let range = self.present(&l.range);
        let element = match range.as_ref().map(|r| &r.ty) {
            Some(Type::List(inner)) => (**inner).clone(),
            Some(Type::Map(_)) => Type::Text,
            Some(Type::Dyn) => Type::Dyn,
            Some(other) => {
                let message = format!("expected a list or a map, found {}", other.describe());
                return self.report(l.range.start(), message, None);
            }
            None => return None,
        };
        if self.loops == MAX_NESTED {
            let hint = "move a part into a view, or into a field of the state".to_owned();
            let message = format!("macros nest more than {MAX_NESTED} deep");
            return self.report(node.at, message, Some(hint));
        }
        let local = self.locals.len();
        self.next_local += 1;
        self.locals.push(Local {
            name: l.variable.clone(),
            ty: element.clone(),
            id: self.next_local,
        });
        self.loops += 1;
        let parts = self.loop_parts(l);
        self.loops -= 1;
        self.locals.truncate(local);
        let (filter, body) = parts?;
        let ty = match l.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => Type::Bool,
            LoopKind::Map => Type::List(Arc::new(body.ty)),
            LoopKind::Filter | LoopKind::SortBy => Type::List(Arc::new(element)),
        };
        let range = range?.ir;
        let lowered = ir::Loop { kind: l.kind, range, local, filter, body: body.ir };
        Some(Typed { ir: Ir::Loop(Box::new(lowered)), ty })
    }

    fn loop_parts(&mut self, l: &Loop) -> Option<(Option<Ir>, Typed)> {
        match l.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne | LoopKind::Filter => {
                let body = self.condition(&l.body)?;
                Some((None, Typed { ir: body, ty: Type::Bool }))
            }
            LoopKind::Map => {
                let Some(filter) = &l.filter else { return Some((None, self.node(&l.body)?)) };
                let known = self.learn(filter, true);
                let condition = self.condition(filter);
                let body = self.assuming(known, |c| c.node(&l.body));
                Some((Some(condition?), body?))
            }
            LoopKind::SortBy => {
                let key = self.present(&l.body)?;
                if !key.ty.is_ordered() {
                    let message = format!("{} has no order", key.ty.describe());
                    return self.report(l.body.start(), message, None);
                }
                Some((None, key))
            }
        }
    }
}
