//! What a condition tells about nullable paths and about the type of the event.

use std::sync::Arc;

use super::{Checker, Typed};
use crate::expr::Type;
use crate::expr::ir::Ir;
use crate::expr::parse::{Binary, Kind, Literal, Node};

/// A variable and the fields selected from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub root: Root,
    pub fields: Vec<String>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// A variable of the scope.
    Slot(usize),
    /// A variable of a macro, by its unique number.
    Local(usize),
}

/// Something known to be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The path is not null.
    Present(Path),
    /// `has()` holds for the path: of a record's field that is not null, of a map's key that it is
    /// there.
    Has(Path),
    /// The event is of this type.
    Event(Arc<str>),
    /// The event is not of this type.
    NotEvent(Arc<str>),
}

impl Checker<'_> {
    /// The path that a node spells.
    pub(super) fn path_of(&self, node: &Node) -> Option<Path> {
        match &node.kind {
            Kind::Ident(name) => {
                let local = self.locals.iter().rfind(|l| l.name == *name);
                let root = match local {
                    Some(local) => Root::Local(local.id),
                    None => Root::Slot(self.slot(name)?),
                };
                Some(Path { root, fields: Vec::new() })
            }
            Kind::Select(of, field) => {
                let mut path = self.path_of(of)?;
                path.fields.push(field.clone());
                Some(path)
            }
            _ => None,
        }
    }

    /// What is known once a condition is true (or false).
    pub(super) fn learn(&self, node: &Node, holds: bool) -> Vec<Fact> {
        match &node.kind {
            Kind::Not(of) => self.learn(of, !holds),
            Kind::And(a, b) | Kind::Or(a, b) => {
                let both = matches!(node.kind, Kind::And(..)) == holds;
                let (mut known, other) = (self.learn(a, holds), self.learn(b, holds));
                if both {
                    known.extend(other);
                } else {
                    known.retain(|f| other.contains(f));
                }
                known
            }
            Kind::Binary(Binary::Equal, a, b) => self.learn_equal(a, b, holds),
            Kind::Binary(Binary::NotEqual, a, b) => self.learn_equal(a, b, !holds),
            Kind::Has(of, field) if holds => self
                .path_of(of)
                .map(|mut path| {
                    path.fields.push(field.clone());
                    vec![Fact::Has(path)]
                })
                .unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn learn_equal(&self, a: &Node, b: &Node, equal: bool) -> Vec<Fact> {
        match (&a.kind, &b.kind) {
            (_, Kind::Literal(Literal::Null)) if !equal => self.present_path(a),
            (Kind::Literal(Literal::Null), _) if !equal => self.present_path(b),
            (Kind::Ident(name), Kind::Literal(Literal::Text(text)))
            | (Kind::Literal(Literal::Text(text)), Kind::Ident(name))
                if self.is_event_type(name) =>
            {
                let text = Arc::from(text.as_str());
                vec![if equal { Fact::Event(text) } else { Fact::NotEvent(text) }]
            }
            _ => Vec::new(),
        }
    }

    fn present_path(&self, node: &Node) -> Vec<Fact> {
        self.path_of(node).map(Fact::Present).into_iter().collect()
    }

    /// Whether a name is the `type` of a view of several events.
    pub(super) fn is_event_type(&self, name: &str) -> bool {
        name == "type"
            && !self.scope.event_types.is_empty()
            && !self.locals.iter().any(|l| l.name == name)
    }

    /// The type of a path, without null where a fact says so.
    pub(super) fn narrowed(&self, node: &Node, typed: &Typed) -> Type {
        if !matches!(typed.ty, Type::Nullable(_)) {
            return typed.ty.clone();
        }
        let Some(path) = self.path_of(node) else { return typed.ty.clone() };
        let field = matches!(typed.ir, Ir::Field(..) | Ir::EventField { .. });
        let known = self.facts.iter().any(|fact| match fact {
            Fact::Present(known) => *known == path,
            Fact::Has(known) => field && *known == path,
            _ => false,
        });
        if known { typed.ty.not_null() } else { typed.ty.clone() }
    }

    /// The event types that are possible here: indices into the scope's.
    pub(super) fn possible_events(&self) -> Vec<usize> {
        let types = self.scope.event_types.iter().enumerate();
        let excluded = |name: &Arc<str>| self.facts.contains(&Fact::NotEvent(Arc::clone(name)));
        let named = |name: &Arc<str>| self.facts.contains(&Fact::Event(Arc::clone(name)));
        let any_named = self.facts.iter().any(|f| matches!(f, Fact::Event(_)));
        types
            .filter(|(_, (name, _))| if any_named { named(name) } else { !excluded(name) })
            .map(|(i, _)| i)
            .collect()
    }
}
