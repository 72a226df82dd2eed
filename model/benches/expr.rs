//! What a rule, a quantifier over lines and a total cost.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use foldline_model::Value;
use foldline_model::expr::{Env, Expr, Scope, Type, Want};
use foldline_model::schema::{FieldShape, RecordShape, Shape};

struct NoIds;

impl Env for NoIds {
    fn new_id(&mut self) -> Arc<str> {
        Arc::from("")
    }
}

fn record(name: &str, fields: Vec<(&str, Shape)>) -> Arc<RecordShape> {
    Arc::new(RecordShape {
        full_name: name.into(),
        fields: fields
            .into_iter()
            .map(|(name, shape)| FieldShape {
                name: name.into(),
                shape,
                default: None,
                aliases: Vec::new(),
                doc: None,
            })
            .collect(),
        aliases: Vec::new(),
        doc: None,
    })
}

fn evaluate(c: &mut Criterion) {
    let line = record("Line", vec![("qty", Shape::Long), ("price", Shape::Long)]);
    let lines = Shape::Array(Arc::new(Shape::Record(line)));
    let state = record("State", vec![("status", Shape::String), ("lines", lines)]);
    let scope =
        Scope { variables: vec![("state".into(), Type::Record(state))], ..Scope::default() };
    let line = Value::Record(Arc::new(vec![Value::Int(2), Value::Int(5)]));
    let lines = Value::List(Arc::new(vec![line; 2]));
    let frame = [Value::Record(Arc::new(vec![Value::Text("open".into()), lines]))];
    for (name, source) in [
        ("rule", "state.status == 'open'"),
        ("all of two", "state.lines.all(l, l.qty > 0 && l.price > 0)"),
        ("total of two", "sum(state.lines.map(l, l.qty * l.price))"),
    ] {
        let expr = Expr::compile(source, &scope, &|_| None, &Want::Any, &[])
            .expect("the benches' expressions are right");
        c.bench_function(name, |b| b.iter(|| black_box(expr.eval(black_box(&frame), &mut NoIds))));
    }
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
