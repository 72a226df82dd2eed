//! The Avro side of an aggregate: its types, inputs, events and state, parsed and named right.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::folder::AggregateFolder;
use super::report::Report;
use super::source::Source;
use crate::diagnostic::Place;
use crate::schema::{Parsed, RecordShape, SchemaError, SchemaSource, Shape, Types};

/// Everything that an aggregate's .avsc files declare.
pub(super) struct Schemas {
    types: Types,
    nested: BTreeMap<String, Shape>,
    /// `None` where it is missing or wrong.
    pub(super) state: Option<Parsed>,
    /// By name; `None` where the file is wrong.
    pub(super) commands: BTreeMap<String, Option<Parsed>>,
    /// In order of name.
    pub(super) events: Vec<EventSchemas>,
}

/// The released versions of an event.
pub(super) struct EventSchemas {
    pub(super) name: String,
    /// Number, file and record, ascending. Empty where a file is wrong.
    pub(super) versions: Vec<(u32, Place, Parsed)>,
}

impl EventSchemas {
    /// The current record.
    pub(super) fn current(&self) -> Option<&Arc<RecordShape>> {
        self.versions.last().map(|(_, _, parsed)| &parsed.shape)
    }
}

impl Schemas {
    /// A record or enum that expressions may name: of the aggregate first, then a shared one, then
    /// one declared inside another record.
    pub(super) fn named(&self, short: &str) -> Option<Shape> {
        self.types.get(short).or_else(|| self.nested.get(short).cloned())
    }

    /// The event of this name.
    pub(super) fn event(&self, name: &str) -> Option<(usize, &EventSchemas)> {
        self.events.iter().enumerate().find(|(_, event)| event.name == name)
    }
}

/// Parses the shared types.
pub(super) fn shared(sources: &[Source], report: &mut Report) -> Types {
    let sources: Vec<SchemaSource> = sources.iter().map(|s| input(s, "foldline")).collect();
    let (types, errors) = Types::parse(&sources, None);
    record_errors(errors, report);
    types
}

/// Parses an aggregate's schemas.
pub(super) fn parse(
    folder: &AggregateFolder,
    aggregate: &str,
    shared: &Types,
    report: &mut Report,
) -> Schemas {
    let namespace = format!("foldline.{}", aggregate.replace('-', "_"));
    let sources: Vec<SchemaSource> = folder.types.iter().map(|s| input(s, &namespace)).collect();
    let (types, errors) = Types::parse(&sources, Some(shared));
    record_errors(errors, report);
    let mut parser = Parser { types: &types, namespace: &namespace, report };
    let state = folder.state.as_ref().and_then(|source| parser.record(source, None));
    let commands = folder
        .commands
        .iter()
        .map(|(name, source)| (name.clone(), parser.record(source, Some(name))))
        .collect();
    let events = folder
        .events
        .iter()
        .map(|event| {
            let name = event.name.clone();
            let versions = event.versions.iter().map(|(number, source)| {
                let parsed = parser.record(source, Some(&name))?;
                Some((*number, source.place(0), parsed))
            });
            let versions = versions.collect::<Option<Vec<_>>>().unwrap_or_default();
            EventSchemas { name, versions }
        })
        .collect();
    let mut schemas = Schemas { types, nested: BTreeMap::new(), state, commands, events };
    schemas.nested = nested(&schemas);
    schemas
}

struct Parser<'a, 'r> {
    types: &'a Types,
    namespace: &'a str,
    report: &'r mut Report,
}

impl Parser<'_, '_> {
    /// A record, whose name must be the given one.
    fn record(&mut self, source: &Source, name: Option<&str>) -> Option<Parsed> {
        let parsed = match self.types.record(&input(source, self.namespace)) {
            Ok(parsed) => parsed,
            Err(errors) => {
                record_errors(errors, self.report);
                return None;
            }
        };
        match name.filter(|name| parsed.shape.name() != *name) {
            Some(name) => {
                let found = parsed.shape.name();
                let at = source.text.find(&format!("\"{found}\"")).unwrap_or(0);
                let message = format!("the record is named `{found}`, its place says `{name}`");
                let hint = format!("write `\"name\": \"{name}\"`, or move the file");
                self.report.hinted(source.place(at), message, hint);
                None
            }
            None => Some(parsed),
        }
    }
}

fn input(source: &Source, namespace: &str) -> SchemaSource {
    SchemaSource {
        file: source.file.clone(),
        text: source.text.clone(),
        namespace: namespace.to_owned(),
    }
}

fn record_errors(errors: Vec<SchemaError>, report: &mut Report) {
    for SchemaError { file, line, column, message, hint } in errors {
        report.push(Place { file, line, column }, message, hint);
    }
}

/// Records and enums declared inside other records, by short name.
fn nested(schemas: &Schemas) -> BTreeMap<String, Shape> {
    let mut found = BTreeMap::new();
    let events = schemas.events.iter().filter_map(|event| event.current());
    let commands = schemas.commands.values().flatten().map(|parsed| &parsed.shape);
    let state = schemas.state.iter().map(|parsed| &parsed.shape);
    for record in state.chain(events).chain(commands) {
        for field in &record.fields {
            collect(&field.shape, &mut found);
        }
    }
    found
}

fn collect(shape: &Shape, found: &mut BTreeMap<String, Shape>) {
    match shape {
        Shape::Array(inner) | Shape::Map(inner) | Shape::Nullable { inner, .. } => {
            collect(inner, found);
        }
        Shape::Record(record) => {
            let known = found.insert(record.name().to_owned(), shape.clone());
            // Records can't contain themselves, so this ends.
            let fields = record.fields.iter().filter(|_| known.is_none());
            fields.for_each(|field| collect(&field.shape, found));
        }
        Shape::Enum(symbols) => {
            let short = symbols.full_name.rsplit('.').next().unwrap_or(&symbols.full_name);
            found.insert(short.to_owned(), shape.clone());
        }
        _ => {}
    }
}
