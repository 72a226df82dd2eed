//! A shape as a self-contained Avro schema, and the id made from its normal form.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::encode::{DAY, minimal};
use super::{FieldShape, Shape};
use crate::value::Value;

/// The schema as Avro JSON, every named type inlined where it is first used.
pub(super) fn schema_json(shape: &Shape) -> String {
    let mut writer = Writer { out: String::new(), seen: BTreeSet::new(), notes: true };
    writer.shape(shape);
    writer.out
}

/// The first 31 bits of the SHA-256 of the normal form, which has logical types and defaults but
/// neither docs nor aliases; never 0.
pub(super) fn schema_id(shape: &Shape) -> u32 {
    let mut writer = Writer { out: String::new(), seen: BTreeSet::new(), notes: false };
    writer.shape(shape);
    let hash = Sha256::digest(writer.out.as_bytes());
    (u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> 1).max(1)
}

struct Writer<'a> {
    out: String,
    seen: BTreeSet<&'a str>,
    /// Whether docs and aliases are written.
    notes: bool,
}

impl<'a> Writer<'a> {
    fn shape(&mut self, shape: &'a Shape) {
        match shape {
            Shape::Uuid => self.out.push_str(r#"{"type":"string","logicalType":"uuid"}"#),
            Shape::Timestamp => {
                self.out.push_str(r#"{"type":"long","logicalType":"timestamp-millis"}"#);
            }
            Shape::Date => self.out.push_str(r#"{"type":"int","logicalType":"date"}"#),
            Shape::Decimal { precision, scale } => self.out.push_str(&format!(
                r#"{{"type":"bytes","logicalType":"decimal","precision":{precision},"scale":{scale}}}"#
            )),
            Shape::Enum(_) | Shape::Record(_) => self.named(shape),
            Shape::Array(item) => self.container("array", "items", item),
            Shape::Map(item) => self.container("map", "values", item),
            Shape::Nullable { inner, null_first: true } => {
                self.out.push_str(r#"["null","#);
                self.shape(inner);
                self.out.push(']');
            }
            Shape::Nullable { inner, null_first: false } => {
                self.out.push('[');
                self.shape(inner);
                self.out.push_str(r#","null"]"#);
            }
            primitive => self.text(primitive.kind()),
        }
    }

    fn container(&mut self, kind: &str, member: &str, item: &'a Shape) {
        self.out.push_str(&format!(r#"{{"type":"{kind}","{member}":"#));
        self.shape(item);
        self.out.push('}');
    }

    fn named(&mut self, shape: &'a Shape) {
        let name = shape.full_name().unwrap_or_default();
        if !self.seen.insert(name) {
            self.text(name);
            return;
        }
        self.out.push_str(&format!(r#"{{"type":"{}","name":"#, shape.kind()));
        self.text(name);
        match shape {
            Shape::Enum(shape) => {
                self.notes(shape.doc.as_deref(), &shape.aliases);
                self.out.push_str(r#","symbols":"#);
                self.texts(&shape.symbols);
                if let Some(default) = shape.default {
                    self.out.push_str(r#","default":"#);
                    self.text(&shape.symbols[default]);
                }
            }
            Shape::Record(shape) => {
                self.notes(shape.doc.as_deref(), &shape.aliases);
                self.out.push_str(r#","fields":["#);
                for (i, field) in shape.fields.iter().enumerate() {
                    self.comma(i);
                    self.field(field);
                }
                self.out.push(']');
            }
            _ => {}
        }
        self.out.push('}');
    }

    fn field(&mut self, field: &'a FieldShape) {
        self.out.push_str(r#"{"name":"#);
        self.text(&field.name);
        self.notes(field.doc.as_deref(), &field.aliases);
        self.out.push_str(r#","type":"#);
        self.shape(&field.shape);
        if let Some(default) = &field.default {
            self.out.push_str(r#","default":"#);
            self.default(&field.shape, default);
        }
        self.out.push('}');
    }

    fn notes(&mut self, doc: Option<&str>, aliases: &[std::sync::Arc<str>]) {
        if !self.notes {
            return;
        }
        if let Some(doc) = doc {
            self.out.push_str(r#","doc":"#);
            self.text(doc);
        }
        if !aliases.is_empty() {
            self.out.push_str(r#","aliases":"#);
            self.texts(aliases);
        }
    }

    /// A default in Avro's own JSON form.
    fn default(&mut self, shape: &Shape, value: &Value) {
        match (shape, value) {
            (Shape::Nullable { inner, .. }, value) => self.default(inner, value),
            (Shape::Date, Value::Timestamp(millis)) => {
                self.out.push_str(&millis.div_euclid(DAY).to_string());
            }
            (_, Value::Timestamp(millis)) => self.out.push_str(&millis.to_string()),
            (_, Value::Bytes(bytes)) => self.bytes(bytes),
            (_, Value::Decimal(decimal)) => {
                let (bytes, start) = minimal(decimal.units());
                self.bytes(&bytes[start..]);
            }
            (Shape::Array(item), Value::List(items)) => {
                self.out.push('[');
                for (i, value) in items.iter().enumerate() {
                    self.comma(i);
                    self.default(item, value);
                }
                self.out.push(']');
            }
            (Shape::Map(item), Value::Map(entries)) => {
                self.out.push('{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    self.comma(i);
                    self.text(key);
                    self.out.push(':');
                    self.default(item, value);
                }
                self.out.push('}');
            }
            (Shape::Record(shape), Value::Record(values)) => {
                self.out.push('{');
                for (i, (field, value)) in shape.fields.iter().zip(values.iter()).enumerate() {
                    self.comma(i);
                    self.text(&field.name);
                    self.out.push(':');
                    self.default(&field.shape, value);
                }
                self.out.push('}');
            }
            // The other scalars look the same in both forms.
            (shape, value) => {
                let mut json = Vec::new();
                shape.write_json(value, &mut json);
                self.out.push_str(&String::from_utf8_lossy(&json));
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
        self.text(&text);
    }

    fn texts(&mut self, texts: &[std::sync::Arc<str>]) {
        self.out.push('[');
        for (i, text) in texts.iter().enumerate() {
            self.comma(i);
            self.text(text);
        }
        self.out.push(']');
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(&serde_json::Value::from(text).to_string());
    }

    fn comma(&mut self, position: usize) {
        if position > 0 {
            self.out.push(',');
        }
    }
}
