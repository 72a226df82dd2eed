//! Compiling the expressions of one model.yaml: scopes in, placed expressions out, errors mapped to
//! the line and column of the very character.

use std::sync::Arc;

use super::document::Text;
use super::report::Report;
use super::schemas::Schemas;
use super::source::Source;
use super::yaml::{Node, expression_hint};
use crate::diagnostic::Place;
use crate::domain::{IdKind, Placed};
use crate::expr::{Expr, ExprError, Scope, Type, Want};
use crate::schema::{EnumShape, RecordShape};

/// What all checks of one aggregate share.
pub(super) struct Checker<'a, 'r> {
    pub(super) source: &'a Source,
    pub(super) schemas: &'a Schemas,
    pub(super) report: &'r mut Report,
    pub(super) aggregate: Arc<str>,
    pub(super) id: IdKind,
}

impl Checker<'_, '_> {
    /// Compiles an expression; what is wrong in it is reported.
    pub(super) fn compile(
        &mut self,
        text: Text<'_>,
        scope: &Scope,
        want: &Want,
        facts: &[&str],
    ) -> Option<Placed> {
        match self.attempt(text.text, scope, want, facts) {
            Ok(expr) => {
                let place = self.place_text(text.node);
                Some(Placed { expr, source: text.text.trim().into(), place })
            }
            Err(errors) => {
                self.expression_errors(text, errors);
                None
            }
        }
    }

    /// Compiles an expression without reporting.
    pub(super) fn attempt(
        &self,
        text: &str,
        scope: &Scope,
        want: &Want,
        facts: &[&str],
    ) -> Result<Expr, Vec<ExprError>> {
        Expr::compile(text, scope, &|name| self.schemas.named(name), want, facts)
    }

    /// Reports the errors of an expression at their characters.
    pub(super) fn expression_errors(&mut self, text: Text<'_>, errors: Vec<ExprError>) {
        let quoting = expression_hint(self.source, text.node);
        for ExprError { offset, message, hint } in errors {
            let place = text.node.place_at(self.source, offset);
            self.report.push(place, message, quoting.clone().or(hint));
        }
    }

    /// Where a node starts.
    pub(super) fn place(&self, node: &Node) -> Place {
        node.place(self.source)
    }

    /// `orders/model.yaml:21`.
    pub(super) fn place_text(&self, node: &Node) -> Arc<str> {
        self.source.line_text(node.start).into()
    }

    /// Reports an error at a node.
    pub(super) fn error(&mut self, node: &Node, message: impl Into<String>) {
        self.report.error(self.place(node), message);
    }

    /// Reports an error at a node, with what would be right.
    pub(super) fn hinted(
        &mut self,
        node: &Node,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.report.push(self.place(node), message, hint.into());
    }

    /// The type of `id`.
    pub(super) fn id_type(&self) -> Type {
        match self.id {
            IdKind::Uuid => Type::Uuid,
            IdKind::Text => Type::Text,
        }
    }

    /// The state's record, if its schema is right.
    pub(super) fn state(&self) -> Option<Arc<RecordShape>> {
        self.schemas.state.as_ref().map(|parsed| parsed.shape.clone())
    }

    /// The type of `type` in a view of events: text that is one of their names.
    pub(super) fn event_names(&self, names: Vec<Arc<str>>) -> Type {
        Type::Enum(Arc::new(EnumShape {
            full_name: format!("foldline.{}.EventType", self.aggregate.replace('-', "_")).into(),
            aliases: Vec::new(),
            symbols: names,
            default: None,
            doc: None,
        }))
    }
}

/// A scope of these variables, in slot order.
pub(super) fn scope(variables: impl IntoIterator<Item = (&'static str, Type)>) -> Scope {
    Scope {
        variables: variables.into_iter().map(|(name, ty)| (name.into(), ty)).collect(),
        ..Scope::default()
    }
}

/// The same scope with an element of a list and its index.
pub(super) fn with_element(scope: &Scope, each: Option<&Placed>) -> Scope {
    let mut scope = scope.clone();
    let Some(each) = each else { return scope };
    let element = match each.ty() {
        Type::List(element) => (**element).clone(),
        _ => Type::Dyn,
    };
    scope.variables.push(("it".into(), element));
    scope.variables.push(("index".into(), Type::Int));
    scope
}
