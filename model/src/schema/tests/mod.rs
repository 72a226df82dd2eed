//! Tests of the codecs: golden bytes, JSON at the edge, and apache-avro as an oracle.

use std::sync::Arc;

use super::{Projection, Resolution, SchemaSource, Shape, Types};
use crate::value::{Decimal, Value};

mod binary;
mod edge;
mod oracle;
mod resolution;
mod sample;

/// The shape of a record with these fields.
fn record(fields: &str) -> Shape {
    parse(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#))
}

fn parse(text: &str) -> Shape {
    let source =
        SchemaSource { file: "R.avsc".into(), text: text.into(), namespace: "foldline".into() };
    Shape::Record(Types::default().record(&source).unwrap().shape)
}

fn dec(text: &str) -> Value {
    Value::Decimal(Decimal::parse(text).unwrap())
}

fn rec(values: Vec<Value>) -> Value {
    Value::Record(Arc::new(values))
}
