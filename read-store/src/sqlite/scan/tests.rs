//! Pages against a sorted list: random keys, directions, prefixes, ranges, limits.

use std::cmp::Ordering;

use model::rows::Row;
use model::{Decimal, Direction};
use proptest::prelude::*;

use super::*;
use crate::sqlite::table::quoted;
use crate::sqlite::table::view::ViewTable;
use crate::sqlite::value::Codec;

/// A table of key columns `k0…` and one more column, and its rows.
#[derive(Clone, Debug)]
struct World {
    directions: Vec<Direction>,
    key: usize,
    rows: Vec<Vec<Value>>,
}

const CODECS: [Codec; 5] =
    [Codec::Bool, Codec::Text, Codec::SortableDecimal(1), Codec::Time, Codec::Int];

fn layout(world: &World) -> Layout {
    let mut columns: Vec<_> = world
        .directions
        .iter()
        .enumerate()
        .map(|(at, _)| (quoted(&format!("k{at}")), CODECS[at].clone()))
        .collect();
    columns.push((quoted("rest"), Codec::Int));
    Layout {
        table: quoted("view_test_00000000"),
        columns,
        primary: world.directions.iter().copied().enumerate().collect(),
        key: world.key,
        filter: None,
    }
}

/// Few values, so that rows share prefixes and bounds are hit.
fn value(at: usize, number: i64) -> Value {
    match CODECS[at] {
        Codec::Bool => Value::Bool(number > 0),
        Codec::Text => Value::Text(["", "a", "aé", "b", "\u{10000}"][number as usize].into()),
        Codec::SortableDecimal(places) => {
            Value::Decimal(Decimal::new(i128::from(number - 2) * 7, places).expect("it is small"))
        }
        Codec::Time => Value::Timestamp(number - 2),
        _ => Value::Int(number * 1_000_000_007_000 - 2),
    }
}

fn compare(one: &Value, two: &Value) -> Ordering {
    match (one, two) {
        (Value::Bool(one), Value::Bool(two)) => one.cmp(two),
        (Value::Text(one), Value::Text(two)) => one.chars().cmp(two.chars()),
        (Value::Decimal(one), Value::Decimal(two)) => one.units().cmp(&two.units()),
        (Value::Timestamp(one), Value::Timestamp(two)) | (Value::Int(one), Value::Int(two)) => {
            one.cmp(two)
        }
        other => panic!("not of one type: {other:?}"),
    }
}

fn order(world: &World, reversed: bool, one: &[Value], two: &[Value]) -> Ordering {
    for (at, direction) in world.directions.iter().enumerate() {
        let falls = (*direction == Direction::Descending) != reversed;
        let order = compare(&one[at], &two[at]);
        if order != Ordering::Equal {
            return if falls { order.reverse() } else { order };
        }
    }
    Ordering::Equal
}

fn worlds() -> impl Strategy<Value = World> {
    let direction = prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)];
    (prop::collection::vec(direction, 1..=5), 0..2_usize)
        .prop_flat_map(|(directions, key)| {
            let cells = prop::collection::vec(0..5_i64, directions.len());
            (Just(directions), Just(key), prop::collection::vec(cells, 0..60))
        })
        .prop_map(|(mut directions, key, cells)| {
            directions[..key].fill(Direction::Ascending);
            let row = |(nth, cells): (usize, Vec<i64>)| {
                let mut row: Vec<Value> =
                    cells.into_iter().enumerate().map(|(at, n)| value(at, n)).collect();
                row.push(Value::Int(nth as i64));
                row
            };
            World { directions, key, rows: cells.into_iter().enumerate().map(row).collect() }
        })
}

/// Writes all rows; those that share a key replace each other.
fn filled(world: &World) -> (Connection, ViewTable, Vec<Vec<Value>>) {
    let on = Connection::open_in_memory().expect("memory is there");
    let table = ViewTable::of_layout(layout(world));
    on.execute_batch(&table.create).expect("the table is made");
    let mut kept: Vec<Vec<Value>> = Vec::new();
    for row in &world.rows {
        let written = Row(row.clone());
        table.write(&on, std::iter::once((&written, false))).expect("a row is written");
        kept.retain(|other| order(world, false, other, row) != Ordering::Equal);
        kept.push(row.clone());
    }
    (on, table, kept)
}

fn in_range(value: &Value, range: &Range) -> bool {
    let above = range.lower.as_ref().is_none_or(|(bound, inclusive)| {
        let order = compare(value, bound);
        order == Ordering::Greater || *inclusive && order == Ordering::Equal
    });
    let below = range.upper.as_ref().is_none_or(|(bound, inclusive)| {
        let order = compare(value, bound);
        order == Ordering::Less || *inclusive && order == Ordering::Equal
    });
    above && below
}

