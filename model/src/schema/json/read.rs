//! JSON values as values of a shape, with every misfit at its pointer.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::de::DeserializeSeed;
use serde_json::Value as Json;

use super::fast::{Fast, TWICE};
use super::overflow;
use crate::schema::text::{Misfit, misfit, suggest};
use crate::schema::{InputError, JsonError, RecordShape, Shape};
use crate::value::Value;

/// More misfits than that are not collected: nobody reads them.
const MOST_MISFITS: usize = 100;

impl Shape {
    /// Converts a JSON value, collecting every misfit (not only the first). Missing fields take
    /// their default, missing nullable ones null.
    pub fn from_json(&self, json: &Json) -> Result<Value, Vec<InputError>> {
        Reader::default().finish(self, json)
    }

    /// Converts a JSON text. A name that comes twice in one object is refused.
    pub fn parse_json(&self, body: &[u8]) -> Result<Value, JsonError> {
        let mut input = serde_json::Deserializer::from_slice(body);
        let fast = Fast(self).deserialize(&mut input).and_then(|value| {
            input.end()?;
            Ok(value)
        });
        fast.or_else(|error| self.parse_slowly(body, &error))
    }

    /// Finds everything that is wrong with a text that did not fit at `error`.
    fn parse_slowly(&self, body: &[u8], error: &serde_json::Error) -> Result<Value, JsonError> {
        let overflows = error.to_string().starts_with(overflow::REFUSED);
        let (json, reader) = match serde_json::from_slice(body) {
            Ok(json) => (json, Reader::default()),
            Err(refused) if overflows || refused.to_string().starts_with(overflow::REFUSED) => {
                let json = serde_json::from_slice(&overflow::marked(body)).map_err(malformed)?;
                (json, Reader { marked: true, ..Reader::default() })
            }
            Err(refused) => return Err(malformed(refused)),
        };
        let value = reader.finish(self, &json).map_err(JsonError::Misfits)?;
        if !error.to_string().starts_with(TWICE) {
            return Ok(value);
        }
        let (line, column) = (error.line(), error.column());
        let message = format!("a name {TWICE}, before line {line} column {column}");
        Err(JsonError::Misfits(vec![misfit("", ("duplicate-field", message))]))
    }

    /// What a JSON value of this shape looks like, for messages.
    pub(in crate::schema) fn described(&self) -> &'static str {
        match self {
            Shape::Null => "null",
            Shape::Boolean => "true or false",
            Shape::Int => "an integer of 32 bits",
            Shape::Long => "an integer of 64 bits",
            Shape::Double => "a number",
            Shape::String => "a string",
            Shape::Bytes => "a string of base64",
            Shape::Uuid => "a string with a uuid",
            Shape::Timestamp => "a string with an RFC 3339 time",
            Shape::Date => "a string with a date such as \"2026-11-21\"",
            Shape::Decimal { .. } => "a string with a decimal such as \"12.50\"",
            Shape::Enum(_) => "a string that is one of the symbols",
            Shape::Array(_) => "an array",
            Shape::Map(_) | Shape::Record(_) => "an object",
            Shape::Nullable { inner, .. } => inner.described(),
        }
    }
}

fn malformed(error: serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let place = format!(" at line {line} column {column}");
    let message = text.strip_suffix(&place).unwrap_or(&text).to_owned();
    JsonError::Malformed { line, column, message }
}

#[derive(Default)]
struct Reader {
    pointer: String,
    misfits: Vec<InputError>,
    /// Whether numbers that no double holds are marked.
    marked: bool,
}

impl Reader {
    fn finish(mut self, shape: &Shape, json: &Json) -> Result<Value, Vec<InputError>> {
        match self.read(shape, json) {
            Some(value) if self.misfits.is_empty() => Ok(value),
            _ => Err(self.misfits),
        }
    }

    /// `None` after a misfit.
    fn read(&mut self, shape: &Shape, json: &Json) -> Option<Value> {
        match (shape, json) {
            (Shape::Nullable { .. } | Shape::Null, Json::Null) => Some(Value::Null),
            (Shape::Nullable { inner, .. }, json) => self.read(inner, json),
            (shape, Json::String(text)) if self.marked && text == overflow::MARK => {
                self.fail(too_large(shape))
            }
            (Shape::Boolean, Json::Bool(flag)) => Some(Value::Bool(*flag)),
            (Shape::Int | Shape::Long, Json::Number(number)) => self.check(integer(shape, number)),
            (Shape::Double, Json::Number(number)) => self.check(double(number)),
            (Shape::Decimal { .. }, Json::Number(number)) => self.fail((
                "wrong-type",
                format!("must be a string, which keeps every digit: \"{number}\""),
            )),
            (Shape::Array(item), Json::Array(items)) => self.read_array(item, items),
            (Shape::Map(item), Json::Object(members)) => {
                let mut entries = BTreeMap::new();
                for (key, json) in members {
                    let value = self.inside(key, |reader| reader.read(item, json));
                    entries.insert(key.as_str().into(), value.unwrap_or(Value::Null));
                }
                Some(Value::Map(Arc::new(entries)))
            }
            (Shape::Record(record), Json::Object(members)) => self.read_record(record, members),
            (shape, Json::String(text)) => self.check(shape.scalar_from_text(text)),
            (shape, json) => {
                let message = format!("must be {}, not {}", shape.described(), kind(json));
                self.fail(("wrong-type", message))
            }
        }
    }

