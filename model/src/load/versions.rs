//! Versions of an event: how old ones are lifted, and whether all can live together.

use std::sync::Arc;

use super::commands::default_of;
use super::compiler::{Checker, scope};
use super::definition::UpcastDef;
use super::schemas::EventSchemas;
use crate::domain::{EventVersion, Lift, UpcastField};
use crate::expr::{Type, Want};
use crate::schema::{RecordShape, Resolution, Shape};

impl Checker<'_, '_> {
    pub(super) fn versions(
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
}
