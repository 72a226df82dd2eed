//! Commands: their inputs, rules, and where every field of every event they emit comes from.

use std::collections::HashSet;
use std::sync::Arc;

use super::compiler::{Checker, scope, with_element};
use super::definition::{CommandDef, EmitDef, RuleDef};
use super::document::Text;
use super::names::{RESERVED_CODES, is_kebab, kebab};
use super::suggest::did_you_mean;
use crate::domain::{Command, Emit, FieldSource, Occurrence, Placed, Rule};
use crate::expr::{Scope, Type, Want};
use crate::schema::{FieldShape, RecordShape, Shape};
use crate::value::Value;

/// The slot of `state` in a command's expressions.
const STATE: usize = 1;

impl Checker<'_, '_> {
    /// Checks a command; `None` where it is wrong.
    pub(super) fn command(&mut self, def: &CommandDef<'_>) -> Option<Command> {
        self.command_name(def.name);
        let on = self.occurrence(def.on);
        // What needs no types is checked even where they are wrong.
        let statuses: Vec<u16> = def.require.iter().map(|rule| self.answer(rule)).collect();
        for entry in &def.emit {
            self.event_index(entry.event);
        }
        let input = self.input(def)?;
        let state = self.state()?;
        let state = match on {
            Occurrence::New => Type::Null,
            Occurrence::Existing => Type::Record(state),
            Occurrence::Any => Type::Nullable(Arc::new(Type::Record(state))),
        };
        let variables = [
            ("input", Type::Record(input.clone())),
            ("state", state),
            ("id", self.id_type()),
            ("version", Type::Int),
            ("now", Type::Timestamp),
            ("actor", Type::Actor),
        ];
        let scope = scope(variables);
        let allow = def.allow.and_then(|allow| self.compile(allow, &scope, &Want::Bool, &[]));
        let require = def.require.iter().zip(statuses);
        let require = require.map(|(rule, status)| self.rule(rule, status, &scope));
        let require = require.collect::<Vec<_>>();
        let emit = def.emit.iter().map(|emit| self.emit(emit, &scope, &input)).collect::<Vec<_>>();
        Some(Command {
            name: def.name.text.into(),
            input_shape: Shape::Record(input.clone()),
            input,
            on,
            allow_reads_state: allow.as_ref().is_some_and(|allow| allow.reads(STATE)),
            allow,
            require: require.into_iter().collect::<Option<_>>()?,
            emit: emit.into_iter().collect::<Option<_>>()?,
        })
    }

    fn command_name(&mut self, name: Text<'_>) {
        if !is_kebab(name.text) || name.text.len() > super::names::MAX_NAME {
            let hint = kebab(name.text).map(|right| format!("did you mean `{right}`?"));
            let message = format!("`{}` is no command name: kebab-case, 1 to 40", name.text);
            self.hinted(name.node, message, hint);
        }
    }

    fn occurrence(&mut self, on: Option<Text<'_>>) -> Occurrence {
        match on.map(|on| on.text) {
            None | Some("existing") => Occurrence::Existing,
            Some("new") => Occurrence::New,
            Some("any") => Occurrence::Any,
            Some(other) => {
                let message = format!("`on` can't be `{other}`");
                let hint = "write `new`, `existing` (the default) or `any`".to_owned();
                if let Some(on) = on {
                    self.hinted(on.node, message, hint);
                }
                Occurrence::Any
            }
        }
    }

    fn input(&mut self, def: &CommandDef<'_>) -> Option<Arc<RecordShape>> {
        let Some(input) = def.input else {
            let namespace = self.aggregate.replace('-', "_");
            let full_name = format!("foldline.{namespace}.NoInput").into();
            let (aliases, fields) = (Vec::new(), Vec::new());
            return Some(Arc::new(RecordShape { full_name, aliases, fields, doc: None }));
        };
        match self.schemas.commands.get(input.text) {
            Some(parsed) => parsed.as_ref().map(|parsed| parsed.shape.clone()),
            None => {
                let known = self.schemas.commands.keys().map(String::as_str);
                let add = format!("add commands/{}.avsc", input.text);
                let hint = did_you_mean(input.text, known)
                    .map_or_else(|| add.clone(), |hint| format!("{hint} (or {add})"));
                self.hinted(input.node, format!("no input `{}` in `commands`", input.text), hint);
                None
            }
        }
    }

    /// Checks what a rule answers when it is false; its status.
    fn answer(&mut self, def: &RuleDef<'_>) -> u16 {
        let code = def.code.text;
        if !is_kebab(code) {
            let hint = kebab(code).map(|right| format!("did you mean `{right}`?"));
            self.hinted(def.code.node, format!("the code `{code}` is not kebab-case"), hint);
        } else if RESERVED_CODES.contains(&code) {
            let message = format!("the code `{code}` is one of the service's own");
            let hint = "choose one that says what this rule is about".to_owned();
            self.hinted(def.code.node, message, hint);
        }
        match def.status.map(|status| (status.text, status.node)) {
            None | Some(("422", _)) => 422,
            Some(("409", _)) => 409,
            Some((other, node)) => {
                let hint = "write 422 (the default) or 409".to_owned();
                self.hinted(node, format!("a rule can't answer with status `{other}`"), hint);
                422
            }
        }
    }

