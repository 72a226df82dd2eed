//! Events: what they fold, and whether the first of an aggregate sets all that it must.

use std::sync::Arc;

use super::commands::default_of;
use super::compiler::{Checker, scope};
use super::definition::{CommandDef, EventDef};
use super::document::Text;
use super::first::first_events;
use super::schemas::EventSchemas;
use crate::domain::{EventType, Fold, Placed};
use crate::expr::{Type, Want};
use crate::schema::{RecordShape, Shape};
use crate::value::Value;

impl Checker<'_, '_> {
    /// Checks all events; `None` in the place of one that is wrong.
    pub(super) fn events(&mut self, defs: &[EventDef<'_>]) -> Vec<Option<EventType>> {
        for def in defs {
            self.event_index(def.name);
        }
        let events = self.schemas.events.iter();
        events
            .map(|event| {
                let def = defs.iter().find(|def| def.name.text == event.name);
                self.event_type(event, def)
            })
            .collect()
    }

    fn event_type(
        &mut self,
        event: &EventSchemas,
        def: Option<&EventDef<'_>>,
    ) -> Option<EventType> {
        let record = event.current()?.clone();
        let fold = self.fold(&record, def);
        let upcasts = def.map(|def| def.upcast.as_slice()).unwrap_or_default();
        let versions = self.versions(event, upcasts);
        Some(EventType {
            name: event.name.as_str().into(),
            versions: versions?,
            shape: Shape::Record(record.clone()),
            record,
            fold: fold?,
        })
    }

    fn fold(&mut self, event: &Arc<RecordShape>, def: Option<&EventDef<'_>>) -> Option<Fold> {
        let Some(def) = def else { return Some(Fold::Set(Vec::new())) };
        if def.delete {
            return Some(Fold::Delete);
        }
        let state = self.state()?;
        let scope = scope([
            ("state", Type::Record(state.clone())),
            ("event", Type::Record(event.clone())),
            ("id", self.id_type()),
            ("time", Type::Timestamp),
        ]);
        self.unknown_fields(&def.fold, &state, "`fold`");
        let known =
            def.fold.iter().filter_map(|(name, text)| Some((state.index_of(name.text)?, text)));
        let set: Vec<_> = known
            .map(|(index, text)| {
                let want = Want::Shape(state.fields[index].shape.clone());
                self.compile(*text, &scope, &want, &[]).map(|expr| (index, expr))
            })
            .collect();
        set.into_iter().collect::<Option<_>>().map(Fold::Set)
    }

    /// The record of defaults, after checking that whatever can come first sets the rest.
    pub(super) fn blank(
        &mut self,
        state: &RecordShape,
        commands: &[CommandDef<'_>],
        defs: &[EventDef<'_>],
        events: &[Option<EventType>],
    ) -> Value {
        for name in first_events(commands, defs) {
            if let Some(event) = events.iter().flatten().find(|event| &*event.name == name.text) {
                let def = defs.iter().find(|def| def.name.text == name.text);
                let at = def.map_or(name, |def| def.name);
                self.sets_all(at, state, event);
            }
        }
        let fields = state.fields.iter().map(|field| default_of(field).unwrap_or(Value::Null));
        Value::Record(Arc::new(fields.collect()))
    }

    fn sets_all(&mut self, at: Text<'_>, state: &RecordShape, event: &EventType) {
        let Fold::Set(set) = &event.fold else { return };
        let required =
            state.fields.iter().enumerate().filter(|(_, field)| default_of(field).is_none());
        for (index, field) in required {
            let name = &field.name;
            if !set.iter().any(|(set, _)| *set == index) {
                let message = format!(
                    "`{}` can be an aggregate's first event, but it does not set `{name}`, \
                     which has no default",
                    event.name
                );
                let hint =
                    format!("set `{name}` in its `fold`, or give it a default in state.avsc");
                self.hinted(at.node, message, hint);
            }
            let path = format!("state.{name}");
            if let Some((_, reader)) = set.iter().find(|(_, expr)| reads_path(expr, &path)) {
                let message = format!(
                    "`{}` can be an aggregate's first event, but its fold ({}) reads `{path}`, \
                     which has no default",
                    event.name, reader.place
                );
                let hint = format!("give `{name}` a default in state.avsc");
                self.hinted(at.node, message, hint);
            }
        }
    }

    /// Whether a name given in `of` is an event; its index.
    pub(super) fn events_of(&mut self, names: &[Text<'_>]) -> Option<Vec<usize>> {
        let found: Vec<_> = names.iter().map(|name| self.event_index(*name)).collect();
        found.into_iter().collect()
    }
}

fn reads_path(expr: &Placed, path: &str) -> bool {
    expr.paths().iter().any(|read| {
        read.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}
