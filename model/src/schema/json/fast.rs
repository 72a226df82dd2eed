//! JSON text straight to values, for input that fits; what does not is looked at again slowly.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::schema::{RecordShape, Shape};
use crate::value::Value;

/// Says that a name came twice in one object; the slow way sees only the last.
pub(super) const TWICE: &str = "stands twice in one object";

/// Reads a value of the shape.
#[derive(Clone, Copy)]
pub(super) struct Fast<'a>(pub(super) &'a Shape);

impl<'de> DeserializeSeed<'de> for Fast<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Fast<'_> {
    fn shape(&self) -> &Shape {
        match self.0 {
            Shape::Nullable { inner, .. } => inner,
            shape => shape,
        }
    }
}

impl<'de> Visitor<'de> for Fast<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.described())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        match self.0 {
            Shape::Nullable { .. } | Shape::Null => Ok(Value::Null),
            _ => Err(E::custom("null")),
        }
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        match self.shape() {
            Shape::Boolean => Ok(Value::Bool(flag)),
            _ => Err(E::custom("a boolean")),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        match self.shape() {
            Shape::Long => Ok(Value::Int(number)),
            Shape::Int if i32::try_from(number).is_ok() => Ok(Value::Int(number)),
            Shape::Double => Ok(Value::Double(number as f64)),
            _ => Err(E::custom("an integer")),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        match (self.shape(), i64::try_from(number)) {
            (Shape::Double, _) => Ok(Value::Double(number as f64)),
            (_, Ok(number)) => self.visit_i64(number),
            _ => Err(E::custom("an integer")),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        match self.shape() {
            Shape::Double if number.is_finite() => Ok(Value::Double(number)),
            // A whole number such as 2.0 is rare; the slow way tells.
            _ => Err(E::custom("a number")),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.shape().scalar_from_text(text).map_err(|(_, message)| E::custom(message))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Shape::Array(item) = self.shape() else { return Err(A::Error::custom("an array")) };
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(Fast(item))? {
            values.push(value);
        }
        Ok(Value::List(Arc::new(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Value, A::Error> {
        match self.shape() {
            Shape::Record(record) => read_record(record, members),
            Shape::Map(item) => read_map(item, members),
            _ => Err(A::Error::custom("an object")),
        }
    }
}

fn read_record<'de, A: MapAccess<'de>>(
    shape: &RecordShape,
    mut members: A,
) -> Result<Value, A::Error> {
    let mut read: Vec<Option<Value>> = vec![None; shape.fields.len()];
    // Most clients write the fields in order.
    let mut next = 0;
    while let Some(index) = members.next_key_seed(FieldName { shape, next })? {
        let Some(index) = index else { return Err(A::Error::custom("an unknown field")) };
        if read[index].is_some() {
            return Err(A::Error::custom(TWICE));
        }
        read[index] = Some(members.next_value_seed(Fast(&shape.fields[index].shape))?);
        next = index + 1;
    }
    let mut values = Vec::with_capacity(read.len());
    for (value, field) in read.into_iter().zip(&shape.fields) {
        match value.or_else(|| field.absent()) {
            Some(value) => values.push(value),
            None => return Err(A::Error::custom("a field is missing")),
        }
    }
    Ok(Value::Record(Arc::new(values)))
}

fn read_map<'de, A: MapAccess<'de>>(item: &Shape, mut members: A) -> Result<Value, A::Error> {
    let mut entries = BTreeMap::new();
    while let Some(key) = members.next_key::<Cow<'de, str>>()? {
        let value = members.next_value_seed(Fast(item))?;
        if entries.insert(Arc::from(&*key), value).is_some() {
            return Err(A::Error::custom(TWICE));
        }
    }
    Ok(Value::Map(Arc::new(entries)))
}

/// Reads a field's name as its position.
struct FieldName<'a> {
    shape: &'a RecordShape,
    /// Where to look first.
    next: usize,
}

impl<'de> DeserializeSeed<'de> for FieldName<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Option<usize>, D::Error> {
        name.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        match self.shape.fields.get(self.next) {
            Some(field) if *field.name == *name => Ok(Some(self.next)),
            _ => Ok(self.shape.index_of(name)),
        }
    }
}
