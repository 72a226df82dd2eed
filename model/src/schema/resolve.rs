//! Reading data of one shape as another, by Avro's resolution rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::decode::{Input, read, read_array, read_map, wrong};
use super::{DatumError, Shape};
use crate::value::Value;

mod plan;

/// A plan to read data written with one shape as another, by Avro's resolution rules
/// (decimals resolved by value, aliases and enum defaults included).
#[derive(Clone, Debug)]
pub struct Resolution {
    plan: Arc<Plan>,
}

/// How one part is read.
#[derive(Debug)]
enum Plan {
    /// With the writer's shape: its values are the reader's too.
    Same(Shape),
    /// An int or long as a double.
    Widen(Shape),
    /// Text as its UTF-8 bytes.
    ToBytes,
    /// Bytes as text, where they are UTF-8.
    ToText,
    /// A decimal with another scale.
    Rescale {
        writer: Shape,
        scale: u8,
    },
    /// The reader's symbol for each of the writer's: `(writer's, reader's)`.
    Enum(Vec<(Arc<str>, Arc<str>)>),
    Array(Box<Plan>),
    Map(Box<Plan>),
    Record {
        /// For each of the writer's fields, in wire order.
        fields: Vec<Step>,
        /// The reader's values where the writer has none, and placeholders for the others.
        blank: Vec<Value>,
    },
    /// A union that stays one.
    Nullable {
        inner: Box<Plan>,
        /// The writer's order of branches.
        null_first: bool,
    },
}

/// What becomes of a field of the writer's.
#[derive(Debug)]
enum Step {
    /// Read, and put at this position of the reader's record.
    Keep(usize, Plan),
    /// Passed over.
    Skip(Shape),
}

impl Resolution {
    /// Compiles the plan; `Err` says why Avro resolution cannot read `writer` as `reader`.
    pub fn new(writer: &Shape, reader: &Shape) -> Result<Resolution, String> {
        let plan = plan::resolve(writer, reader, &mut String::new())?;
        Ok(Resolution { plan: Arc::new(plan) })
    }

    /// Whether values stay as they are.
    pub fn is_identity(&self) -> bool {
        matches!(*self.plan, Plan::Same(_))
    }

    /// Turns a value of the writer's shape into one of the reader's.
    pub fn apply(&self, value: &Value) -> Result<Value, DatumError> {
        self.plan.apply(value)
    }

    /// Reads one datum of the writer's shape as a value of the reader's.
    pub fn decode(&self, bytes: &[u8]) -> Result<Value, DatumError> {
        let mut input = Input::new(bytes);
        let value = self.plan.decode(&mut input)?;
        input.finish()?;
        Ok(value)
    }
}

impl Plan {
    fn decode(&self, input: &mut Input<'_>) -> Result<Value, DatumError> {
        match self {
            Plan::Same(shape) => read(shape, input),
            Plan::Widen(writer) | Plan::Rescale { writer, .. } => {
                self.convert(&read(writer, input)?)
            }
            Plan::ToBytes => self.convert(&read(&Shape::String, input)?),
            Plan::ToText => self.convert(&read(&Shape::Bytes, input)?),
            Plan::Enum(symbols) => {
                Ok(Value::Text(Arc::clone(&symbols[input.index(symbols.len())?].1)))
            }
            Plan::Array(item) => read_array(input, |input| item.decode(input)),
            Plan::Map(item) => read_map(input, |input| item.decode(input)),
            Plan::Record { fields, blank } => {
                let mut values = blank.clone();
                for step in fields {
                    match step {
                        Step::Keep(index, plan) => values[*index] = plan.decode(input)?,
                        Step::Skip(shape) => drop(read(shape, input)?),
                    }
                }
                Ok(Value::Record(Arc::new(values)))
            }
            Plan::Nullable { inner, null_first } => match input.is_null(*null_first)? {
                true => Ok(Value::Null),
                false => inner.decode(input),
            },
        }
    }

    fn apply(&self, value: &Value) -> Result<Value, DatumError> {
        match (self, value) {
            (Plan::Same(_), value) => Ok(value.clone()),
            (Plan::Nullable { .. }, Value::Null) => Ok(Value::Null),
            (Plan::Nullable { inner, .. }, value) => inner.apply(value),
            (Plan::Array(item), Value::List(items)) => {
                let items = items.iter().map(|v| item.apply(v)).collect::<Result<_, _>>()?;
                Ok(Value::List(Arc::new(items)))
            }
            (Plan::Map(item), Value::Map(entries)) => {
                let entry = |(k, v): (&Arc<str>, &Value)| Ok((Arc::clone(k), item.apply(v)?));
                let entries = entries.iter().map(entry).collect::<Result<BTreeMap<_, _>, _>>()?;
                Ok(Value::Map(Arc::new(entries)))
            }
            (Plan::Record { fields, blank }, Value::Record(written)) => {
                let mut values = blank.clone();
                for (step, value) in fields.iter().zip(written.iter()) {
                    if let Step::Keep(index, plan) = step {
                        values[*index] = plan.apply(value)?;
                    }
                }
                Ok(Value::Record(Arc::new(values)))
            }
            (plan, value) => plan.convert(value),
        }
    }

    /// Converts scalars.
    fn convert(&self, value: &Value) -> Result<Value, DatumError> {
        match (self, value) {
            (Plan::Widen(_), Value::Int(number)) => Ok(Value::Double(*number as f64)),
            (Plan::ToBytes, Value::Text(text)) => Ok(Value::Bytes(text.as_bytes().into())),
            (Plan::ToText, Value::Bytes(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::Text(text.into())),
                Err(_) => wrong("bytes read as text are not UTF-8"),
            },
            (Plan::Rescale { scale, .. }, Value::Decimal(decimal)) => {
                match decimal.rescale(*scale) {
                    Some(decimal) => Ok(Value::Decimal(decimal)),
                    None => wrong(format!("{decimal} does not fit {scale} places")),
                }
            }
            (Plan::Enum(symbols), Value::Text(symbol)) => {
                match symbols.iter().find(|(written, _)| written == symbol) {
                    Some((_, read)) => Ok(Value::Text(Arc::clone(read))),
                    None => wrong(format!("{symbol:?} is no symbol of its enum")),
                }
            }
            _ => wrong("a value is not of the shape that it was written with"),
        }
    }
}
