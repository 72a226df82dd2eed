//! Compiled Avro schemas ([`Shape`]) and the codecs that they drive.
//!
//! Inside: `parse` (.avsc files to shapes), `encode` and `decode` (Avro's binary form), `resolve`
//! (data of one shape as another), `json` (both ways, with JSON pointers), `project` (parts of a
//! value), `text` (times, dates, uuids and base64 as text).

use std::sync::Arc;

mod canonical;
mod decode;
mod encode;
mod json;
mod parse;
mod project;
mod resolve;
#[cfg(test)]
mod tests;
mod text;

pub use parse::{Parsed, SchemaError, SchemaSource, Types};
pub use project::Projection;
pub use resolve::Resolution;

use crate::value::Value;

/// What a value must look like: an Avro schema after checking and name resolution.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// Avro `null`.
    Null,
    /// Avro `boolean`.
    Boolean,
    /// Avro `int`, 32 bits.
    Int,
    /// Avro `long`, 64 bits.
    Long,
    /// Avro `double`.
    Double,
    /// Avro `string`.
    String,
    /// Avro `bytes`.
    Bytes,
    /// `string` with logical type `uuid`.
    Uuid,
    /// `long` with logical type `timestamp-millis`.
    Timestamp,
    /// `int` with logical type `date`.
    Date,
    /// `bytes` with logical type `decimal`.
    Decimal {
        /// Most digits in all, 1..=28.
        precision: u8,
        /// Digits after the decimal point.
        scale: u8,
    },
    /// An enum.
    Enum(Arc<EnumShape>),
    /// An array of one shape.
    Array(Arc<Shape>),
    /// A map from text to one shape.
    Map(Arc<Shape>),
    /// A record.
    Record(Arc<RecordShape>),
    /// A two-branch union with null.
    Nullable {
        /// The branch that is not null.
        inner: Arc<Shape>,
        /// Whether null is the union's first branch (it decides the branch index on the wire).
        null_first: bool,
    },
}

/// An enum's name and symbols.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumShape {
    /// The full Avro name, `namespace.Name`.
    pub full_name: Arc<str>,
    /// Full names under which older data may know it.
    pub aliases: Vec<Arc<str>>,
    /// The symbols in wire order.
    pub symbols: Vec<Arc<str>>,
    /// The default symbol for readers, if the schema gives one.
    pub default: Option<usize>,
    /// The schema's `doc`.
    pub doc: Option<Arc<str>>,
}

/// A record's name and fields.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordShape {
    /// The full Avro name, `namespace.Name`.
    pub full_name: Arc<str>,
    /// Full names under which older data may know it.
    pub aliases: Vec<Arc<str>>,
    /// The fields in wire order.
    pub fields: Vec<FieldShape>,
    /// The schema's `doc`.
    pub doc: Option<Arc<str>>,
}

/// One field of a record.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldShape {
    /// Its name.
    pub name: Arc<str>,
    /// Names under which older data may know it.
    pub aliases: Vec<Arc<str>>,
    /// Its shape.
    pub shape: Shape,
    /// Its Avro default, already converted.
    pub default: Option<Value>,
    /// Its `doc`.
    pub doc: Option<Arc<str>>,
}

impl RecordShape {
    /// The name without its namespace.
    pub fn name(&self) -> &str {
        self.full_name.rsplit('.').next().unwrap_or(&self.full_name)
    }

    /// The position of a field.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| &*f.name == name)
    }
}

/// One place of a JSON input that does not fit its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// Where, as a JSON pointer (RFC 6901); empty for the whole body.
    pub pointer: String,
    /// Stable kebab-case code: `unknown-field`, `missing-field`, `wrong-type`, `out-of-range`, …
    pub code: &'static str,
    /// What would be right.
    pub message: String,
}

/// Why a JSON text is no value of a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It is not JSON (or nested too deeply to look at).
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// It is JSON, but does not fit; every place, never empty.
    Misfits(Vec<InputError>),
}

/// Bytes that are no datum of the shape they were decoded with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid Avro datum: {0}")]
pub struct DatumError(pub String);

impl FieldShape {
    /// The value of a field that an input leaves out: its default, or null where it may be null.
    pub fn absent(&self) -> Option<Value> {
        match (&self.default, &self.shape) {
            (Some(value), _) => Some(value.clone()),
            (None, Shape::Nullable { .. } | Shape::Null) => Some(Value::Null),
            (None, _) => None,
        }
    }
}

impl Shape {
    /// The Avro name of its kind, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Shape::Null => "null",
            Shape::Boolean => "boolean",
            Shape::Int => "int",
            Shape::Long => "long",
            Shape::Double => "double",
            Shape::String => "string",
            Shape::Bytes => "bytes",
            Shape::Uuid => "uuid",
            Shape::Timestamp => "timestamp-millis",
            Shape::Date => "date",
            Shape::Decimal { .. } => "decimal",
            Shape::Enum(_) => "enum",
            Shape::Array(_) => "array",
            Shape::Map(_) => "map",
            Shape::Record(_) => "record",
            Shape::Nullable { .. } => "union with null",
        }
    }
}

impl Shape {
    /// The full name of a record or enum.
    pub fn full_name(&self) -> Option<&str> {
        match self {
            Shape::Enum(shape) => Some(&shape.full_name),
            Shape::Record(shape) => Some(&shape.full_name),
            _ => None,
        }
    }

    /// Whether all its values are encoded as nothing at all.
    fn takes_no_bytes(&self) -> bool {
        match self {
            Shape::Null => true,
            Shape::Record(shape) => shape.fields.iter().all(|f| f.shape.takes_no_bytes()),
            _ => false,
        }
    }

    /// Every record and enum in it, each once, inner ones first.
    pub fn named_types(&self) -> Vec<Shape> {
        fn walk(shape: &Shape, found: &mut Vec<Shape>) {
            match shape {
                Shape::Array(inner) | Shape::Map(inner) | Shape::Nullable { inner, .. } => {
                    walk(inner, found);
                }
                Shape::Record(record) => record.fields.iter().for_each(|f| walk(&f.shape, found)),
                _ => {}
            }
            let known = found.iter().any(|other| other.full_name() == shape.full_name());
            if shape.full_name().is_some() && !known {
                found.push(shape.clone());
            }
        }
        let mut found = Vec::new();
        walk(self, &mut found);
        found
    }
}
