//! A scope with a bit of everything, and short ways to compile and evaluate in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldline_model::expr::{Env, EvalError, Expr, ExprError, Scope, Type, Want, actor_value};
use foldline_model::schema::{EnumShape, FieldShape, RecordShape, Shape};
use foldline_model::{Decimal, Value};

pub fn text(s: &str) -> Value {
    Value::Text(s.into())
}

pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(Arc::new(items.into_iter().collect()))
}

pub fn ints(items: &[i64]) -> Value {
    list(items.iter().map(|i| Value::Int(*i)))
}

pub fn dec(units: i128, places: u8) -> Value {
    Value::Decimal(Decimal::new(units, places).unwrap())
}

pub fn map(entries: &[(&str, Value)]) -> Value {
    let entries: BTreeMap<Arc<str>, Value> =
        entries.iter().map(|(k, v)| ((*k).into(), v.clone())).collect();
    Value::Map(Arc::new(entries))
}

pub fn record(fields: impl IntoIterator<Item = Value>) -> Value {
    Value::Record(Arc::new(fields.into_iter().collect()))
}

pub fn nullable(inner: Shape) -> Shape {
    Shape::Nullable { inner: Arc::new(inner), null_first: true }
}

pub fn array(inner: Shape) -> Shape {
    Shape::Array(Arc::new(inner))
}

pub fn decimal(precision: u8, scale: u8) -> Shape {
    Shape::Decimal { precision, scale }
}

pub fn enumeration(name: &str, symbols: &[&str]) -> Shape {
    Shape::Enum(Arc::new(EnumShape {
        full_name: format!("foldline.test.{name}").into(),
        symbols: symbols.iter().map(|s| (*s).into()).collect(),
        default: None,
        aliases: Vec::new(),
        doc: None,
    }))
}

pub fn shape(name: &str, fields: Vec<(&str, Shape, Option<Value>)>) -> Arc<RecordShape> {
    Arc::new(RecordShape {
        full_name: format!("foldline.test.{name}").into(),
        fields: fields
            .into_iter()
            .map(|(name, shape, default)| FieldShape {
                name: name.into(),
                shape,
                default,
                aliases: Vec::new(),
                doc: None,
            })
            .collect(),
        aliases: Vec::new(),
        doc: None,
    })
}

pub fn status() -> Shape {
    enumeration("Status", &["open", "placed", "cancelled"])
}

pub fn line() -> Arc<RecordShape> {
    shape(
        "Line",
        vec![
            ("sku", Shape::String, None),
            ("qty", Shape::Int, Some(Value::Int(1))),
            ("price", decimal(10, 2), None),
            ("note", nullable(Shape::String), None),
        ],
    )
}

pub fn state() -> Arc<RecordShape> {
    let address = shape("Address", vec![("city", Shape::String, None)]);
    shape(
        "State",
        vec![
            ("balance", Shape::Long, None),
            ("rate", Shape::Double, None),
            ("status", status(), None),
            ("total", decimal(12, 2), None),
            ("lines", array(Shape::Record(line())), None),
            ("tags", Shape::Map(Arc::new(Shape::Long)), None),
            ("owner", nullable(Shape::String), None),
            ("limit", nullable(Shape::Long), None),
            ("address", nullable(Shape::Record(address)), None),
            ("placed_at", Shape::Timestamp, None),
            ("due", Shape::Date, None),
            ("ref", Shape::Uuid, None),
            ("raw", Shape::Bytes, None),
            ("names", array(Shape::String), None),
            ("ok", Shape::Boolean, None),
        ],
    )
}

pub const UUID: &str = "0199a3b0-0000-7000-8000-000000000001";
/// 2026-11-21T14:05:06.789Z
pub const NOW: i64 = 1_795_269_906_789;
/// 2026-11-21
pub const TODAY: i64 = 1_795_219_200_000;

pub fn line_value(sku: &str, qty: i64, cents: i128) -> Value {
    record([text(sku), Value::Int(qty), dec(cents, 2), Value::Null])
}

pub fn state_value() -> Value {
    record([
        Value::Int(70),
        Value::Double(1.5),
        text("placed"),
        dec(12_50, 2),
        list([line_value("a", 2, 1_50), line_value("b", 3, 2_25)]),
        map(&[("x", Value::Int(1)), ("y", Value::Int(2))]),
        text("ann"),
        Value::Null,
        record([text("Bern")]),
        Value::Timestamp(NOW),
        Value::Timestamp(TODAY),
        text(UUID),
        Value::Bytes([1, 2, 3].as_slice().into()),
        list([text("x"), text("y")]),
        Value::Bool(true),
    ])
}

/// `state id now actor maybe`, where `maybe` is the state or null.
pub fn scope() -> Scope {
    let ty = Type::Record(state());
    Scope {
        variables: vec![
            ("state".into(), ty.clone()),
            ("id".into(), Type::Text),
            ("now".into(), Type::Timestamp),
            ("actor".into(), Type::Actor),
            ("maybe".into(), Type::Nullable(Arc::new(ty))),
        ],
        new_id: true,
        event_types: Vec::new(),
    }
}

pub fn frame() -> Vec<Value> {
    let claims = serde_json::json!({
        "tenant": "t-1", "level": 3, "ratio": 0.5, "admin": true, "teams": ["red", "blue"],
        "deep": { "a": 1 }, "none": null,
    });
    let actor = actor_value(&"ann".into(), &["clerk".into()], &["write".into()], &claims);
    vec![state_value(), text("o-1"), Value::Timestamp(NOW), actor, Value::Null]
}

pub fn types(name: &str) -> Option<Shape> {
    match name {
        "Line" => Some(Shape::Record(line())),
        "Status" => Some(status()),
        _ => None,
    }
}

pub struct Ids;

impl Env for Ids {
    fn new_id(&mut self) -> Arc<str> {
        UUID.into()
    }
}

pub fn compile(source: &str, want: &Want) -> Result<Expr, Vec<ExprError>> {
    Expr::compile(source, &scope(), &types, want, &[])
}

pub fn eval(source: &str) -> Result<Value, EvalError> {
    let expr = compile(source, &Want::Any).unwrap_or_else(|e| panic!("{source}: {e:?}"));
    expr.eval(&frame(), &mut Ids)
}

pub fn fit(source: &str, shape: Shape) -> Result<Value, EvalError> {
    let expr = compile(source, &Want::Shape(shape)).unwrap_or_else(|e| panic!("{source}: {e:?}"));
    expr.eval(&frame(), &mut Ids)
}

/// The only error: where, what, and what would be right.
pub fn refused(source: &str, want: &Want) -> (usize, String, String) {
    match compile(source, want) {
        Ok(expr) => panic!("{source} compiles to {:?}", expr.ty()),
        Err(errors) => {
            assert_eq!(errors.len(), 1, "{source}: {errors:?}");
            let e = errors[0].clone();
            (e.offset, e.message, e.hint.unwrap_or_default())
        }
    }
}
