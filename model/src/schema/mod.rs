//! Compiled Avro schemas ([`Shape`]) and the codecs that they drive.
//!
//! Inside: `parse` (.avsc files to shapes).

use std::sync::Arc;

mod parse;

pub use parse::{Parsed, SchemaError, SchemaSource, Types};

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

/// Which parts of a value an answer shows: the dotted paths of `fields=a,b.c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {}

impl Projection {
    /// Parses `a,b.c` against a shape; `Err` names the unknown field and the likely one.
    pub fn parse(_shape: &Shape, _fields: &str) -> Result<Projection, String> {
        todo!("schema codec")
    }
}

/// Bytes that are no datum of the shape they were decoded with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid Avro datum: {0}")]
pub struct DatumError(pub String);

impl Shape {
    /// Appends the value's Avro binary form. The value must be of this shape (the checker and
    /// [`Shape::from_json`] see to that).
    pub fn encode(&self, _value: &Value, _out: &mut Vec<u8>) {
        todo!("schema codec")
    }

    /// Reads one Avro datum that must use up all of `bytes`. Bounded: never allocates more than a
    /// small multiple of `bytes.len()`.
    pub fn decode(&self, _bytes: &[u8]) -> Result<Value, DatumError> {
        todo!("schema codec")
    }

    /// Converts a JSON value, collecting every misfit (not only the first). Missing fields take
    /// their default, missing nullable ones null.
    pub fn from_json(&self, _json: &serde_json::Value) -> Result<Value, Vec<InputError>> {
        todo!("schema codec")
    }

    /// Converts a JSON text.
    pub fn parse_json(&self, _body: &[u8]) -> Result<Value, JsonError> {
        todo!("schema codec")
    }

    /// Appends the JSON text of the parts of a value that the projection names.
    pub fn write_json_projected(&self, _value: &Value, _only: &Projection, _out: &mut Vec<u8>) {
        todo!("schema codec")
    }

    /// Appends the value's JSON text.
    pub fn write_json(&self, _value: &Value, _out: &mut Vec<u8>) {
        todo!("schema codec")
    }

    /// Parses the unquoted text form used in query parameters (`true`, `-3`, `12.50`, RFC 3339…);
    /// `Err` says what would be right. Only for scalar shapes.
    pub fn from_text(&self, _text: &str) -> Result<Value, String> {
        todo!("schema codec")
    }
}

/// A plan to read data written with one shape as another, by Avro's resolution rules
/// (decimals resolved by value, aliases and enum defaults included).
#[derive(Clone, Debug)]
pub struct Resolution {
    // planned: a compiled tree; identity where both shapes are equal
}

impl Resolution {
    /// Compiles the plan; `Err` says why Avro resolution cannot read `writer` as `reader`.
    pub fn new(_writer: &Shape, _reader: &Shape) -> Result<Resolution, String> {
        todo!("schema codec")
    }

    /// Turns a value of the writer's shape into one of the reader's.
    pub fn apply(&self, _value: &Value) -> Result<Value, DatumError> {
        todo!("schema codec")
    }

    /// Reads one datum of the writer's shape as a value of the reader's.
    pub fn decode(&self, _bytes: &[u8]) -> Result<Value, DatumError> {
        todo!("schema codec")
    }
}
