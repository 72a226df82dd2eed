//! Random shapes and values of them, grown from one number.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::schema::encode::minimal;
use crate::schema::{EnumShape, FieldShape, RecordShape, Shape};
use crate::value::{Decimal, Value};

const DAY: i64 = 86_400_000;

/// A xorshift generator: small, and the same on every machine.
pub(super) struct Sample(u64);

impl Sample {
    pub(super) fn new(seed: u64) -> Sample {
        Sample(seed | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 20) % end
    }

    /// An integer whose size varies too.
    fn integer(&mut self) -> i64 {
        let shift = self.below(64);
        self.next() as i64 >> shift
    }

    pub(super) fn record(&mut self, depth: u32) -> Shape {
        let name = format!("foldline.R{}", self.next());
        let fields = (0..1 + self.below(5)).map(|i| self.field(depth, i)).collect();
        let (full_name, aliases, doc) = (name.into(), Vec::new(), None);
        Shape::Record(Arc::new(RecordShape { full_name, aliases, fields, doc }))
    }

    fn field(&mut self, depth: u32, number: u64) -> FieldShape {
        let shape = self.shape(depth);
        let default = (self.below(3) == 0).then(|| self.value(&shape, 1));
        let (name, aliases, doc) = (format!("f{number}").into(), Vec::new(), None);
        FieldShape { name, aliases, shape, default, doc }
    }

    pub(super) fn shape(&mut self, depth: u32) -> Shape {
        match self.below(if depth > 0 { 16 } else { 11 }) {
            0 => Shape::Boolean,
            1 => Shape::Int,
            2 => Shape::Long,
            3 => Shape::Double,
            4 => Shape::String,
            5 => Shape::Bytes,
            6 => Shape::Uuid,
            7 => Shape::Timestamp,
            8 => Shape::Date,
            9 => {
                let precision = 1 + self.below(28) as u8;
                Shape::Decimal { precision, scale: self.below(u64::from(precision) + 1) as u8 }
            }
            10 => Shape::Enum(Arc::new(EnumShape {
                full_name: format!("foldline.E{}", self.next()).into(),
                aliases: Vec::new(),
                symbols: (0..1 + self.below(4)).map(|i| format!("S{i}").into()).collect(),
                default: None,
                doc: None,
            })),
            11 => Shape::Array(Arc::new(self.shape(depth - 1))),
            12 => Shape::Map(Arc::new(self.shape(depth - 1))),
            13 => self.record(depth - 1),
            _ => match self.shape(depth - 1) {
                shape @ Shape::Nullable { .. } => shape,
                inner => Shape::Nullable { inner: Arc::new(inner), null_first: self.below(2) == 0 },
            },
        }
    }

    /// A value of a shape, with at most `most` elements in an array and one in a map (whose order
    /// on the wire is otherwise up to the writer).
    pub(super) fn value(&mut self, shape: &Shape, most: u64) -> Value {
        match shape {
            Shape::Null => Value::Null,
            Shape::Boolean => Value::Bool(self.below(2) == 0),
            Shape::Int => Value::Int(i64::from(self.integer() as i32)),
            Shape::Long => Value::Int(self.integer()),
            Shape::Double => match f64::from_bits(self.next()) {
                number if number.is_finite() => Value::Double(number),
                _ => Value::Double(-0.5),
            },
            Shape::String => Value::Text(self.text().into()),
            Shape::Bytes => Value::Bytes((0..self.below(9)).map(|_| self.next() as u8).collect()),
            Shape::Uuid => {
                Value::Text(uuid::Uuid::from_u64_pair(self.next(), self.next()).to_string().into())
            }
            Shape::Timestamp => Value::Timestamp(self.integer() % (100_000 * DAY)),
            Shape::Date => Value::Timestamp(self.integer() % 100_000 * DAY),
            Shape::Decimal { precision, scale } => {
                let most = 10_i128.pow(u32::from(*precision));
                let wide = i128::from(self.integer()) * i128::from(self.integer());
                let units = wide % most;
                let (bytes, start) = minimal(units);
                // A default whose bytes read as a number is taken for that number, and meant so.
                let number = std::str::from_utf8(&bytes[start..])
                    .is_ok_and(|text| Decimal::parse_with_places(text, *scale).is_ok());
                Value::Decimal(Decimal::new(if number { 0 } else { units }, *scale).unwrap())
            }
            Shape::Enum(shape) => {
                Value::Text(shape.symbols[self.below(shape.symbols.len() as u64) as usize].clone())
            }
            Shape::Array(item) => {
                let items = (0..self.below(most + 1)).map(|_| self.value(item, most)).collect();
                Value::List(Arc::new(items))
            }
            Shape::Map(item) => {
                let entries: BTreeMap<Arc<str>, Value> = (0..self.below(2))
                    .map(|_| (self.text().into(), self.value(item, most)))
                    .collect();
                Value::Map(Arc::new(entries))
            }
            Shape::Record(shape) => {
                let values = shape.fields.iter().map(|f| self.value(&f.shape, most)).collect();
                Value::Record(Arc::new(values))
            }
            Shape::Nullable { inner, .. } => match self.below(3) {
                0 => Value::Null,
                _ => self.value(inner, most),
            },
        }
    }

    fn text(&mut self) -> String {
        const LETTERS: [char; 10] = ['a', 'Z', '"', '\\', '\n', '/', '~', 'é', '😀', '\u{1}'];
        (0..self.below(6)).map(|_| LETTERS[self.below(10) as usize]).collect()
    }
}
