//! Views: what a row is made from, its typed columns, and the key that tells rows apart.

mod columns;
mod keys;
mod measures;

use std::sync::Arc;

use super::compiler::{Checker, scope, with_element};
use super::definition::{RollupDef, ViewDef};
use super::document::Text;
use super::hash;
use super::names::{MAX_NAME, is_kebab, kebab};
use crate::domain::{
    Column, EventType, Fold, Measure, Placed, Rollup, RowView, View, ViewKind, ViewSource,
};
use crate::expr::{Scope, Type, Want};
use crate::schema::{FieldShape, RecordShape, Shape};

/// Most buckets that a partition key may be spread over.
const MAX_BUCKETS: u32 = 1_024;

/// What the expressions of one view are compiled with.
pub(super) struct Frame<'a> {
    def: &'a ViewDef<'a>,
    scope: Scope,
    facts: Vec<&'a str>,
    of_events: bool,
}

impl Checker<'_, '_> {
    /// Checks a view; `None` where it is wrong.
    pub(super) fn view(&mut self, def: &ViewDef<'_>, events: &[Option<EventType>]) -> Option<View> {
        let errors = self.report.len();
        self.view_name(def.name);
        let buckets = self.buckets(def.buckets);
        let (scope, of) = self.view_scope(def, events)?;
        let each = self.each(def.each, def.filter, &scope);
        if def.each.is_some() && each.is_none() {
            return None;
        }
        let scope = with_element(&scope, each.as_ref());
        let filter = def.filter.and_then(|filter| self.compile(filter, &scope, &Want::Bool, &[]));
        let facts = def.filter.iter().map(|filter| filter.text).collect();
        let frame = Frame { def, scope, facts, of_events: of.is_some() };
        let kind = match &def.rollup {
            Some(rollup) => self.rollup(&frame, rollup).map(ViewKind::Rollup),
            None => self.row_view(&frame, each.is_some()).map(ViewKind::Rows),
        }?;
        let row_shape = Arc::new(self.row_shape(def.name.text, &kind));
        let allow = def.allow.and_then(|allow| self.view_allow(allow, &row_shape));
        let source = match (of, each) {
            (Some(of), each) => ViewSource::Events { of, each },
            (None, Some(each)) => ViewSource::Each(each),
            (None, None) => ViewSource::State,
        };
        let hash = hash::view(&self.aggregate, def, &kind);
        (self.report.len() == errors).then(|| View {
            name: def.name.text.into(),
            aggregate: self.aggregate.clone(),
            source,
            filter,
            allow,
            row_shape,
            buckets,
            kind,
            hash,
            place: self.place_text(def.name.node),
        })
    }

    fn view_name(&mut self, name: Text<'_>) {
        if !is_kebab(name.text) || name.text.len() > MAX_NAME {
            let hint = kebab(name.text).map(|right| format!("did you mean `{right}`?"));
            let message = format!("`{}` is no view name: kebab-case, 1 to 40", name.text);
            self.hinted(name.node, message, hint);
        }
    }

    fn buckets(&mut self, buckets: Option<Text<'_>>) -> u32 {
        let Some(buckets) = buckets else { return 1 };
        match buckets.text.parse() {
            Ok(count @ 1..=MAX_BUCKETS) => count,
            _ => {
                let message = format!("`buckets` can't be `{}`", buckets.text);
                self.hinted(
                    buckets.node,
                    message,
                    format!("write a number from 1 to {MAX_BUCKETS}"),
                );
                1
            }
        }
    }

