//! A value's JSON text, written straight into a buffer.

use serde::Serialize;

use crate::schema::text::{write_base64, write_date, write_timestamp};
use crate::schema::{Projection, Shape};
use crate::value::Value;

impl Shape {
    /// Appends the value's JSON text.
    pub fn write_json(&self, value: &Value, out: &mut Vec<u8>) {
        match (self, value) {
            (Shape::Nullable { inner, .. }, value) => inner.write_json(value, out),
            (Shape::Record(shape), Value::Record(values)) => {
                let fields = shape.fields.iter().zip(values.iter());
                write_object(fields.map(|(f, v)| (&*f.name, &f.shape, v)), out);
            }
            (Shape::Map(item), Value::Map(entries)) => {
                write_object(entries.iter().map(|(key, v)| (&**key, &**item, v)), out);
            }
            (Shape::Array(item), Value::List(items)) => {
                write_list(items, out, |value, out| item.write_json(value, out));
            }
            (Shape::Decimal { scale, .. }, Value::Decimal(decimal)) => {
                let text = decimal.rescale(*scale).unwrap_or(*decimal).to_string();
                put(&text, out);
            }
            (Shape::Date, Value::Timestamp(instant)) => {
                out.push(b'"');
                write_date(*instant, out);
                out.push(b'"');
            }
            (_, Value::Timestamp(instant)) => {
                out.push(b'"');
                write_timestamp(*instant, out);
                out.push(b'"');
            }
            (_, Value::Bool(flag)) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
            (_, Value::Int(number)) => put(number, out),
            (_, Value::Double(number)) => put(number, out),
            (_, Value::Text(text)) => put(&**text, out),
            (_, Value::Bytes(bytes)) => write_base64(bytes, out),
            // Null, and the null that a record of defaults holds where a field has none.
            _ => out.extend_from_slice(b"null"),
        }
    }

    /// Appends the JSON text of the parts of a value that the projection names; it must have been
    /// made for this shape.
    pub fn write_json_projected(&self, value: &Value, only: &Projection, out: &mut Vec<u8>) {
        match (self, value) {
            (Shape::Nullable { inner, .. }, value) => inner.write_json_projected(value, only, out),
            (Shape::Array(item), Value::List(items)) => {
                write_list(items, out, |value, out| item.write_json_projected(value, only, out));
            }
            (Shape::Map(item), Value::Map(entries)) => {
                out.push(b'{');
                for (i, (key, value)) in entries.iter().enumerate() {
                    write_key(i, key, out);
                    item.write_json_projected(value, only, out);
                }
                out.push(b'}');
            }
            (Shape::Record(shape), Value::Record(values)) => {
                out.push(b'{');
                for (i, picked) in only.fields.iter().enumerate() {
                    let field = &shape.fields[picked.index];
                    let value = &values[picked.index];
                    write_key(i, &field.name, out);
                    match &picked.inside {
                        None => field.shape.write_json(value, out),
                        Some(inside) => field.shape.write_json_projected(value, inside, out),
                    }
                }
                out.push(b'}');
            }
            _ => self.write_json(value, out),
        }
    }
}

fn write_object<'a>(
    members: impl Iterator<Item = (&'a str, &'a Shape, &'a Value)>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (i, (name, shape, value)) in members.enumerate() {
        write_key(i, name, out);
        shape.write_json(value, out);
    }
    out.push(b'}');
}

fn write_list(items: &[Value], out: &mut Vec<u8>, write: impl Fn(&Value, &mut Vec<u8>)) {
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn write_key(position: usize, name: &str, out: &mut Vec<u8>) {
    if position > 0 {
        out.push(b',');
    }
    put(name, out);
    out.push(b':');
}

/// Numbers and text by serde_json: exact doubles, right escapes.
fn put<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Writing into memory cannot fail, and no map with odd keys comes here.
    let _ = serde_json::to_writer(out, value);
}
