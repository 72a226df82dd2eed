//! Schema files become shapes: names are resolved within a folder first, then among the shared
//! types, and whatever the language refuses is reported with its place in the file.

use std::path::PathBuf;
use std::sync::Arc;

use super::canonical::{schema_id, schema_json};
use super::{RecordShape, Shape};
use builder::Builder;

mod builder;
mod define;
mod fit;
mod node;
#[cfg(test)]
mod tests;

/// One schema file, read but not yet parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaSource {
    /// Where it was read, relative to the schemas folder.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// The namespace of names that give none themselves.
    pub namespace: String,
}

/// One thing wrong in a schema file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaError {
    /// The file, as its source names it.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would be right, if there is something to say.
    pub hint: Option<String>,
}

/// A top-level record (a command's input, an event, a state) after parsing.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The compiled record.
    pub shape: Arc<RecordShape>,
    /// The schema as self-contained Avro JSON, named types inlined at first use.
    pub schema_json: String,
    /// Made from the schema's normal form; positive, the same on every machine.
    pub schema_id: u32,
}

/// The named records and enums of a folder, and behind them the shared ones.
#[derive(Clone, Debug, Default)]
pub struct Types {
    own: Vec<Shape>,
    shared: Vec<Shape>,
}

impl Types {
    /// Parses files of named types that may refer to each other in any order and to `shared`
    /// ones. What parses is in the set even where other files are wrong.
    pub fn parse(sources: &[SchemaSource], shared: Option<&Types>) -> (Types, Vec<SchemaError>) {
        let shared = shared.map(|types| types.iter().map(|(_, s)| s.clone()).collect());
        let outer = Types { own: Vec::new(), shared: shared.unwrap_or_default() };
        let nodes = builder::read(sources);
        let mut builder = Builder::new(&outer, sources, &nodes);
        for file in 0..sources.len() {
            builder.top(file, &["record", "enum"]);
        }
        let (own, errors) = builder.finish();
        (Types { own, ..outer }, errors)
    }

    /// Parses one top-level record that may refer to these types and define nested ones inline.
    pub fn record(&self, source: &SchemaSource) -> Result<Parsed, Vec<SchemaError>> {
        let sources = std::slice::from_ref(source);
        let nodes = builder::read(sources);
        let mut builder = Builder::new(self, sources, &nodes);
        let shape = builder.top(0, &["record"]);
        let (_, errors) = builder.finish();
        match shape {
            Some(Shape::Record(shape)) if errors.is_empty() => {
                let whole = Shape::Record(Arc::clone(&shape));
                let (schema_json, schema_id) = (schema_json(&whole), schema_id(&whole));
                Ok(Parsed { shape, schema_json, schema_id })
            }
            _ => Err(errors),
        }
    }

    /// The type of this short name: of the folder first, then a shared one.
    pub fn get(&self, short_name: &str) -> Option<Shape> {
        self.iter().find(|(name, _)| *name == short_name).map(|(_, shape)| shape.clone())
    }

    /// The type of this full name.
    fn get_full(&self, full_name: &str) -> Option<Shape> {
        let named = |shape: &&Shape| shape.full_name() == Some(full_name);
        self.own.iter().chain(&self.shared).find(named).cloned()
    }

    /// All types with their short names, the folder's own first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Shape)> {
        let all = self.own.iter().chain(&self.shared);
        all.filter_map(|shape| shape.full_name().map(|name| (short(name), shape)))
    }
}

/// A full name without its namespace.
fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}
