//! `event` where a view is of several event types.

use std::sync::Arc;

use foldline_model::expr::{Expr, Scope, Type, Want};
use foldline_model::{Shape, Value};

use crate::support::*;

fn several() -> Scope {
    let paid = shape("Paid", vec![("amount", Shape::Long, None), ("by", Shape::String, None)]);
    let refunded = shape(
        "Refunded",
        vec![
            ("reason", Shape::String, None),
            ("by", Shape::Long, None),
            ("amount", Shape::Long, None),
        ],
    );
    let shared = shape("Shared", vec![("amount", Shape::Long, None)]);
    Scope {
        variables: vec![("event".into(), Type::Record(shared)), ("type".into(), Type::Text)],
        new_id: false,
        event_types: vec![("Paid".into(), paid), ("Refunded".into(), refunded)],
    }
}

fn on_both(source: &str) -> Vec<Value> {
    let expr = Expr::compile(source, &several(), &types, &Want::Any, &[])
        .unwrap_or_else(|e| panic!("{source}: {e:?}"));
    let paid = record([Value::Int(7), text("ann")]);
    let refunded = record([text("broken"), Value::Int(3), Value::Int(4)]);
    [("Paid", paid), ("Refunded", refunded)]
        .into_iter()
        .map(|(kind, event)| expr.eval(&[event, text(kind)], &mut Ids).unwrap())
        .collect()
}

fn error(source: &str) -> String {
    let errors = Expr::compile(source, &several(), &types, &Want::Any, &[]).unwrap_err();
    format!("{} {}", errors[0].message, errors[0].hint.clone().unwrap_or_default())
}

#[test]
fn shared_fields_are_found_by_name() {
    assert_eq!(on_both("event.amount"), [Value::Int(7), Value::Int(4)]);
}

#[test]
fn a_tested_type_opens_its_fields() {
    let both = on_both("type == 'Paid' ? event.by : 'nobody'");
    assert_eq!(both, [text("ann"), text("nobody")]);
    let both = on_both("type == 'Refunded' && event.reason == 'broken'");
    assert_eq!(both, [Value::Bool(false), Value::Bool(true)]);
    let both = on_both("type != 'Refunded' || event.by == 3");
    assert_eq!(both, [Value::Bool(true), Value::Bool(true)]);
}

#[test]
fn what_is_left_over_is_known_too() {
    let both = on_both("type == 'Paid' ? event.by : event.reason");
    assert_eq!(both, [text("ann"), text("broken")]);
}

#[test]
fn facts_tell_the_type() {
    let facts = ["type == 'Refunded'"];
    let want = Want::Shape(Shape::String);
    assert!(Expr::compile("event.reason", &several(), &types, &want, &facts).is_ok());
}

#[test]
fn fields_that_are_not_shared_are_refused() {
    assert!(error("event.reason").contains("type == 'Refunded'"));
    assert!(error("event.by").contains("with one type"));
    assert!(error("event.amont").contains("did you mean `amount`?"));
    assert!(error("type == 'Paid' && event.reason == ''").contains("Paid has no field"));
}

#[test]
fn unknown_event_names_are_refused() {
    assert!(error("type == 'Payd'").contains("did you mean 'Paid'?"));
    assert!(error("type in ['Paid', 'Gone']").contains("the view is of Paid, Refunded"));
}

#[test]
fn the_event_as_a_whole_needs_one_type() {
    assert!(error("[event]").contains("several types"));
    let scope = several();
    let expr = Expr::compile("event", &scope, &types, &Want::Any, &["type == 'Paid'"]).unwrap();
    assert_eq!(*expr.ty(), Type::Record(Arc::clone(&scope.event_types[0].1)));
}
