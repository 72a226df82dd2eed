//! What is refused at load, and where the error points.

use foldline_model::expr::{Expr, Want};
use rstest::rstest;

use crate::support::*;

/// `at` is the text that the offset points at.
#[rstest]
#[case("stat.balance", "stat", "did you mean `state`?")]
#[case("state.balnce > 1", "balnce", "did you mean `balance`?")]
#[case("state.lines.all(l, l.quantity > 1)", "quantity", "it has sku, qty")]
#[case("sizee(state.lines)", "sizee", "did you mean `size`?")]
#[case("math.absolute(state.balance) > 1", "absolute", "math.abs,")]
#[case("state.balance == rich", "rich", "the text would be 'rich'")]
#[case("state.balance + 1.5", "+ 1.5", "double(x)")]
#[case("state.rate > 1", "> 1", "1.0")]
#[case("state.total * 1.5", "* 1.5", "decimal('1.50')")]
#[case("state.total / 2", "/ 2", "int(d)")]
#[case("1u", "1u", "leave out the `u`")]
#[case("uint(1)", "uint", "leave out `uint`")]
#[case("state.limit > 1", "state.limit", "state.limit != null")]
#[case("size(state.owner) > 1", "state.owner", "state.owner != null")]
#[case("maybe.balance", "maybe", "maybe != null")]
#[case("state.limit != null || state.limit > 1", "state.limit >", "test it first")]
#[case("state.status == 'plced'", "'plced'", "did you mean 'placed'?")]
#[case("state.status in ['open', 'shut']", "['open'", "its symbols are")]
#[case("state.ref == 'nope'", "'nope'", "uuids look like")]
#[case("state.names + 1", "+ 1", "list + [x]")]
#[case("state.owner.city", "state.owner", "test it first")]
#[case("state.names.matches('x')", "state.names", "")]
#[case("id.matches(state.names[0])", "state.names[0]", "constant")]
#[case("id.matches('[')", "'['", "")]
#[case("Lime{sku: 'x'}", "Lime", "short name")]
#[case("Line{sku: 'x', price: 1, quty: 2}", "quty", "did you mean `qty`?")]
#[case("Line{sku: 'x'}", "Line", "price")]
#[case("Line{sku: 1, price: 1}", "1, price", "string(x)")]
#[case("round(state.rate, 2)", "state.rate", "math.round")]
#[case("round(state.total, state.balance)", "state.balance)", "")]
#[case("timestamp('yesterday')", "'yesterday'", "2026-11-21T10:00:00Z")]
#[case("duration('soon')", "'soon'", "1h30m")]
#[case("decimal('1,5')", "'1,5'", "1.50")]
#[case("decimal(id)", "id", "decimal('1.50')")]
#[case("[1, 'a']", "'a'", "string(x)")]
#[case("state.ok ? 1 : 2.0", "state.ok", "double(x)")]
#[case("sum(state.names)", "state.names", "")]
#[case("sum(state.lines)", "state.lines", "")]
#[case("state.names.size(1)", "size", "size(x)")]
#[case("contains(id, 'x')", "contains", "x.contains")]
#[case("id.substring('a')", "substring", "substring(int)")]
#[case("state.balance = 1", "= 1", "==")]
#[case("actor.name", "name", "it has sub, roles")]
#[case("state.lines['a']", "'a'", "")]
#[case("1 < 'a'", "< 'a'", "string(x)")]
#[case("now > '2026-01-01'", "> '2026", "timestamp(")]
#[case("math.abs(id)", "abs", "math.abs(int)")]
#[case("{1: 2}", "1: 2", "")]
#[case("{'a': 1, 'a': 2}", "'a': 2", "")]
fn mistakes_are_refused_where_they_stand(
    #[case] source: &str,
    #[case] at: &str,
    #[case] hint: &str,
) {
    let (offset, message, found) = refused(source, &Want::Any);
    assert!(source[offset..].starts_with(at), "{offset}: {message}");
    assert!(found.contains(hint), "{message}: {found}");
}

#[test]
fn offsets_count_bytes_where_text_is_not_ascii() {
    let source = "'héé' == id && nme == 'x'";
    let (offset, ..) = refused(source, &Want::Any);
    assert!(source[offset..].starts_with("nme"));
}

#[test]
fn every_error_is_reported() {
    let errors = compile("nme == 'x' && state.blance > 1.5 && size(1) > 0", &Want::Any);
    assert_eq!(errors.unwrap_err().len(), 3);
}

#[rstest]
#[case("")]
#[case("  ")]
#[case("1 +")]
#[case("(1")]
#[case("a b")]
#[case("'open")]
fn what_is_no_cel_is_refused(#[case] source: &str) {
    assert!(compile(source, &Want::Any).is_err());
}

#[test]
fn macros_nest_two_deep() {
    let two = "state.lines.all(l, state.names.exists(n, n == l.sku))";
    assert!(compile(two, &Want::Bool).is_ok());
    let three = "state.lines.all(l, state.names.all(n, [1].all(i, i > 0)))";
    let (_, message, _) = refused(three, &Want::Bool);
    assert!(message.contains("2 deep"), "{message}");
}

#[test]
fn new_id_stands_only_where_the_scope_says() {
    let mut scope = scope();
    scope.new_id = false;
    assert!(Expr::compile("new_id()", &scope, &types, &Want::Any, &[]).is_err());
}

#[rstest]
#[case("state.limit != null && state.limit > 1")]
#[case("state.limit == null || state.limit > 1")]
#[case("!(state.limit == null) && state.limit > 1")]
#[case("null != state.limit && state.limit > 1")]
#[case("state.limit == null ? false : state.limit > 1")]
#[case("state.limit != null ? state.limit > 1 : false")]
#[case("!(state.limit != null && state.ok) || state.limit > 1")]
#[case("state.ok && state.limit != null && state.limit > 1 && state.limit < 9")]
#[case("maybe != null && maybe.limit != null && maybe.limit > 1")]
#[case("maybe != null && maybe.address != null && maybe.address.city == 'x'")]
#[case("has(state.limit) && state.limit > 1")]
#[case("state.lines.all(l, l.note == null || size(l.note) > 1)")]
#[case("state.lines.filter(l, l.note != null).all(l, l.note != null && l.note != '')")]
#[case("state.limit == 5")]
#[case("state.limit != state.balance")]
fn tested_values_are_not_null(#[case] source: &str) {
    assert!(compile(source, &Want::Bool).is_ok(), "{:?}", compile(source, &Want::Bool));
}

#[rstest]
#[case("state.limit == null && state.limit > 1")]
#[case("state.limit != null ? true : state.limit > 1")]
#[case("(state.limit != null && state.ok) || state.limit > 1")]
#[case("state.lines.all(l, l.note != null) && state.lines.all(l, size(l.note) > 1)")]
#[case("state.owner != null && state.limit > 1")]
#[case("has(maybe.limit) && true")]
fn untested_values_may_be_null(#[case] source: &str) {
    refused(source, &Want::Bool);
}

#[test]
fn facts_of_the_entry_narrow() {
    let (scope, want) = (scope(), Want::Bool);
    let with = |facts: &[&str]| Expr::compile("state.limit > 1", &scope, &types, &want, facts);
    assert!(with(&[]).is_err());
    assert!(with(&["state.ok", "state.limit != null && state.ok"]).is_ok());
    assert!(with(&["state.limit != null || state.ok"]).is_err());
}
