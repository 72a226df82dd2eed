//! apache-avro agrees: on bytes, on values, on resolved data.

use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;

use super::sample::Sample;
use crate::schema::canonical::schema_json;
use crate::schema::encode::{DAY, minimal};
use crate::schema::{FieldShape, RecordShape, Resolution, Shape};
use crate::value::Value;

/// The same value as apache-avro sees it.
fn avro(shape: &Shape, value: &Value) -> Avro {
    match (shape, value) {
        (Shape::Nullable { null_first, .. }, Value::Null) => {
            Avro::Union(u32::from(!null_first), Box::new(Avro::Null))
        }
        (Shape::Nullable { inner, null_first }, value) => {
            Avro::Union(u32::from(*null_first), Box::new(avro(inner, value)))
        }
        (Shape::Boolean, Value::Bool(flag)) => Avro::Boolean(*flag),
        (Shape::Int, Value::Int(number)) => Avro::Int(*number as i32),
        (Shape::Long, Value::Int(number)) => Avro::Long(*number),
        (Shape::Double, Value::Double(number)) => Avro::Double(*number),
        (Shape::String, Value::Text(text)) => Avro::String(text.to_string()),
        (Shape::Bytes, Value::Bytes(bytes)) => Avro::Bytes(bytes.to_vec()),
        (Shape::Uuid, Value::Text(text)) => Avro::Uuid(text.parse().unwrap()),
        (Shape::Timestamp, Value::Timestamp(millis)) => Avro::TimestampMillis(*millis),
        (Shape::Date, Value::Timestamp(millis)) => Avro::Date((millis / DAY) as i32),
        (Shape::Decimal { .. }, Value::Decimal(decimal)) => {
            let (bytes, start) = minimal(decimal.units());
            Avro::Decimal(apache_avro::Decimal::from(&bytes[start..]))
        }
        (Shape::Enum(shape), Value::Text(symbol)) => {
            let index = shape.symbols.iter().position(|s| s == symbol).unwrap();
            Avro::Enum(index as u32, symbol.to_string())
        }
        (Shape::Array(item), Value::List(items)) => {
            Avro::Array(items.iter().map(|v| avro(item, v)).collect())
        }
        (Shape::Map(item), Value::Map(entries)) => {
            Avro::Map(entries.iter().map(|(k, v)| (k.to_string(), avro(item, v))).collect())
        }
        (Shape::Record(shape), Value::Record(values)) => {
            let fields = shape.fields.iter().zip(values.iter());
            Avro::Record(fields.map(|(f, v)| (f.name.to_string(), avro(&f.shape, v))).collect())
        }
        (shape, value) => panic!("{value:?} is not {}", shape.kind()),
    }
}

fn schema(shape: &Shape) -> Schema {
    Schema::parse_str(&schema_json(shape)).unwrap()
}

/// A later version of a record: fields dropped, reordered, widened, made nullable, added.
fn evolved(from: &RecordShape, sample: &mut Sample) -> RecordShape {
    let mut fields: Vec<FieldShape> = Vec::new();
    for field in &from.fields {
        let mut field = field.clone();
        field.default = None;
        match (sample.below(6), &field.shape) {
            (0, _) => continue,
            (1, Shape::Int) => field.shape = Shape::Long,
            (2, Shape::Int | Shape::Long) => field.shape = Shape::Double,
            (3, shape) if !matches!(shape, Shape::Nullable { .. }) => {
                field.shape = Shape::Nullable { inner: Arc::new(shape.clone()), null_first: true };
            }
            (4, _) => {
                let place = sample.below(fields.len() as u64 + 1) as usize;
                fields.insert(place, field);
                continue;
            }
            _ => {}
        }
        fields.push(field);
    }
    fields.push(FieldShape {
        name: "added".into(),
        aliases: Vec::new(),
        shape: Shape::Nullable { inner: Arc::new(Shape::String), null_first: true },
        default: Some(Value::Null),
        doc: None,
    });
    RecordShape { fields, ..from.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn bytes_are_those_that_apache_avro_writes_and_reads(seed in any::<u64>()) {
        let mut sample = Sample::new(seed);
        let shape = sample.record(3);
        let value = sample.value(&shape, 4);
        let (schema, theirs) = (schema(&shape), avro(&shape, &value));
        let mut ours = Vec::new();
        shape.encode(&value, &mut ours);
        let writer = GenericDatumWriter::builder(&schema).build().unwrap();
        prop_assert_eq!(&ours, &writer.write_value_to_vec(theirs.clone()).unwrap());
        prop_assert_eq!(shape.decode(&ours).unwrap(), value);
        let reader = GenericDatumReader::builder(&schema).build().unwrap();
        prop_assert_eq!(reader.read_value(&mut &ours[..]).unwrap(), theirs);
    }

    #[test]
    fn resolved_data_is_what_apache_avro_resolves(seed in any::<u64>()) {
        let mut sample = Sample::new(seed);
        let shape = sample.record(2);
        let Shape::Record(record) = &shape else { unreachable!("a record was made") };
        let newer = Shape::Record(Arc::new(evolved(record, &mut sample)));
        let value = sample.value(&shape, 3);
        let mut bytes = Vec::new();
        shape.encode(&value, &mut bytes);
        let resolution = Resolution::new(&shape, &newer).unwrap();
        let ours = resolution.decode(&bytes).unwrap();
        prop_assert_eq!(&resolution.apply(&value).unwrap(), &ours);
        let (writer, reader) = (schema(&shape), schema(&newer));
        let theirs = GenericDatumReader::builder(&writer)
            .reader_schema(&reader)
            .build()
            .unwrap()
            .read_value(&mut &bytes[..]);
        // It gives up on decimals whose bytes are shorter than the precision could need.
        if let Ok(theirs) = theirs {
            prop_assert_eq!(theirs, avro(&newer, &ours));
        }
    }

    #[test]
    fn json_reads_back_as_the_same_value(seed in any::<u64>()) {
        let mut sample = Sample::new(seed);
        let shape = sample.record(3);
        let value = sample.value(&shape, 4);
        let mut json = Vec::new();
        shape.write_json(&value, &mut json);
        prop_assert_eq!(shape.parse_json(&json), Ok(value));
    }

    #[test]
    fn a_schema_parses_back_to_its_shape(seed in any::<u64>()) {
        let shape = Sample::new(seed).record(3);
        let again = super::parse(&schema_json(&shape));
        prop_assert_eq!(again, shape);
    }

    #[test]
    fn damaged_data_is_read_or_refused(
        seed in any::<u64>(), place in any::<u16>(), byte in any::<u8>(), cut in any::<u16>(),
    ) {
        let mut sample = Sample::new(seed);
        let shape = sample.record(3);
        let value = sample.value(&shape, 4);
        let mut bytes = Vec::new();
        shape.encode(&value, &mut bytes);
        if !bytes.is_empty() {
            let place = usize::from(place) % bytes.len();
            bytes[place] = byte;
            bytes.truncate(1 + usize::from(cut) % (bytes.len() * 2));
        }
        if let Ok(other) = shape.decode(&bytes) {
            let mut json = Vec::new();
            shape.write_json(&other, &mut json);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(seed in any::<u64>(), bytes in any::<Vec<u8>>()) {
        let shape = Sample::new(seed).record(3);
        let _ = shape.decode(&bytes);
        let _ = shape.parse_json(&bytes);
        let _ = shape.from_text(&String::from_utf8_lossy(&bytes));
    }
}