    fn read_array(&mut self, item: &Shape, items: &[Json]) -> Option<Value> {
        let mut values = Vec::with_capacity(items.len());
        for (i, json) in items.iter().enumerate() {
            let value = self.inside(&i.to_string(), |reader| reader.read(item, json));
            values.push(value.unwrap_or(Value::Null));
        }
        Some(Value::List(Arc::new(values)))
    }

    fn read_record(
        &mut self,
        shape: &RecordShape,
        members: &serde_json::Map<String, Json>,
    ) -> Option<Value> {
        let mut values = Vec::with_capacity(shape.fields.len());
        let mut known = 0;
        for field in &shape.fields {
            let value = match members.get(&*field.name) {
                Some(json) => {
                    known += 1;
                    self.inside(&field.name, |reader| reader.read(&field.shape, json))
                }
                None => match field.absent() {
                    Some(value) => Some(value),
                    None => self.inside(&field.name, |reader| {
                        let message =
                            format!("is required and must be {}", field.shape.described());
                        reader.fail(("missing-field", message))
                    }),
                },
            };
            values.push(value.unwrap_or(Value::Null));
        }
        if known < members.len() {
            self.refuse_unknown(shape, members);
        }
        Some(Value::Record(Arc::new(values)))
    }

    fn refuse_unknown(&mut self, shape: &RecordShape, members: &serde_json::Map<String, Json>) {
        let names: Vec<&str> = shape.fields.iter().map(|f| &*f.name).collect();
        for name in members.keys().filter(|name| shape.index_of(name).is_none()) {
            if self.misfits.len() >= MOST_MISFITS {
                return;
            }
            let message =
                format!("{:?} has no such field; {}", shape.name(), suggest(name, &names));
            self.inside(name, |reader| reader.fail::<()>(("unknown-field", message)));
        }
    }

    /// Goes on below a member or item.
    fn inside<T>(&mut self, token: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        match token.contains(['~', '/']) {
            true => self.pointer.push_str(&token.replace('~', "~0").replace('/', "~1")),
            false => self.pointer.push_str(token),
        }
        let result = read(self);
        self.pointer.truncate(length);
        result
    }

    fn check(&mut self, result: Result<Value, Misfit>) -> Option<Value> {
        match result {
            Ok(value) => Some(value),
            Err(wrong) => self.fail(wrong),
        }
    }

    fn fail<T>(&mut self, wrong: Misfit) -> Option<T> {
        if self.misfits.len() < MOST_MISFITS {
            self.misfits.push(misfit(&self.pointer, wrong));
        }
        None
    }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

/// A number so large that no double holds it.
fn too_large(shape: &Shape) -> Misfit {
    match shape {
        Shape::Int | Shape::Long => beyond(shape),
        Shape::Double => not_finite(),
        _ => ("wrong-type", format!("must be {}, not a number", shape.described())),
    }
}

/// An integer in its range; `2.0` is one too, as far as a double is exact.
fn integer(shape: &Shape, number: &serde_json::Number) -> Result<Value, Misfit> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let wide = match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => Some(integer),
        (None, Some(float)) if float.fract() != 0.0 => {
            return Err(("wrong-type", format!("must be {}", shape.described())));
        }
        (None, Some(float)) if float.abs() <= EXACT => Some(float as i64),
        _ => None,
    };
    match wide {
        Some(integer) if range(shape).contains(&integer) => Ok(Value::Int(integer)),
        _ => Err(beyond(shape)),
    }
}

fn range(shape: &Shape) -> RangeInclusive<i64> {
    match shape {
        Shape::Int => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => i64::MIN..=i64::MAX,
    }
}

fn beyond(shape: &Shape) -> Misfit {
    let range = range(shape);
    let (least, most) = (range.start(), range.end());
    ("out-of-range", format!("must be an integer from {least} to {most}"))
}

fn double(number: &serde_json::Number) -> Result<Value, Misfit> {
    match number.as_f64() {
        Some(float) if float.is_finite() => Ok(Value::Double(float)),
        _ => Err(not_finite()),
    }
}

fn not_finite() -> Misfit {
    ("out-of-range", "must be a finite number of 64 bits".to_owned())
}
