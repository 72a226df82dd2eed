//! JSON and query text at the edge.

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::schema::JsonError;

fn order() -> Shape {
    record(
        r#"{"name":"customer","type":"string"},
           {"name":"qty","type":"int","default":1},
           {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":6,"scale":2},
            "default":"\u0000"},
           {"name":"at","type":["null",{"type":"long","logicalType":"timestamp-millis"}]},
           {"name":"on","type":["null",{"type":"int","logicalType":"date"}],"default":null},
           {"name":"key","type":["null",{"type":"string","logicalType":"uuid"}],"default":null},
           {"name":"raw","type":["null","bytes"],"default":null},
           {"name":"weight","type":"double","default":0},
           {"name":"count","type":"long","default":0},
           {"name":"status","type":["null",{"type":"enum","name":"S","symbols":["open","shut"]}],
            "default":null},
           {"name":"lines","type":{"type":"array","items":
             {"type":"record","name":"Line","fields":[{"name":"sku","type":"string"},
              {"name":"n","type":"int"}]}},"default":[]},
           {"name":"tags","type":{"type":"map","values":"long"},"default":{}}"#,
    )
}

fn written(shape: &Shape, value: &Value) -> String {
    let mut out = Vec::new();
    shape.write_json(value, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn every_kind_is_read_and_written_in_its_normal_form() {
    let input = json!({
        "customer": "a\"\u{1}é", "price": "3.5", "at": "2026-11-21T11:00:00.250+01:00",
        "on": "2026-11-21", "key": "0B1F7C5E-3C4D-4E5F-8A9B-0C1D2E3F4A5B", "raw": "AP8=",
        "weight": 2, "count": 9_007_199_254_740_993_i64, "status": "shut",
        "lines": [{"n": 2.0, "sku": "x"}], "tags": {"b": 1, "a": 2},
    });
    let value = order().from_json(&input).unwrap();
    assert_eq!(
        written(&order(), &value),
        "{\"customer\":\"a\\\"\\u0001é\",\"qty\":1,\"price\":\"3.50\",\
         \"at\":\"2026-11-21T10:00:00.25Z\",\"on\":\"2026-11-21\",\
         \"key\":\"0b1f7c5e-3c4d-4e5f-8a9b-0c1d2e3f4a5b\",\"raw\":\"AP8=\",\"weight\":2.0,\
         \"count\":9007199254740993,\"status\":\"shut\",\"lines\":[{\"sku\":\"x\",\"n\":2}],\
         \"tags\":{\"a\":2,\"b\":1}}"
    );
}

#[test]
fn fields_left_out_take_their_default_or_null() {
    let value = order().parse_json(br#"{"customer":"c"}"#).unwrap();
    let Value::Record(fields) = &value else { panic!("a record") };
    assert_eq!(fields[1], Value::Int(1));
    assert_eq!(fields[2], dec("0.00"));
    assert_eq!(fields[3], Value::Null);
}

#[rstest]
#[case(json!({}), "/customer", "missing-field", "is required")]
#[case(json!([]), "", "wrong-type", "an object")]
#[case(json!({"customer": null}), "/customer", "wrong-type", "not null")]
#[case(json!({"customer": 1}), "/customer", "wrong-type", "a string")]
#[case(json!({"customer": "c", "qyt": 1}), "/qyt", "unknown-field", "did you mean \"qty\"")]
#[case(json!({"customer": "c", "a/b~": 1}), "/a~1b~0", "unknown-field", "known are")]
#[case(json!({"customer": "c", "qty": 2147483648_u32}), "/qty", "out-of-range", "2147483647")]
#[case(json!({"customer": "c", "qty": 1.5}), "/qty", "wrong-type", "an integer")]
#[case(json!({"customer": "c", "qty": "1"}), "/qty", "wrong-type", "an integer")]
#[case(json!({"customer": "c", "count": 9223372036854775808_u64}), "/count", "out-of-range", "")]
#[case(json!({"customer": "c", "count": 1e17}), "/count", "out-of-range", "")]
#[case(json!({"customer": "c", "price": 1.5}), "/price", "wrong-type", "\"1.5\"")]
#[case(json!({"customer": "c", "price": "1.555"}), "/price", "too-precise", "2 digits")]
#[case(json!({"customer": "c", "price": "10000"}), "/price", "out-of-range", "4 digits")]
#[case(json!({"customer": "c", "price": "1e2"}), "/price", "invalid-format", "12.50")]
#[case(json!({"customer": "c", "at": "2026-11-21"}), "/at", "invalid-format", "RFC 3339")]
#[case(json!({"customer": "c", "at": "2026-11-21T10:00:00.0001Z"}), "/at", "too-precise", "")]
#[case(json!({"customer": "c", "at": 5}), "/at", "wrong-type", "RFC 3339 time, not a number")]
#[case(json!({"customer": "c", "on": "21.11.2026"}), "/on", "invalid-format", "2026-11-21")]
#[case(json!({"customer": "c", "key": "xyz"}), "/key", "invalid-format", "uuid")]
#[case(json!({"customer": "c", "raw": "A"}), "/raw", "invalid-format", "base64")]
#[case(json!({"customer": "c", "status": "Open"}), "/status", "unknown-symbol", "\"open\"")]
#[case(json!({"customer": "c", "lines": {}}), "/lines", "wrong-type", "an array")]
#[case(json!({"customer": "c", "lines": [{"sku": "x"}]}), "/lines/0/n", "missing-field", "")]
#[case(json!({"customer": "c", "tags": {"x": "1"}}), "/tags/x", "wrong-type", "an integer")]
fn a_misfit_has_its_pointer_code_and_what_would_be_right(
    #[case] input: serde_json::Value,
    #[case] pointer: &str,
    #[case] code: &str,
    #[case] message: &str,
) {
    let misfits = order().from_json(&input).unwrap_err();
    assert_eq!((misfits.len(), &*misfits[0].pointer, misfits[0].code), (1, pointer, code));
    assert!(misfits[0].message.contains(message), "{misfits:?}");
    let parsed = order().parse_json(input.to_string().as_bytes());
    assert_eq!(parsed, Err(JsonError::Misfits(misfits)));
}

#[test]
fn all_misfits_are_reported_up_to_a_hundred() {
    let misfits = order().from_json(&json!({"qty": "x", "no": 1, "lines": [1, 2]})).unwrap_err();
    let pointers: Vec<&str> = misfits.iter().map(|m| &*m.pointer).collect();
    assert_eq!(pointers, ["/customer", "/qty", "/lines/0", "/lines/1", "/no"]);
    let many = json!({"customer": "c", "lines": vec![0; 5_000]});
    assert_eq!(order().from_json(&many).unwrap_err().len(), 100);
}

#[test]
fn text_that_is_no_json_names_line_and_column() {
    let error = order().parse_json(b"{\n  \"customer\": }").unwrap_err();
    let JsonError::Malformed { line, column, message } = error else { panic!("{error:?}") };
    assert_eq!((line, column, &*message), (2, 15, "expected value"));
    let deep = "[".repeat(100_000);
    assert!(matches!(order().parse_json(deep.as_bytes()), Err(JsonError::Malformed { .. })));
    let trailing = order().parse_json(br#"{"customer":"c"} x"#);
    assert!(matches!(trailing, Err(JsonError::Malformed { .. })));
}

#[test]
fn a_field_given_twice_is_refused() {
    let error = order().parse_json(br#"{"customer":"a","customer":"b"}"#).unwrap_err();
    let JsonError::Misfits(misfits) = error else { panic!("{error:?}") };
    assert_eq!(misfits[0].code, "duplicate-field");
}

#[test]
fn doubles_keep_every_bit_through_json() {
    for number in
        [0.1, 1e300, 5e-324, 1.7976931348623157e308, 9007199254740993.0, -0.0, 123456.789e-7]
    {
        let text = written(&Shape::Double, &Value::Double(number));
        let Ok(Value::Double(again)) = Shape::Double.parse_json(text.as_bytes()) else {
            panic!("{text}")
        };
        assert_eq!(again.to_bits(), number.to_bits(), "{text}");
    }
}

#[test]
fn a_projection_shows_only_the_fields_that_it_names() {
    let shape = order();
    let value = shape
        .from_json(&json!({"customer": "c", "lines": [{"sku": "x", "n": 2}], "qty": 3}))
        .unwrap();
    let shown = |fields: &str| {
        let mut out = Vec::new();
        let projection = Projection::parse(&shape, fields).unwrap();
        shape.write_json_projected(&value, &projection, &mut out);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(shown("qty,customer"), r#"{"customer":"c","qty":3}"#);
    assert_eq!(shown("lines.sku"), r#"{"lines":[{"sku":"x"}]}"#);
    assert_eq!(shown("lines.sku,lines,at"), r#"{"at":null,"lines":[{"sku":"x","n":2}]}"#);
    assert_eq!(shown("lines,lines.sku"), r#"{"lines":[{"sku":"x","n":2}]}"#);
    let refused = Projection::parse(&shape, "custmer").unwrap_err();
    assert!(refused.contains("did you mean \"customer\""), "{refused}");
    assert!(Projection::parse(&shape, "customer.x").is_err());
    assert!(Projection::parse(&shape, "").is_err());
}

#[test]
fn query_text_is_read_as_json_without_quotes() {
    let decimal = Shape::Decimal { precision: 6, scale: 2 };
    assert_eq!(Shape::Boolean.from_text("true"), Ok(Value::Bool(true)));
    assert_eq!(Shape::Int.from_text("-3"), Ok(Value::Int(-3)));
    assert_eq!(decimal.from_text("12.5"), Ok(dec("12.50")));
    assert_eq!(Shape::String.from_text(""), Ok(Value::Text("".into())));
    assert_eq!(Shape::Timestamp.from_text("1970-01-01T00:00:01Z"), Ok(Value::Timestamp(1000)));
    for (shape, text) in [
        (&Shape::Boolean, "TRUE"),
        (&Shape::Int, "3000000000"),
        (&Shape::Long, "+1"),
        (&Shape::Double, "NaN"),
        (&Shape::Double, "inf"),
        (&decimal, "1.555"),
        (&Shape::Date, ""),
        (&Shape::Array(Arc::new(Shape::Int)), "1"),
    ] {
        assert!(shape.from_text(text).unwrap_err().starts_with("must "), "{text}");
    }
}

#[test]
fn a_number_that_no_double_holds_is_refused_at_its_place() {
    let body =
        br#"{"customer":1e400,"qty":-1E999,"weight":1e309,"count":9e400,"tags":{"a/b":1e400},
        "lines":[{"sku":"1e400","n":1}]}"#;
    let Err(JsonError::Misfits(misfits)) = order().parse_json(body) else { panic!("misfits") };
    let places: Vec<_> = misfits.iter().map(|m| (m.pointer.as_str(), m.code)).collect();
    let expected = [
        ("/customer", "wrong-type"),
        ("/qty", "out-of-range"),
        ("/weight", "out-of-range"),
        ("/count", "out-of-range"),
        ("/tags/a~1b", "out-of-range"),
    ];
    assert_eq!(places, expected);
    assert!(matches!(order().parse_json(b"{\"count\":1e400"), Err(JsonError::Malformed { .. })));
}
