//! Schema files become shapes: names are resolved within a folder first, then among the shared
//! types, and whatever the language refuses is reported with its place in the file.

use std::path::PathBuf;
use std::sync::Arc;

use super::{RecordShape, Shape};

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
pub struct Types {}

impl Types {
    /// Parses files of named types that may refer to each other in any order and to `shared`
    /// ones. What parses is in the set even where other files are wrong.
    pub fn parse(_sources: &[SchemaSource], _shared: Option<&Types>) -> (Types, Vec<SchemaError>) {
        todo!("schema parser")
    }

    /// Parses one top-level record that may refer to these types and define nested ones inline.
    pub fn record(&self, _source: &SchemaSource) -> Result<Parsed, Vec<SchemaError>> {
        todo!("schema parser")
    }

    /// The type of this short name: of the folder first, then a shared one.
    pub fn get(&self, _short_name: &str) -> Option<Shape> {
        todo!("schema parser")
    }

    /// All types with their short names, the folder's own first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Shape)> {
        std::iter::empty()
    }
}
