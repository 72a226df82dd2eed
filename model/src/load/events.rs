//! Events: what they fold, how old versions are lifted, and whether versions can live together.

use std::sync::Arc;

use super::commands::default_of;
use super::compiler::{Checker, scope};
use super::definition::{CommandDef, EventDef, UpcastDef};
use super::document::Text;
use super::each::conjuncts;
use super::schemas::EventSchemas;
use crate::domain::{EventType, EventVersion, Fold, Lift, Placed, UpcastField};
use crate::expr::{Type, Want};
use crate::schema::{RecordShape, Resolution, Shape};
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

    fn versions(
        &mut self,
        event: &EventSchemas,
        upcasts: &[UpcastDef<'_>],
    ) -> Option<Vec<EventVersion>> {
        let errors = self.report.len();
        let count = event.versions.len();
        for (number, _) in upcasts {
            let step = number.text.parse::<usize>().ok();
            if !step.is_some_and(|step| (1..count).contains(&step)) {
                let message =
                    format!("`{}` has no upcast from version `{}`", event.name, number.text);
                let hint = if count < 2 {
                    "there is only one version".to_owned()
                } else {
                    format!("a step lifts version n to n + 1, so n is 1 to {}", count - 1)
                };
                self.hinted(number.node, message, hint);
            }
        }
        let step = |number: u32| upcasts.iter().find(|(n, _)| n.text.parse() == Ok(number));
        let last_upcast = upcasts.iter().filter_map(|(n, _)| n.text.parse::<u32>().ok()).max();
        let lifts: Vec<_> = (0..count)
            .map(|index| {
                let (number, _, parsed) = &event.versions[index];
                match (step(*number), event.versions.get(index + 1)) {
                    (Some(step), Some((_, _, next))) => {
                        self.upcast(step, (&parsed.shape, &next.shape)).map(Lift::Upcast)
                    }
                    _ if last_upcast.is_some_and(|last| *number < last) => {
                        self.resolution(event, index, index + 1).map(Lift::Next)
                    }
                    _ => self.resolution(event, index, count - 1).map(Lift::Resolve),
                }
            })
            .collect();
        self.older_readers(event, |number| step(number).is_some());
        if self.report.len() > errors {
            return None;
        }
        let lifts = lifts.into_iter().collect::<Option<Vec<_>>>()?;
        let versions =
            event.versions.iter().zip(lifts).map(|((number, _, parsed), lift)| EventVersion {
                number: *number,
                schema_id: parsed.schema_id,
                shape: Shape::Record(parsed.shape.clone()),
                schema_json: parsed.schema_json.as_str().into(),
                lift,
            });
        Some(versions.collect())
    }

    /// Avro's way from one version to a later one.
    fn resolution(&mut self, event: &EventSchemas, from: usize, to: usize) -> Option<Resolution> {
        let (old, _, writer) = &event.versions[from];
        let (new, place, reader) = &event.versions[to];
        let (writer, reader) = (&writer.shape, &reader.shape);
        let plan = Resolution::new(&Shape::Record(writer.clone()), &Shape::Record(reader.clone()));
        plan.map_err(|why| {
            let message =
                format!("version {new} can't read version {old} of {}: {why}", event.name);
            let hint = format!(
                "give new fields defaults, or lift version {} with `upcast` in model.yaml",
                new.saturating_sub(1)
            );
            self.report.hinted(place.clone(), message, hint);
        })
        .ok()
    }

    /// Without an upcast in between, older readers must be able to read newer events.
    fn older_readers(&mut self, event: &EventSchemas, is_step: impl Fn(u32) -> bool) {
        for (index, (number, place, writer)) in event.versions.iter().enumerate() {
            let older = event.versions[..index].iter().rev().take_while(|(old, ..)| !is_step(*old));
            for (old, _, reader) in older {
                let writer = Shape::Record(writer.shape.clone());
                if let Err(why) = Resolution::new(&writer, &Shape::Record(reader.shape.clone())) {
                    let name = &event.name;
                    let message = format!(
                        "version {old} of {name} can't read version {number}, as a reader that is \
                         not yet upgraded must: {why}"
                    );
                    let hint = format!(
                        "keep the fields that version {old} needs, or lift version {} with `upcast`",
                        number - 1
                    );
                    self.report.hinted(place.clone(), message, hint);
                }
            }
        }
    }

    fn upcast(
        &mut self,
        (number, given): &UpcastDef<'_>,
        (old, new): (&Arc<RecordShape>, &Arc<RecordShape>),
    ) -> Option<Vec<UpcastField>> {
        self.unknown_fields(given, new, "`upcast`");
        let scope = scope([("event", Type::Record(old.clone()))]);
        let fields: Vec<_> = new
            .fields
            .iter()
            .map(|field| {
                let named = given.iter().find(|(name, _)| name.text == &*field.name);
                if let Some((_, text)) = named {
                    let want = Want::Shape(field.shape.clone());
                    return self.compile(*text, &scope, &want, &[]).map(UpcastField::Expr);
                }
                let aliases = field.aliases.iter();
                let copied =
                    std::iter::once(&field.name).chain(aliases).find_map(|n| old.index_of(n));
                let problem = match copied {
                    Some(index) => match Resolution::new(&old.fields[index].shape, &field.shape) {
                        Ok(plan) => return Some(UpcastField::Copy(index, plan)),
                        Err(why) => format!("can't be copied: {why}"),
                    },
                    None => match default_of(field) {
                        Some(default) => return Some(UpcastField::Default(default)),
                        None => "gets no value".to_owned(),
                    },
                };
                let message = format!("field `{}` of the next version {problem}", field.name);
                let hint = format!("name it here: `{}: …`", field.name);
                self.hinted(number.node, message, hint);
                None
            })
            .collect();
        fields.into_iter().collect()
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

/// Whether the aggregate may be missing when an entry of `emit` is reached.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    /// It may not have been there before the command.
    FromStart,
    /// An entry before has deleted it.
    Deleted,
    No,
}

/// The events that can be an aggregate's first, or the first after a deletion: those that a command
/// on new or any ids emits before anything is sure to have been emitted, and those after a delete.
/// `state` in `when` is the one before the command, so `state != null` and `state == null` say
/// whether the aggregate was there.
fn first_events<'d>(commands: &[CommandDef<'d>], defs: &[EventDef<'_>]) -> Vec<Text<'d>> {
    let deletes = |name: &str| defs.iter().any(|def| def.delete && def.name.text == name);
    let mut first: Vec<Text<'d>> = Vec::new();
    for command in commands {
        let mut missing = match command.on.map(|on| on.text) {
            Some("new" | "any") => Missing::FromStart,
            _ => Missing::No,
        };
        for entry in &command.emit {
            let when = entry.when.map_or("", |when| when.text);
            let sure = missing == Missing::FromStart && says(when, "!=");
            let absent = missing != Missing::No && !sure;
            if absent && !first.iter().any(|known| known.text == entry.event.text) {
                first.push(entry.event);
            }
            let always = entry.each.is_none() && (when.is_empty() || is_null_test(when, "=="));
            missing = match missing {
                _ if deletes(entry.event.text) => Missing::Deleted,
                Missing::FromStart if always => Missing::No,
                Missing::Deleted if entry.each.is_none() && when.is_empty() => Missing::No,
                missing => missing,
            };
        }
    }
    first
}

/// Whether a conjunct of `when` compares `state` with null.
fn says(when: &str, operator: &str) -> bool {
    conjuncts(when).iter().any(|part| is_null_test(part, operator))
}

fn is_null_test(text: &str, operator: &str) -> bool {
    let text: String = text.split_whitespace().collect();
    text == format!("state{operator}null") || text == format!("null{operator}state")
}
