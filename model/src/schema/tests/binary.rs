//! Avro's bytes as they stand in logs: they must never change.

use super::*;
use crate::schema::FieldShape;

fn bytes(shape: &Shape, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    shape.encode(value, &mut out);
    assert_eq!(shape.decode(&out).as_ref(), Ok(value));
    out
}

#[test]
fn scalars_have_their_golden_bytes() {
    assert!(bytes(&Shape::Null, &Value::Null).is_empty());
    assert_eq!(bytes(&Shape::Boolean, &Value::Bool(true)), [1]);
    assert_eq!(bytes(&Shape::Int, &Value::Int(-64)), [0x7f]);
    assert_eq!(bytes(&Shape::Int, &Value::Int(64)), [0x80, 0x01]);
    assert_eq!(
        bytes(&Shape::Long, &Value::Int(i64::MIN)),
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
    );
    assert_eq!(bytes(&Shape::Double, &Value::Double(1.5)), [0, 0, 0, 0, 0, 0, 0xf8, 0x3f]);
    assert_eq!(bytes(&Shape::String, &Value::Text("é".into())), [4, 0xc3, 0xa9]);
    assert_eq!(bytes(&Shape::Bytes, &Value::Bytes([7].as_slice().into())), [2, 7]);
    assert_eq!(bytes(&Shape::Date, &Value::Timestamp(-86_400_000)), [1]);
    assert_eq!(bytes(&Shape::Timestamp, &Value::Timestamp(1)), [2]);
}

#[test]
fn decimals_take_the_fewest_bytes() {
    let shape = Shape::Decimal { precision: 28, scale: 2 };
    assert_eq!(bytes(&shape, &dec("0.00")), [2, 0]);
    assert_eq!(bytes(&shape, &dec("1.27")), [2, 0x7f]);
    assert_eq!(bytes(&shape, &dec("1.28")), [4, 0, 0x80]);
    assert_eq!(bytes(&shape, &dec("-1.28")), [2, 0x80]);
    assert_eq!(bytes(&shape, &dec("-1.29")), [4, 0xff, 0x7f]);
    assert_eq!(bytes(&shape, &dec("-0.01")), [2, 0xff]);
}

#[test]
fn padded_and_empty_decimals_are_read_by_value() {
    let shape = Shape::Decimal { precision: 28, scale: 2 };
    let padded = |fill: u8, last: u8| {
        let mut bytes = vec![40];
        bytes.extend([fill; 19]);
        bytes.push(last);
        shape.decode(&bytes)
    };
    assert_eq!(padded(0, 5), Ok(dec("0.05")));
    assert_eq!(padded(0xff, 0xfb), Ok(dec("-0.05")));
    assert!(padded(0x01, 0).is_err());
    assert_eq!(shape.decode(&[0]), Ok(dec("0.00")));
}

#[test]
fn a_decimal_whose_sign_is_beyond_128_bits_is_no_small_number() {
    let shape = Shape::Decimal { precision: 28, scale: 2 };
    let sixteen_after = |first: u8, rest: u8| {
        let mut bytes = vec![34, first];
        bytes.extend([rest; 16]);
        shape.decode(&bytes)
    };
    assert!(sixteen_after(0, 0xff).is_err(), "2^128 - 1, not -1");
    assert!(sixteen_after(0xff, 0).is_err(), "-2^128, not 0");
}

#[test]
fn blocks_with_sizes_and_several_blocks_are_read() {
    let shape = Shape::Array(Arc::new(Shape::Int));
    let list =
        |numbers: &[i64]| Value::List(Arc::new(numbers.iter().map(|n| Value::Int(*n)).collect()));
    assert_eq!(bytes(&shape, &list(&[1, 2])), [4, 2, 4, 0]);
    assert_eq!(shape.decode(&[3, 4, 2, 4, 2, 6, 0]), Ok(list(&[1, 2, 3])));
}

#[test]
fn unions_and_records_have_their_golden_bytes() {
    let shape = record(
        r#"{"name":"a","type":["null","int"]},{"name":"b","type":["int","null"]},
           {"name":"c","type":{"type":"enum","name":"E","symbols":["x","y"]}}"#,
    );
    let value = rec(vec![Value::Int(1), Value::Null, Value::Text("y".into())]);
    assert_eq!(bytes(&shape, &value), [2, 2, 2, 2]);
    let value = rec(vec![Value::Null, Value::Int(1), Value::Text("x".into())]);
    assert_eq!(bytes(&shape, &value), [0, 0, 2, 0]);
}

#[test]
fn what_is_no_datum_is_refused() {
    let list = Shape::Array(Arc::new(Shape::Long));
    for (shape, bytes) in [
        (&Shape::Int, &[0xff_u8, 0xff, 0xff, 0xff, 0x7f] as &[u8]),
        (&Shape::Long, &[0xff; 11]),
        (&Shape::Long, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02]),
        (&Shape::Boolean, &[2]),
        (&Shape::Boolean, &[1, 1]),
        (&Shape::String, &[2]),
        (&Shape::String, &[1]),
        (&Shape::String, &[2, 0xff]),
        (&Shape::Uuid, &[2, b'a']),
        (&Shape::Double, &[0, 0, 0, 0, 0, 0, 0xf0, 0x7f]),
        // Counts a billion items in a few bytes.
        (&list, &[0x80, 0xa8, 0xd6, 0xb9, 0x07, 0]),
        (&list, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0]),
    ] {
        assert!(shape.decode(bytes).is_err(), "{} {bytes:?}", shape.kind());
    }
}

#[test]
#[should_panic(expected = "is not of its shape")]
fn a_value_of_another_shape_is_never_written() {
    Shape::Int.encode(&Value::Text("1".into()), &mut Vec::new());
}

#[test]
fn a_field_left_out_is_its_default_or_null() {
    let field = |shape, default| FieldShape {
        name: "a".into(),
        aliases: Vec::new(),
        shape,
        default,
        doc: None,
    };
    let nullable = Shape::Nullable { inner: Arc::new(Shape::Int), null_first: false };
    assert_eq!(field(nullable.clone(), None).absent(), Some(Value::Null));
    assert_eq!(field(nullable, Some(Value::Int(1))).absent(), Some(Value::Int(1)));
    assert_eq!(field(Shape::Int, None).absent(), None);
}
