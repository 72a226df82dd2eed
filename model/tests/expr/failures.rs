//! What fails at run time, and with which words.

use rstest::rstest;

use crate::support::*;

#[rstest]
#[case("9223372036854775807 + state.balance", "overflows")]
#[case("state.balance / 0", "division by zero")]
#[case("state.balance % 0", "division by zero")]
#[case("state.rate / 0.0", "division by zero")]
#[case("state.rate * 1e308 * 10.0", "NaN or infinite")]
#[case("state.tags.z", "no key 'z'")]
#[case("state.tags['z']", "no key 'z'")]
#[case("state.names[2]", "outside a list of 2")]
#[case("state.names[-1]", "outside a list of 2")]
#[case("actor.claims.nothing == 1", "no key 'nothing'")]
#[case("actor.claims.tenant > 1", "can't compare a text with an int")]
#[case("max(state.lines.filter(l, false).map(l, l.qty))", "max of an empty list")]
#[case("lists.range(10001)", "longer than 10000")]
#[case("int(state.rate * 1e30)", "outside the range")]
#[case("int(id)", "no int")]
#[case("timestamp(id)", "no RFC 3339 timestamp")]
#[case("now + duration('80000000h')", "years 1 to 9999")]
#[case("id.substring(9)", "outside the text")]
#[case("decimal('9999999999999999999999999999') + 1 + state.total", "28 digits")]
fn failures_say_why(#[case] source: &str, #[case] detail: &str) {
    let error = eval(source).unwrap_err().0;
    assert!(error.contains(detail), "{source}: {error}");
}

#[rstest]
#[case("lists.range(10000).all(i, lists.range(10000).all(j, i + j >= 0))", "too much work")]
#[case("lists.range(10000).map(i, lists.range(10000)).flatten().size() > 0", "too")]
fn work_is_bounded(#[case] source: &str, #[case] detail: &str) {
    let error = eval(source).unwrap_err().0;
    assert!(error.contains(detail), "{source}: {error}");
}