    fn rule(&mut self, def: &RuleDef<'_>, status: u16, scope: &Scope) -> Option<Rule> {
        Some(Rule {
            rule: self.compile(def.rule, scope, &Want::Bool, &[])?,
            source: def.rule.text.into(),
            code: def.code.text.into(),
            message: def.message.text.into(),
            status,
        })
    }

    fn emit(&mut self, def: &EmitDef<'_>, scope: &Scope, input: &RecordShape) -> Option<Emit> {
        let errors = self.report.len();
        let event = self.event_index(def.event);
        let each = self.each(def.each, def.when, scope);
        if def.each.is_some() && each.is_none() {
            return None;
        }
        let scope = with_element(scope, each.as_ref());
        let when = def.when.and_then(|when| self.compile(when, &scope, &Want::Bool, &[]));
        let event = event?;
        let record = self.schemas.events[event].current()?.clone();
        self.unknown_fields(&def.with, &record, "`with`");
        let facts: Vec<&str> = def.when.iter().map(|when| when.text).collect();
        let with_scope = Scope { new_id: true, ..scope };
        let giver = Giver { def, scope: &with_scope, facts: &facts, input };
        let fields: Vec<_> =
            record.fields.iter().map(|field| self.field_source(&giver, field)).collect();
        let fields = fields.into_iter().collect::<Option<Vec<_>>>()?;
        let place = self.place_text(def.event.node);
        (self.report.len() == errors).then_some(Emit { event, when, each, fields, place })
    }

    /// The index of an event that is named somewhere.
    pub(super) fn event_index(&mut self, name: Text<'_>) -> Option<usize> {
        let found = self.schemas.event(name.text);
        if found.is_none() {
            let known = self.schemas.events.iter().map(|event| event.name.as_str());
            let add = format!("add events/{}/1.avsc", name.text);
            let hint = did_you_mean(name.text, known)
                .map_or_else(|| add.clone(), |hint| format!("{hint} (or {add})"));
            self.hinted(name.node, format!("no event `{}` in `events`", name.text), hint);
        }
        found.map(|(index, _)| index)
    }

    /// Reports names that are no field of a record, or are there twice.
    pub(super) fn unknown_fields(
        &mut self,
        given: &[(Text<'_>, Text<'_>)],
        record: &RecordShape,
        what: &str,
    ) {
        let known: HashSet<&str> = record.fields.iter().map(|field| &*field.name).collect();
        for (name, _) in given.iter().filter(|(name, _)| !known.contains(name.text)) {
            let hint = did_you_mean(name.text, known.iter().copied());
            let message =
                format!("{what} names `{}`, which is no field of {}", name.text, record.name());
            let quoting = (name.text.contains(['(', ')', '\'', '"']))
                .then(|| "`,` ends a value inside `{ … }`: put expressions in quotes".to_owned());
            self.hinted(name.node, message, quoting.or(hint));
        }
    }

    fn field_source(&mut self, giver: &Giver<'_>, field: &FieldShape) -> Option<FieldSource> {
        let Giver { def, scope, facts, input } = giver;
        let want = Want::Shape(field.shape.clone());
        let given = def.with.iter().find(|(name, _)| name.text == &*field.name);
        if let Some((_, text)) = given {
            return self.compile(*text, scope, &want, facts).map(FieldSource::Expr);
        }
        if let Some(index) = input.index_of(&field.name) {
            if input.fields[index].shape == field.shape {
                return Some(FieldSource::Input(index));
            }
            let path = format!("input.{}", field.name);
            return match self.attempt(&path, scope, &want, facts) {
                Ok(expr) => {
                    let place = self.place_text(def.event.node);
                    Some(FieldSource::Expr(Placed { expr, source: path.as_str().into(), place }))
                }
                Err(errors) => {
                    let why = errors.into_iter().next().map(|error| error.message);
                    let message = format!(
                        "the input's field `{}` does not fit the one of {}: {}",
                        field.name,
                        def.event.text,
                        why.unwrap_or_default()
                    );
                    let hint = format!("give `{}` a value in `with`", field.name);
                    self.hinted(def.event.node, message, hint);
                    None
                }
            };
        }
        let default = default_of(field);
        if default.is_none() {
            let message = format!("field `{}` of {} gets no value", field.name, def.event.text);
            let hint = format!(
                "name it in `with`, add it to the input, or give it a default: `with: {{ {}: … }}`",
                field.name
            );
            self.hinted(def.event.node, message, hint);
        }
        default.map(FieldSource::Default)
    }
}

/// What an event's fields may come from.
struct Giver<'a> {
    def: &'a EmitDef<'a>,
    scope: &'a Scope,
    facts: &'a [&'a str],
    input: &'a RecordShape,
}

/// A field's Avro default; null where it is nullable and has none.
pub(super) fn default_of(field: &FieldShape) -> Option<Value> {
    let nullable = matches!(field.shape, Shape::Nullable { .. } | Shape::Null);
    field.default.clone().or(nullable.then_some(Value::Null))
}
