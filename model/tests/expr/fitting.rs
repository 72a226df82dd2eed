//! What may be put into which field.

use foldline_model::expr::{Type, Want};
use foldline_model::{Shape, Value};
use rstest::rstest;

use crate::support::*;

#[rstest]
#[case("1", Shape::Double, Value::Double(1.0))]
#[case("-1", Shape::Double, Value::Double(-1.0))]
#[case("state.balance", Shape::Int, Value::Int(70))]
#[case("'open'", status(), text("open"))]
#[case("state.ok ? 'open' : 'placed'", status(), text("open"))]
#[case("state.ok ? 'open' : state.status", status(), text("open"))]
#[case("state.status", Shape::String, text("placed"))]
#[case("['open']", array(status()), list([text("open")]))]
#[case("'0199A3B0-0000-7000-8000-000000000001'", Shape::Uuid, text(UUID))]
#[case("string(state.ref)", Shape::Uuid, text(UUID))]
#[case("state.ref", Shape::String, text(UUID))]
#[case("1", decimal(10, 2), dec(1_00, 2))]
#[case("decimal('1.5')", decimal(10, 2), dec(1_50, 2))]
#[case("decimal('1.500')", decimal(10, 2), dec(1_50, 2))]
#[case("state.total * 2", decimal(10, 2), dec(25_00, 2))]
#[case("[decimal('1.5'), 2]", array(decimal(10, 2)), list([dec(1_50, 2), dec(2_00, 2)]))]
#[case("state.due", Shape::Timestamp, Value::Timestamp(TODAY))]
#[case("timestamp('2026-11-21T00:00:00Z')", Shape::Date, Value::Timestamp(TODAY))]
#[case("null", nullable(Shape::Long), Value::Null)]
#[case("state.limit", nullable(Shape::Int), Value::Null)]
#[case("state.balance", nullable(Shape::Long), Value::Int(70))]
#[case("state.ok ? state.limit : null", nullable(Shape::Long), Value::Null)]
#[case("[]", array(Shape::Int), list([]))]
#[case("{}", Shape::Map(std::sync::Arc::new(Shape::Int)), map(&[]))]
#[case("state.lines", array(Shape::Record(line())), list([line_value("a", 2, 1_50), line_value("b", 3, 2_25)]))]
#[case("actor.claims.tenant", Shape::String, text("t-1"))]
#[case("actor.claims.level", Shape::Double, Value::Double(3.0))]
#[case("actor.claims.none", nullable(Shape::String), Value::Null)]
fn values_fit(#[case] source: &str, #[case] shape: Shape, #[case] expected: Value) {
    assert_eq!(fit(source, shape), Ok(expected), "{source}");
}

#[rstest]
#[case("1.5", Shape::Long, "int(x)")]
#[case("state.balance", Shape::Double, "double(x)")]
#[case("'opn'", status(), "did you mean 'open'?")]
#[case("state.ok ? 'open' : 'shut'", status(), "its symbols are")]
#[case("id", status(), "write one of the symbols")]
#[case("'nope'", Shape::Uuid, "")]
#[case("3000000000", Shape::Int, "")]
#[case("decimal('1.555')", decimal(10, 2), "")]
#[case("decimal('100')", decimal(4, 2), "")]
#[case("now", Shape::Date, "date(t)")]
#[case("null", Shape::Long, "")]
#[case("state.limit", Shape::Long, "test it first")]
#[case("state.rate", decimal(4, 2), "decimal('1.50')")]
#[case("state.balance", Shape::String, "string(x)")]
#[case("state.lines", array(Shape::String), "")]
#[case("now - now", Shape::Long, "")]
fn values_do_not_fit(#[case] source: &str, #[case] shape: Shape, #[case] hint: &str) {
    let (_, message, found) = refused(source, &Want::Shape(shape));
    assert!(found.contains(hint), "{message}: {found}");
}

#[rstest]
#[case("state.balance * 100000000000", Shape::Int, "does not fit an Avro int")]
#[case("state.total * decimal('0.33')", decimal(10, 2), "more than 2 places")]
#[case("state.total * 10", decimal(4, 2), "more than 4 digits")]
#[case("id", Shape::Uuid, "not a uuid")]
#[case("actor.claims.level", Shape::String, "a claim is an int")]
fn run_time_decides(#[case] source: &str, #[case] shape: Shape, #[case] detail: &str) {
    let error = fit(source, shape).unwrap_err().0;
    assert!(error.contains(detail), "{error}");
}

#[test]
fn places_want_their_types() {
    assert!(compile("state.ok", &Want::Bool).is_ok());
    assert!(compile("actor.claims.admin", &Want::Bool).is_ok());
    assert!(compile("state.balance", &Want::Bool).is_err());
    assert!(compile("state.lines", &Want::List).is_ok());
    assert!(compile("state.limit", &Want::Measure { double: false }).is_err());
    assert!(compile("state.rate", &Want::Measure { double: false }).is_err());
    assert!(compile("state.rate", &Want::Measure { double: true }).is_ok());
}

#[test]
fn types_of_columns_are_known() {
    let ty = |source: &str| compile(source, &Want::Any).unwrap().ty().clone();
    assert_eq!(ty("state.total * decimal('1.5')"), Type::Decimal(3));
    assert_eq!(ty("state.ok ? state.total : 1"), Type::Decimal(2));
    assert_eq!(ty("sum(state.lines.map(l, l.price * l.qty))"), Type::Decimal(2));
    assert_eq!(ty("date(now)"), Type::Date);
    assert_eq!(ty("state.ok ? null : 'x'"), Type::Nullable(Type::Text.into()));
    assert_eq!(Type::Decimal(2).to_shape(), Some(decimal(28, 2)));
    assert_eq!(Type::Duration.to_shape(), None);
}

#[test]
fn paths_and_slots_are_told() {
    let expr = compile("maybe != null && maybe.limit == null && state.total > 1", &Want::Bool);
    let expr = expr.unwrap();
    let paths: Vec<&str> = expr.paths().iter().map(|p| &**p).collect();
    assert_eq!(paths, ["maybe", "maybe.limit", "state.total"]);
    assert!(expr.reads(0) && expr.reads(4) && !expr.reads(1) && !expr.reads(99));
    let values: Vec<_> = expr.path_values(&frame()).map(|(p, _, v)| (p.to_string(), v)).collect();
    let expected = [("maybe".to_owned(), Value::Null), ("state.total".to_owned(), dec(12_50, 2))];
    assert_eq!(values, expected);
    assert!(compile("state.lines", &Want::List).unwrap().is_path());
    assert!(!compile("state.lines + []", &Want::List).unwrap().is_path());
}
