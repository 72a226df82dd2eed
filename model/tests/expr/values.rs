//! What expressions yield.

use foldline_model::Value;
use rstest::rstest;

use crate::support::*;

fn yields(source: &str, expected: Value) {
    assert_eq!(eval(source), Ok(expected), "{source}");
}

#[rstest]
#[case("true && !false", true)]
#[case("state.balance >= 70 && state.balance < 71", true)]
#[case("state.status == 'placed'", true)]
#[case("state.status in ['open', 'cancelled']", false)]
#[case("'clerk' in actor.roles", true)]
#[case("actor.sub == state.owner", true)]
#[case("state.limit == null", true)]
#[case("maybe == null || maybe.balance > 0", true)]
#[case("maybe != null && maybe.balance > 0", false)]
#[case("state.lines.all(l, l.qty > 1)", true)]
#[case("state.lines.exists(l, l.sku == 'b')", true)]
#[case("state.lines.exists_one(l, l.qty > 1)", false)]
#[case("true || 1 / 0 > 0", true)]
#[case("1 / 0 > 0 || true", true)]
#[case("1 / 0 > 0 && false", false)]
#[case("has(state.owner)", true)]
#[case("has(state.limit)", false)]
#[case("has(state.tags.x)", true)]
#[case("has(actor.claims.nothing)", false)]
#[case("'x' in state.tags", true)]
#[case("actor.claims.tenant == 't-1'", true)]
#[case("actor.claims.level > 2", true)]
#[case("actor.claims.admin", true)]
#[case("'red' in actor.claims.teams", true)]
#[case("actor.claims.deep.a == 1", true)]
#[case("actor.claims['tenant'].startsWith('t')", true)]
#[case("state.total == decimal('12.5')", true)]
#[case("state.total > 12", true)]
#[case("state.lines[0] == state.lines[0]", true)]
#[case("state.placed_at > timestamp('2026-11-21T00:00:00Z')", true)]
#[case("state.due == date(state.placed_at)", true)]
#[case("state.placed_at - state.due > duration('14h')", true)]
#[case("'a-1'.matches('^[a-z]-[0-9]$')", true)]
#[case("now.getFullYear() == 2026 && now.getMonth() == 10", true)]
#[case("size(state.lines) == 2 && state.names.size() == 2", true)]
fn conditions_decide(#[case] source: &str, #[case] expected: bool) {
    yields(source, Value::Bool(expected));
}