/// Walks from page to page to the end.
fn walk(on: &Connection, table: &ViewTable, scan: &mut Scan<'_>) -> Vec<Vec<Value>> {
    let fixed = scan.equal.len();
    let mut out: Vec<Vec<Value>> = Vec::new();
    loop {
        let last = out.last().cloned();
        let primary = table.layout.primary.len();
        let step = Scan {
            equal: scan.equal.clone(),
            range: scan.range,
            reversed: scan.reversed,
            after: last.as_ref().map(|row| row[fixed..primary].iter().collect()),
            limit: scan.limit,
            columns: scan.columns,
        };
        let page = step.run(on, &table.layout).expect("a page is read");
        assert!(page.len() <= scan.limit);
        if page.is_empty() {
            return out;
        }
        out.extend(page);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_walk_over_pages_is_the_sorted_list(
        world in worlds(),
        fixed in 0..4_usize,
        numbers in prop::collection::vec(0..5_i64, 6),
        bounds in any::<(bool, bool, bool, bool)>(),
        reversed in any::<bool>(),
        limit in 1..7_usize,
    ) {
        let (on, table, mut expected) = filled(&world);
        let fixed = fixed.min(world.directions.len() - 1);
        let equal: Vec<Value> = (0..fixed).map(|at| value(at, numbers[at])).collect();
        let range = Range {
            lower: bounds.0.then(|| (value(fixed, numbers[4]), bounds.1)),
            upper: bounds.2.then(|| (value(fixed, numbers[5]), bounds.3)),
        };
        expected.retain(|row| row[..fixed] == equal[..] && in_range(&row[fixed], &range));
        expected.sort_by(|one, two| order(&world, reversed, one, two));
        let mut scan = Scan {
            equal: equal.iter().collect(), range: &range, reversed, after: None, limit, columns: None,
        };
        prop_assert_eq!(walk(&on, &table, &mut scan), expected);
    }

    #[test]
    fn a_cursor_from_elsewhere_never_leaves_the_range(
        world in worlds(),
        numbers in prop::collection::vec(0..5_i64, 7),
        inclusive in any::<bool>(),
        reversed in any::<bool>(),
    ) {
        let (on, table, mut expected) = filled(&world);
        let range = Range {
            lower: Some((value(0, numbers[5]), inclusive)),
            upper: Some((value(0, numbers[6]), inclusive)),
        };
        let after: Vec<Value> =
            (0..world.directions.len()).map(|at| value(at, numbers[at])).collect();
        expected.retain(|row| in_range(&row[0], &range));
        expected.retain(|row| order(&world, reversed, row, &after) == Ordering::Greater);
        expected.sort_by(|one, two| order(&world, reversed, one, two));
        let scan = Scan {
            equal: Vec::new(), range: &range, reversed, after: Some(after.iter().collect()),
            limit: 100, columns: None,
        };
        prop_assert_eq!(scan.run(&on, &table.layout).expect("a page is read"), expected);
    }

    #[test]
    fn no_step_of_a_page_sorts_or_walks_over_other_rows(world in worlds(), reversed in any::<bool>()) {
        let (on, table, _) = filled(&world);
        let values: Vec<Value> = (0..world.directions.len()).map(|at| value(at, 1)).collect();
        for fixed in world.key..world.directions.len() {
            let range = Range { lower: Some((values[fixed].clone(), true)), upper: None };
            for range in [&range, &Range::default()] {
                let scan = Scan {
                    equal: values[..fixed].iter().collect(),
                    range, reversed, after: None, limit: 3, columns: None,
                };
                for after in steps(&values[fixed..]) {
                    let after = after.as_ref().map(|(shared, beyond)| (&shared[..], *beyond));
                    let (sql, bound) = scan.statement(&table.layout, &[0], after);
                    let plan = plan(&on, &sql, bound.len() + 1);
                    prop_assert!(!plan.contains("TEMP B-TREE"), "{plan}\n{sql}");
                    prop_assert_eq!(plan.matches('?').count(), bound.len(), "{}\n{}", plan, sql);
                }
            }
        }
    }
}

type Step<'a> = Option<(Vec<&'a Value>, &'a Value)>;

fn steps(after: &[Value]) -> Vec<Step<'_>> {
    let step = |shared: usize| Some((after[..shared].iter().collect(), &after[shared]));
    std::iter::once(None).chain((0..after.len()).map(step)).collect()
}

fn plan(on: &Connection, sql: &str, parameters: usize) -> String {
    let mut statement = on.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("it parses");
    for at in 1..=parameters {
        statement.raw_bind_parameter(at, 1).expect("it has so many");
    }
    let mut rows = statement.raw_query();
    let mut out = Vec::new();
    while let Some(row) = rows.next().expect("a plan is told") {
        out.push(row.get::<_, String>(3).expect("its detail is text"));
    }
    out.join("; ")
}

#[test]
fn a_page_that_does_not_fit_is_refused() {
    let directions = vec![Direction::Ascending; 2];
    let world = World { directions, key: 1, rows: Vec::new() };
    let (on, table, _) = filled(&world);
    let (range, one) = (Range::default(), Value::Bool(true));
    let page = |equal: usize, after: Option<usize>, columns: Option<&[usize]>| {
        let after = after.map(|n| vec![&one; n]);
        Scan { equal: vec![&one; equal], range: &range, reversed: false, after, limit: 1, columns }
            .run(&on, &table.layout)
    };
    assert!(matches!(page(3, None, None), Err(StoreError::Refused(_))));
    assert!(matches!(page(1, Some(2), None), Err(StoreError::Refused(_))));
    assert!(matches!(page(1, None, Some(&[9])), Err(StoreError::Refused(_))));
    assert!(matches!(page(2, None, None), Err(StoreError::Refused(_))), "of another type");
    assert_eq!(page(1, None, None), Ok(Vec::new()));
}

#[test]
fn columns_not_asked_for_are_null_and_key_columns_always_come() {
    let world = World {
        directions: vec![Direction::Ascending],
        key: 0,
        rows: vec![vec![Value::Bool(true), Value::Int(7)]],
    };
    let (on, table, _) = filled(&world);
    let range = Range::default();
    let page = Scan {
        equal: Vec::new(),
        range: &range,
        reversed: false,
        after: None,
        limit: 5,
        columns: Some(&[]),
    };
    let rows = page.run(&on, &table.layout).expect("a page is read");
    assert_eq!(rows, [[Value::Bool(true), Value::Null]]);
}