    /// The variables of a view's expressions, without an element; and the events it is made of.
    fn view_scope(
        &mut self,
        def: &ViewDef<'_>,
        events: &[Option<EventType>],
    ) -> Option<(Scope, Option<Vec<usize>>)> {
        let state = Type::Record(self.state()?);
        let Some((node, names)) = &def.of else {
            let variables = [("state", state), ("id", self.id_type()), ("version", Type::Int)];
            return Some((scope(variables), None));
        };
        if names.is_empty() {
            self.hinted(node, "`of` names no event", "write `of: [OrderPaid]`".to_owned());
        }
        for (index, name) in names.iter().enumerate() {
            if names[..index].iter().any(|known| known.text == name.text) {
                self.error(name.node, format!("`{}` is in `of` twice", name.text));
            }
        }
        let of = self.events_of(names)?;
        // Events with errors of their own are not there to be looked at.
        let types: Vec<&EventType> =
            of.iter().filter_map(|index| events.get(*index)?.as_ref()).collect();
        if types.len() != of.len() {
            return None;
        }
        let deletes = types.iter().any(|event| matches!(event.fold, Fold::Delete));
        let state = if deletes { Type::Nullable(Arc::new(state)) } else { state };
        let shared = shared_fields(&types)?;
        let names = types.iter().map(|event| event.name.clone()).collect();
        let mut scope = scope([
            ("event", Type::Record(shared)),
            ("type", self.event_names(names)),
            ("time", Type::Timestamp),
            ("id", self.id_type()),
            ("version", Type::Int),
            ("state", state),
        ]);
        if types.len() > 1 {
            scope.event_types =
                types.iter().map(|event| (event.name.clone(), event.record.clone())).collect();
        }
        Some((scope, Some(of)))
    }

    fn row_view(&mut self, frame: &Frame<'_>, each: bool) -> Option<RowView> {
        let mut columns = self.columns(frame, &frame.def.fields, "fields")?;
        let named = self.named_columns(frame, &columns);
        let mut ties = vec!["id"];
        ties.extend(frame.of_events.then_some("version"));
        ties.extend(each.then_some("index"));
        let at = self.place_text(frame.def.name.node);
        for tie in ties {
            let declared = frame
                .def
                .fields
                .iter()
                .any(|(name, text)| name.text == tie && text.text.trim() == tie);
            if !declared {
                let expr = self.attempt(tie, &frame.scope, &Want::Any, &[]).ok()?;
                let placed = Placed { expr, source: tie.into(), place: at.clone() };
                columns.push(columns::appended(tie, placed, &columns));
            }
        }
        named.then(|| keys::row_view(frame.def, columns))
    }

    fn rollup(&mut self, frame: &Frame<'_>, def: &RollupDef<'_>) -> Option<Rollup> {
        let group = self.columns(frame, &def.group, "group");
        let measures = self.measures(frame, def);
        let group = group?;
        for column in def.group.iter().zip(&group) {
            self.key_type(column.0.0, column.1);
        }
        let named = self.named_columns(frame, &group);
        named.then_some(())?;
        Some(keys::rollup(frame.def, group, measures?))
    }

    fn row_shape(&self, view: &str, kind: &ViewKind) -> RecordShape {
        let fields = match kind {
            ViewKind::Rows(rows) => {
                rows.columns.iter().filter(|column| column.shown).map(column_field).collect()
            }
            ViewKind::Rollup(rollup) => {
                let measures = rollup.measures.iter().map(measure_field);
                rollup.group.iter().map(column_field).chain(measures).collect()
            }
        };
        let namespace = self.aggregate.replace('-', "_");
        let full_name = format!("foldline.{namespace}.{}_row", view.replace('-', "_")).into();
        RecordShape { full_name, aliases: Vec::new(), fields, doc: None }
    }

    fn view_allow(&mut self, allow: Text<'_>, row: &Arc<RecordShape>) -> Option<Placed> {
        let scope = scope([("row", Type::Record(row.clone())), ("actor", Type::Actor)]);
        self.compile(allow, &scope, &Want::Bool, &[])
    }
}

/// The fields that all events have by name and type, in the order of the first.
fn shared_fields(types: &[&EventType]) -> Option<Arc<RecordShape>> {
    let (first, others) = types.split_first()?;
    if others.is_empty() {
        return Some(first.record.clone());
    }
    let shared = first.record.fields.iter().filter(|field| {
        others.iter().all(|other| {
            other.record.index_of(&field.name).is_some_and(|index| {
                Type::of(&other.record.fields[index].shape) == Type::of(&field.shape)
            })
        })
    });
    Some(Arc::new(RecordShape {
        full_name: "foldline.Event".into(),
        aliases: Vec::new(),
        fields: shared.cloned().collect(),
        doc: None,
    }))
}

fn column_field(column: &Column) -> FieldShape {
    field(column.name.clone(), column.shape.clone())
}

fn measure_field(measure: &Measure) -> FieldShape {
    field(measure.name.clone(), measures::shape(measure.kind))
}

fn field(name: Arc<str>, shape: Shape) -> FieldShape {
    FieldShape { name, aliases: Vec::new(), shape, default: None, doc: None }
}