#[rstest]
#[case("1 + 2 * 3 - 4 / 2 % 3", Value::Int(5))]
#[case("-state.balance", Value::Int(-70))]
#[case("state.rate * 2.0", Value::Double(3.0))]
#[case("sum(state.lines.map(l, l.qty))", Value::Int(5))]
#[case("sum(state.lines.map(l, l.qty * l.price))", dec(9_75, 2))]
#[case("sum(state.lines.filter(l, l.qty > 9).map(l, l.price))", dec(0, 2))]
#[case("state.total + decimal('0.001')", dec(12_501, 3))]
#[case("state.total * decimal('1.5')", dec(18_750, 3))]
#[case("state.ok ? decimal('1') : decimal('1.50')", dec(1_00, 2))]
#[case("round(decimal('2.345'), 2)", dec(2_34, 2))]
#[case("round(decimal('-2.355'), 2)", dec(-2_36, 2))]
#[case("int(decimal('-2.9'))", Value::Int(-2))]
#[case("max([1, 3, 2])", Value::Int(3))]
#[case("min(state.lines.map(l, l.price))", dec(1_50, 2))]
#[case("state.lines.map(l, l.sku)", list([text("a"), text("b")]))]
#[case("state.lines.filter(l, l.qty == 3).map(l, l.sku)", list([text("b")]))]
#[case("state.lines.map(l, l.qty == 3, l.sku)", list([text("b")]))]
#[case("state.tags.x + state.tags['y']", Value::Int(3))]
#[case("put(state.tags, 'z', 9)['z']", Value::Int(9))]
#[case("drop(state.tags, 'x')", map(&[("y", Value::Int(2))]))]
#[case("day(now)", text("2026-11-21"))]
#[case("month(now)", text("2026-11"))]
#[case("hour(now)", text("2026-11-21T14"))]
#[case("date(now)", Value::Timestamp(TODAY))]
#[case("string(now)", text("2026-11-21T14:05:06.789Z"))]
#[case("state.owner == null ? 'nobody' : state.owner + '!'", text("ann!"))]
#[case("state.address != null ? state.address.city : ''", text("Bern"))]
#[case("new_id()", text(UUID))]
#[case("id + '-' + string(state.balance)", text("o-1-70"))]
#[case("{'a': 1, 'b': 2}['b']", Value::Int(2))]
#[case("[] + [1]", ints(&[1]))]
#[case(
    "Line{sku: 'z', price: decimal('1.5')}",
    record([text("z"), Value::Int(1), dec(1_50, 2), Value::Null])
)]
#[case("state.lines.sortBy(l, -l.qty).map(l, l.sku)", list([text("b"), text("a")]))]
#[case("lists.range(3)", ints(&[0, 1, 2]))]
#[case("math.greatest(1, 5, 2)", Value::Int(5))]
#[case("'a,b'.split(',').join('-').upperAscii()", text("A-B"))]
#[case("[[1], [2, 3]].flatten()", ints(&[1, 2, 3]))]
#[case("'%s has %d, %.1f%%'.format([id, state.balance, state.rate])", text("o-1 has 70, 1.5%"))]
#[case("'%x %X %o %b'.format([255, 'hi', 8, -5])", text("ff 6869 10 -101"))]
#[case("'%.1f %e'.format([state.total, 1234.5])", text("12.5 1.234500e+03"))]
#[case("'tacocat'.substring(1, 4) + 'héllo'.charAt(1)", text("acoé"))]
#[case("'hello mellow'.indexOf('ello', 2)", Value::Int(7))]
#[case("'hello mellow'.lastIndexOf('ello', 6)", Value::Int(1))]
#[case("'hello'.lastIndexOf('')", Value::Int(5))]
#[case("'hello hello'.replace('he', 'we', 1)", text("wello hello"))]
#[case("'hello hello'.split(' ', 1)", list([text("hello hello")]))]
#[case("'hello'.split('', 2)", list([text("h"), text("ello")]))]
#[case("'a b'.split(' ', 0)", list([]))]
#[case("'gums'.reverse() + ' x '.trim()", text("smugx"))]
#[case("strings.quote('a\\n')", text("\"a\\n\""))]
#[case("[3, 1, 3, 2].distinct().sort()", ints(&[1, 2, 3]))]
#[case("[1, 2, 3, 4].slice(1, 3).reverse()", ints(&[3, 2]))]
#[case("[1, [2][0]].last() + [5].first()", Value::Int(7))]
#[case("math.least([4, 2]) + math.sign(-3) + math.bitAnd(6, 3)", Value::Int(3))]
#[case(
    "math.round(-1.5) + math.ceil(1.2) + math.floor(1.8) + math.trunc(-1.9)",
    Value::Double(0.0)
)]
#[case("string(duration('1h30m')) + string(decimal('-0.50'))", text("5400s-0.50"))]
#[case("duration('-90s').getMinutes()", Value::Int(-1))]
#[case("timestamp('2026-11-21T23:30:00Z').getHours('+01:00')", Value::Int(0))]
#[case("int(timestamp('1970-01-01T00:01:00.5Z'))", Value::Int(60))]
#[case("string(timestamp('2026-11-21T10:00:00+02:00'))", text("2026-11-21T08:00:00Z"))]
fn values_come_out(#[case] source: &str, #[case] expected: Value) {
    yields(source, expected);
}
