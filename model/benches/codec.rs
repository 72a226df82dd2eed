//! Our codec beside apache-avro's own values, on an order of two lines.

use std::hint::black_box;
use std::time::Duration;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use criterion::{Criterion, criterion_group, criterion_main};
use foldline_model::schema::{Resolution, SchemaSource, Shape, Types};

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[
    {"name":"customer","type":"string"},
    {"name":"placed_at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"total","type":"long"},
    {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
        {"name":"sku","type":"string"},{"name":"qty","type":"int"},{"name":"price","type":"long"}
    ]}}},
    {"name":"note","type":["null","string"],"default":null}]}"#;
const JSON: &[u8] = br#"{"customer":"c-1","placed_at":"2026-11-21T10:00:00Z","total":2500,
    "lines":[{"sku":"pen","qty":2,"price":500},{"sku":"ink","qty":1,"price":1500}]}"#;

fn order(schema: &str) -> (Shape, String) {
    let (file, namespace) = ("Order.avsc".into(), "foldline.order".to_owned());
    let source = SchemaSource { file, text: schema.to_owned(), namespace };
    let parsed = Types::default().record(&source).expect("the schema above is valid");
    (Shape::Record(parsed.shape), parsed.schema_json)
}

fn codec(criterion: &mut Criterion) {
    let (shape, schema_json) = order(ORDER);
    let (newer, _) = order(&ORDER.replace(r#""qty","type":"int""#, r#""qty","type":"double""#));
    let resolution = Resolution::new(&shape, &newer).expect("int widens to double");
    let value = shape.parse_json(JSON).expect("the input fits");
    let mut bytes = Vec::new();
    shape.encode(&value, &mut bytes);
    let mut out = Vec::with_capacity(1024);

    criterion.bench_function("ours: encode", |b| {
        b.iter(|| {
            out.clear();
            shape.encode(black_box(&value), &mut out);
        });
    });
    criterion.bench_function("ours: decode", |b| b.iter(|| shape.decode(black_box(&bytes))));
    criterion.bench_function("ours: decode with resolution", |b| {
        b.iter(|| resolution.decode(black_box(&bytes)));
    });
    criterion.bench_function("ours: read JSON", |b| b.iter(|| shape.parse_json(black_box(JSON))));
    criterion.bench_function("ours: write JSON", |b| {
        b.iter(|| {
            out.clear();
            shape.write_json(black_box(&value), &mut out);
        });
    });

    let schema = Schema::parse_str(&schema_json).expect("the schema is valid Avro");
    let reader = GenericDatumReader::builder(&schema).build().expect("a plain reader");
    let writer = GenericDatumWriter::builder(&schema).build().expect("a plain writer");
    let theirs = reader.read_value(&mut &bytes[..]).expect("both agree on the bytes");
    criterion.bench_function("apache-avro: encode", |b| {
        b.iter(|| writer.write_value_to_vec(black_box(theirs.clone())));
    });
    criterion.bench_function("apache-avro: decode", |b| {
        b.iter(|| reader.read_value(&mut black_box(&bytes[..])));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = codec
}
criterion_main!(benches);
