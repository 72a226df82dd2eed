//! Tests of the schema parser.

use rstest::rstest;

use super::*;
use crate::schema::{FieldShape, Shape};
use crate::value::{Decimal, Value};

fn source(file: &str, text: &str) -> SchemaSource {
    SchemaSource { file: file.into(), text: text.into(), namespace: "foldline.order".into() }
}

fn record(fields: &str) -> Result<Parsed, Vec<SchemaError>> {
    let text = format!("{{\"type\":\"record\",\"name\":\"R\",\"fields\":[\n{fields}\n]}}");
    Types::default().record(&source("R.avsc", &text))
}

fn only_field(fields: &str) -> FieldShape {
    record(fields).unwrap().shape.fields[0].clone()
}

#[test]
fn files_may_refer_to_each_other_in_any_order_and_to_shared_types() {
    let shared = Types::parse(
        &[SchemaSource {
            namespace: "foldline".into(),
            ..source(
                "types/Money.avsc",
                r#"{"type":"record","name":"Money","fields":[
                {"name":"cents","type":"long"}]}"#,
            )
        }],
        None,
    );
    assert_eq!(shared.1, []);
    let (types, errors) = Types::parse(
        &[
            source(
                "orders/types/Line.avsc",
                r#"{"type":"record","name":"Line","fields":[
                {"name":"price","type":"Money"}, {"name":"kind","type":"Kind"}]}"#,
            ),
            source(
                "orders/types/Kind.avsc",
                r#"{"type":"enum","name":"Kind","symbols":["a","b"]}"#,
            ),
        ],
        Some(&shared.0),
    );
    assert_eq!(errors, []);
    let Some(Shape::Record(line)) = types.get("Line") else { panic!("Line is a record") };
    assert_eq!(&*line.full_name, "foldline.order.Line");
    assert_eq!(line.fields[0].shape.full_name(), Some("foldline.Money"));
    assert_eq!(line.fields[1].shape, types.get("Kind").unwrap());
    assert!(types.get("Money").is_some());
    let names: Vec<&str> = types.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 3);
}

#[test]
fn a_name_is_looked_up_in_the_folder_before_the_shared_types() {
    let text = r#"{"type":"enum","name":"Kind","symbols":["x"]}"#;
    let shared =
        Types::parse(&[SchemaSource { namespace: "foldline".into(), ..source("s", text) }], None).0;
    let (types, _) = Types::parse(&[source("o", text)], Some(&shared));
    let user = r#"{"type":"record","name":"R","fields":[
        {"name":"near","type":"Kind"},{"name":"far","type":"foldline.Kind"}]}"#;
    let parsed = types.record(&source("R.avsc", user)).unwrap();
    assert_eq!(parsed.shape.fields[0].shape.full_name(), Some("foldline.order.Kind"));
    assert_eq!(parsed.shape.fields[1].shape.full_name(), Some("foldline.Kind"));
}

#[test]
fn nested_definitions_are_known_to_what_follows_and_to_the_set() {
    let parsed = record(
        r#"{"name":"a","type":{"type":"array","items":{"type":"record","name":"Item","fields":[
             {"name":"n","type":"int"}]}}},
           {"name":"b","type":["null","Item"]}"#,
    )
    .unwrap();
    let Shape::Array(item) = &parsed.shape.fields[0].shape else { panic!("an array") };
    let Shape::Nullable { inner, null_first: true } = &parsed.shape.fields[1].shape else {
        panic!("nullable")
    };
    assert_eq!(item, inner);
    assert_eq!(parsed.schema_json.matches("\"fields\"").count(), 2, "defined once, then named");
}

