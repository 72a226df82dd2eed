//! JSON Schemas and examples of Avro shapes. Records and enums become components under their full
//! names.

use serde_json::{Map, Value as Json, json};

use super::problems;
use crate::decide::MAX_ELEMENTS;
use crate::decide::values;
use crate::schema::{EnumShape, FieldShape, RecordShape, Shape};

/// The uuid of examples.
pub(super) const UUID: &str = "0192f0c1-2d3e-7a4b-8c5d-6e7f80912a3b";

/// The components so far.
pub(super) struct Schemas(Map<String, Json>);

impl Schemas {
    pub(super) fn new() -> Schemas {
        Schemas(Map::from_iter([("Problem".to_owned(), problems::schema())]))
    }

    pub(super) fn finish(self) -> Map<String, Json> {
        self.0
    }

    /// Adds a component under a name of ours and refers to it.
    pub(super) fn define(&mut self, name: String, schema: Json) -> Json {
        let reference = refer(&name);
        self.0.insert(name, schema);
        reference
    }

    /// The schema of a shape; named types are referred to.
    pub(super) fn of(&mut self, shape: &Shape) -> Json {
        match shape {
            Shape::Enum(of) => self.enumeration(of),
            Shape::Record(record) => self.record(record),
            Shape::Array(of) => {
                json!({ "type": "array", "items": self.of(of), "maxItems": MAX_ELEMENTS })
            }
            Shape::Map(of) => json!({
                "type": "object", "additionalProperties": self.of(of), "maxProperties": MAX_ELEMENTS,
            }),
            Shape::Nullable { inner, .. } => {
                json!({ "anyOf": [self.of(inner), { "type": "null" }] })
            }
            _ => scalar(shape),
        }
    }

    fn enumeration(&mut self, of: &EnumShape) -> Json {
        let symbols: Vec<&str> = of.symbols.iter().map(|symbol| &**symbol).collect();
        let mut schema = json!({ "type": "string", "enum": symbols });
        if let Some(doc) = &of.doc {
            schema["description"] = json!(&**doc);
        }
        self.define(of.full_name.to_string(), schema)
    }

    fn record(&mut self, record: &RecordShape) -> Json {
        // A command without input has a record without fields, and it may have no name.
        if record.fields.is_empty() {
            return json!({ "type": "object", "additionalProperties": false });
        }
        let properties: Map<String, Json> =
            record.fields.iter().map(|f| (f.name.to_string(), self.field(f))).collect();
        let required: Vec<&str> =
            record.fields.iter().filter(|f| must(f)).map(|f| &*f.name).collect();
        let mut schema = json!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if let Some(doc) = &record.doc {
            schema["description"] = json!(&**doc);
        }
        self.define(record.full_name.to_string(), schema)
    }

    fn field(&mut self, field: &FieldShape) -> Json {
        let mut schema = self.of(&field.shape);
        if let Some(doc) = &field.doc {
            schema["description"] = json!(&**doc);
        }
        if let Some(default) = &field.default {
            schema["default"] = values::json(&field.shape, default);
        }
        schema
    }
}

/// Whether a field must be given: it has no default, and null is none.
fn must(field: &FieldShape) -> bool {
    field.default.is_none() && !matches!(field.shape, Shape::Nullable { .. } | Shape::Null)
}

fn refer(name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn scalar(shape: &Shape) -> Json {
    match shape {
        Shape::Null => json!({ "type": "null" }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Int => json!({
            "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX,
        }),
        Shape::Long => json!({ "type": "integer", "format": "int64" }),
        Shape::Double => json!({ "type": "number", "format": "double" }),
        Shape::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
        Shape::Uuid => json!({ "type": "string", "format": "uuid" }),
        Shape::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Shape::Date => json!({ "type": "string", "format": "date" }),
        Shape::Decimal { scale: 0, .. } => json!({ "type": "string", "pattern": r"^-?\d+$" }),
        Shape::Decimal { scale, .. } => json!({
            "type": "string",
            "pattern": format!(r"^-?\d+(\.\d{{1,{scale}}})?$"),
            "description": format!("A decimal with at most {scale} places."),
        }),
        _ => json!({ "type": "string" }),
    }
}

/// A value that the shape takes.
pub(super) fn example(shape: &Shape) -> Json {
    match shape {
        Shape::Null => Json::Null,
        Shape::Boolean => json!(true),
        Shape::Int | Shape::Long => json!(1),
        Shape::Double => json!(1.5),
        Shape::String => json!("text"),
        Shape::Bytes => json!("Zm9sZA=="),
        Shape::Uuid => json!(UUID),
        Shape::Timestamp => json!("2026-11-21T10:00:00Z"),
        Shape::Date => json!("2026-11-21"),
        Shape::Decimal { scale, precision } => decimal(*precision, *scale),
        Shape::Enum(of) => json!(of.symbols.first().map_or("", |symbol| symbol)),
        Shape::Array(of) => json!([example(of)]),
        Shape::Map(of) => json!({ "key": example(of) }),
        Shape::Record(record) => {
            let fields = record.fields.iter();
            fields.map(|f| (f.name.to_string(), example_of(f))).collect::<Map<_, _>>().into()
        }
        Shape::Nullable { inner, .. } => example(inner),
    }
}

/// Texts are named as their field, so that an example can be read.
fn example_of(field: &FieldShape) -> Json {
    match &field.shape {
        Shape::String => json!(format!("{}-1", field.name)),
        shape => example(shape),
    }
}

fn decimal(precision: u8, scale: u8) -> Json {
    let whole = if precision > scale { "1" } else { "0" };
    match scale {
        0 => json!(whole),
        _ => json!(format!("{whole}.{:0>1$}", 5, usize::from(scale))),
    }
}
