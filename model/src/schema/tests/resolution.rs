//! What a newer shape reads of an older one, and what it refuses.

use rstest::rstest;

use super::*;

/// Reads `value`, written with the first record, as the second; by bytes and by value alike.
fn resolve(from: &str, to: &str, value: Value) -> Result<Value, String> {
    let (writer, reader) = (record(from), record(to));
    let resolution = Resolution::new(&writer, &reader)?;
    let mut bytes = Vec::new();
    writer.encode(&value, &mut bytes);
    let decoded = resolution.decode(&bytes).map_err(|e| e.to_string());
    assert_eq!(resolution.apply(&value).map_err(|e| e.to_string()), decoded);
    decoded
}

const MONEY: &str = r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#;
const WIDER: &str = r#"{"type":"bytes","logicalType":"decimal","precision":7,"scale":4}"#;

#[rstest]
#[case(r#""int""#, r#""long""#, Value::Int(5), Value::Int(5))]
#[case(r#""long""#, r#""double""#, Value::Int(5), Value::Double(5.0))]
#[case(r#""string""#, r#""bytes""#, Value::Text("a".into()), Value::Bytes([97].as_slice().into()))]
#[case(r#""bytes""#, r#""string""#, Value::Bytes([97].as_slice().into()), Value::Text("a".into()))]
#[case(r#""int""#, r#"["null","long"]"#, Value::Int(5), Value::Int(5))]
#[case(r#"["null","int"]"#, r#"["long","null"]"#, Value::Int(5), Value::Int(5))]
#[case(r#"["null","int"]"#, r#"["int","null"]"#, Value::Null, Value::Null)]
#[case(
    r#"{"type":"array","items":"int"}"#, r#"{"type":"array","items":["null","int"]}"#,
    Value::List(Arc::new(vec![Value::Int(5)])), Value::List(Arc::new(vec![Value::Int(5)]))
)]
#[case(MONEY, WIDER, dec("12.34"), dec("12.3400"))]
#[case(
    r#"{"type":"enum","name":"E","symbols":["a","b","c"]}"#,
    r#"{"type":"enum","name":"E","symbols":["z","c","b"],"default":"z"}"#,
    Value::Text("a".into()), Value::Text("z".into())
)]
#[case(
    r#"{"type":"enum","name":"Old","symbols":["a","b"]}"#,
    r#"{"type":"enum","name":"New","symbols":["b","a"],"aliases":["Old"]}"#,
    Value::Text("b".into()), Value::Text("b".into())
)]
fn a_field_is_read_as_its_newer_type(
    #[case] from: &str,
    #[case] to: &str,
    #[case] value: Value,
    #[case] expected: Value,
) {
    let field = |ty: &str| format!(r#"{{"name":"a","type":{ty}}}"#);
    assert_eq!(resolve(&field(from), &field(to), rec(vec![value])), Ok(rec(vec![expected])));
}

#[rstest]
#[case(r#""long""#, r#""int""#, "a: long can't be read as int")]
#[case(r#"["null","int"]"#, r#""int""#, "may hold null")]
#[case(r#""long""#, r#"{"type":"long","logicalType":"timestamp-millis"}"#, "can't be read")]
#[case(r#""string""#, r#"{"type":"string","logicalType":"uuid"}"#, "can't be read")]
#[case(WIDER, MONEY, "can't hold")]
#[case(MONEY, r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":3}"#, "can't hold")]
#[case(
    r#"{"type":"enum","name":"E","symbols":["a","b"]}"#,
    r#"{"type":"enum","name":"E","symbols":["a"]}"#,
    "the symbol \"b\""
)]
#[case(
    r#"{"type":"enum","name":"E","symbols":["a"]}"#,
    r#"{"type":"enum","name":"F","symbols":["a"]}"#,
    "give that the alias"
)]
fn what_cannot_be_read_is_refused_with_its_path(
    #[case] from: &str,
    #[case] to: &str,
    #[case] reason: &str,
) {
    let field = |ty: &str| record(&format!(r#"{{"name":"a","type":{ty}}}"#));
    let refused = Resolution::new(&field(from), &field(to)).unwrap_err();
    assert!(refused.contains(reason), "{refused}");
}

#[test]
fn fields_are_matched_by_name_then_alias_and_else_take_their_default() {
    let read = resolve(
        r#"{"name":"gone","type":"string"},{"name":"old","type":"int"},{"name":"b","type":"int"}"#,
        r#"{"name":"b","type":"int"},{"name":"new","type":"long","aliases":["old"]},
           {"name":"extra","type":"string","default":"x"}"#,
        rec(vec![Value::Text("bye".into()), Value::Int(1), Value::Int(2)]),
    );
    assert_eq!(read, Ok(rec(vec![Value::Int(2), Value::Int(1), Value::Text("x".into())])));
}

#[test]
fn a_renamed_field_does_not_also_feed_a_new_one_of_its_old_name() {
    let read = resolve(
        r#"{"name":"a","type":"int"}"#,
        r#"{"name":"a","type":"int","default":0},{"name":"b","type":"int","aliases":["a"]}"#,
        rec(vec![Value::Int(7)]),
    );
    assert_eq!(read, Ok(rec(vec![Value::Int(0), Value::Int(7)])));
}

#[test]
fn a_new_field_without_default_is_refused() {
    let refused = Resolution::new(
        &record(r#"{"name":"a","type":"int"}"#),
        &record(r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#),
    );
    assert!(refused.unwrap_err().contains("\"b\" is new"));
}

#[test]
fn equal_shapes_resolve_by_identity_even_with_other_docs() {
    let writer = record(r#"{"name":"a","type":["null","int"]},{"name":"b","type":"string"}"#);
    let reader =
        record(r#"{"name":"a","type":["null","long"],"doc":"x"},{"name":"b","type":"string"}"#);
    assert!(Resolution::new(&writer, &reader).unwrap().is_identity());
}