#[test]
fn the_schema_is_self_contained_and_means_the_same_to_another_avro() {
    let parsed = record(
        r#"{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"doc":"when"},
           {"name":"on","type":{"type":"int","logicalType":"date"},"default":20000},
           {"name":"key","type":{"type":"string","logicalType":"uuid"}},
           {"name":"sum","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2},
            "default":"\u0000"},
           {"name":"raw","type":"bytes","default":"\u00ff\u0001"},
           {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["a","b"],"default":"b"}},
           {"name":"tags","type":{"type":"map","values":["null","long"]},"default":{}},
           {"name":"note","type":["null","string"],"default":null,"aliases":["remark"]}"#,
    )
    .unwrap();
    assert_eq!(parsed.shape.fields[0].shape, Shape::Timestamp);
    assert_eq!(parsed.shape.fields[1].default, Some(Value::Timestamp(20_000 * 86_400_000)));
    apache_avro::Schema::parse_str(&parsed.schema_json).unwrap();
    let again = Types::default().record(&source("R.avsc", &parsed.schema_json)).unwrap();
    assert_eq!(again, parsed);
}

#[test]
fn the_id_changes_with_a_default_but_not_with_a_doc_or_alias() {
    let id = |field: &str| record(field).unwrap().schema_id;
    let plain = id(r#"{"name":"a","type":"int"}"#);
    assert_eq!(plain, id(r#"{"type":"int","name":"a","doc":"an a","aliases":["b"]}"#));
    assert_ne!(plain, id(r#"{"name":"a","type":"int","default":0}"#));
    assert_ne!(plain, id(r#"{"name":"a","type":{"type":"int","logicalType":"date"}}"#));
    assert!(plain > 0 && plain <= i32::MAX as u32);
    // Written into logs: it must never change.
    assert_eq!(plain, 2_100_348_574);
}

#[test]
fn a_decimal_default_is_avro_bytes_or_the_number_itself() {
    let default = |text: &str| {
        let ty = r#"{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}"#;
        only_field(&format!(r#"{{"name":"a","type":{ty},"default":{text}}}"#)).default.unwrap()
    };
    let decimal = |text: &str| Value::Decimal(Decimal::parse(text).unwrap());
    assert_eq!(default(r#""\u0000""#), decimal("0.00"));
    assert_eq!(default(r#""\u0004Ò""#), decimal("12.34"));
    assert_eq!(default(r#""12.3""#), decimal("12.30"));
}

#[rstest]
#[case(r#"{"name":"a","type":"float"}"#, 2, 20, "no type \"float\"", "double")]
#[case(r#"{"name":"a","type":"strng"}"#, 2, 20, "no type", "did you mean \"string\"")]
#[case(r#"{"name":"a","type":"enum","symbols":["x"]}"#, 2, 20, "no type", "nest")]
#[case(r#"{"name":"a","type":"long","logicalType":"date"}"#, 2, 27, "belongs to a type", "nest")]
#[case(r#"{"name":"a","type":{"type":"fixed","name":"F","size":4}}"#, 2, 28, "fixed", "bytes")]
#[case(r#"{"name":"a","type":["null"]}"#, 2, 20, "two branches", "null")]
#[case(r#"{"name":"a","type":["int","string"]}"#, 2, 20, "two branches", "null")]
#[case(r#"{"name":"a","type":["null","int","string"]}"#, 2, 20, "two branches", "null")]
#[case(r#"{"name":"a","type":{"type":"array","items":"null"}}"#, 2, 44, "take up space", "")]
#[case(
    r#"{"name":"a","type":{"type":"array","items":{"type":"record","name":"E","fields":[]}}}"#,
    2,
    44,
    "take up space",
    ""
)]
#[case(r#"{"name":"a","type":"R"}"#, 2, 20, "contains itself", "recursive")]
#[case(
    r#"{"name":"a","type":{"type":"long","logicalType":"timestamp-micros"}}"#,
    2,
    49,
    "unknown logical type",
    "timestamp-millis"
)]
#[case(
    r#"{"name":"a","type":{"type":"int","logicalType":"uuid"}}"#,
    2,
    48,
    "can't be on int",
    "string"
)]
#[case(
    r#"{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":29}}"#,
    2,
    72,
    "precision",
    ""
)]
#[case(
    r#"{"name":"a","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":5}}"#,
    2,
    82,
    "scale",
    ""
)]
#[case(r#"{"name":"a","type":"int","default":"x"}"#, 2, 36, "does not fit", "integer")]
#[case(r#"{"name":"a","type":"int","default":3000000000}"#, 2, 36, "does not fit", "32 bits")]
#[case(r#"{"name":"a","type":"int","defualt":1}"#, 2, 26, "unknown member", "default")]
#[case(
    r#"{"name":"a","type":{"type":"enum","name":"K","symbols":["open"]},"default":"opne"}"#,
    2,
    76,
    "does not fit",
    "did you mean \"open\""
)]
#[case(r#"{"name":"a","type":{"type":"enum","name":"K","symbols":["x","x"]}}"#, 2, 61, "twice", "")]
#[case(
    "{\"name\":\"a\",\"type\":\"int\"},\n  {\"name\":\"a\",\"type\":\"int\"}",
    3,
    3,
    "twice",
    ""
)]
#[case(r#"{"name":"a-b","type":"int"}"#, 2, 9, "no field name", "letters")]
#[case(r#"{"name":"a"}"#, 2, 1, "needs a \"type\"", "")]
fn what_the_language_refuses_is_reported_at_its_place(
    #[case] field: &str,
    #[case] line: u32,
    #[case] column: u32,
    #[case] message: &str,
    #[case] hint: &str,
) {
    let errors = record(field).unwrap_err();
    let error = &errors[0];
    assert!(error.message.contains(message), "{error:?}");
    assert!(error.hint.as_deref().unwrap_or("").contains(hint), "{error:?}");
    assert_eq!((error.line, error.column), (line, column), "{error:?}");
}

#[test]
fn all_errors_of_all_files_are_reported_at_once() {
    let (types, errors) = Types::parse(
        &[
            source("b.avsc", "{\n  \"type\": \"record\""),
            source(
                "a.avsc",
                r#"{"type":"record","name":"A","fields":[
                {"name":"x","type":"Nope"},{"name":"y","type":"float"}]}"#,
            ),
            source("c.avsc", r#"{"type":"enum","name":"C","symbols":["c"]}"#),
            source("d.avsc", r#""string""#),
        ],
        None,
    );
    let places: Vec<(&str, u32)> =
        errors.iter().map(|e| (e.file.to_str().unwrap(), e.line)).collect();
    assert_eq!(places, [("a.avsc", 2), ("a.avsc", 2), ("b.avsc", 2), ("d.avsc", 1)]);
    assert!(types.get("C").is_some());
    assert!(types.get("A").is_none());
}

#[test]
fn records_that_contain_each_other_are_refused() {
    let (_, errors) = Types::parse(
        &[
            source("a", r#"{"type":"record","name":"A","fields":[{"name":"b","type":"B"}]}"#),
            source(
                "b",
                r#"{"type":"record","name":"B","fields":[
                {"name":"a","type":{"type":"array","items":"A"}}]}"#,
            ),
        ],
        None,
    );
    assert!(errors[0].message.contains("contains itself"), "{errors:?}");
}

#[test]
fn a_name_defined_twice_is_refused() {
    let text = r#"{"type":"enum","name":"C","symbols":["c"]}"#;
    let (_, errors) = Types::parse(&[source("a", text), source("b", text)], None);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.contains("twice"), "{errors:?}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    #[test]
    fn any_text_is_parsed_or_refused(text in "[\\[\\]{}:,\"a-z0-9 \\\\\n]{0,60}") {
        let _ = Types::default().record(&source("x", &text));
    }

    #[test]
    fn any_cut_of_a_schema_is_parsed_or_refused(cut in 0_usize..200, insert in "\\PC{0,3}") {
        let whole = r#"{"type":"record","name":"A","fields":[{"name":"x","type":["null",
            {"type":"map","values":"int"}],"default":null,"doc":"é"}]}"#;
        let cut = (0..=cut.min(whole.len())).rev().find(|i| whole.is_char_boundary(*i)).unwrap();
        let text = format!("{}{insert}{}", &whole[..cut], &whole[cut..]);
        let _ = Types::default().record(&source("x", &text));
    }
}
