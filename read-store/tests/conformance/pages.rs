//! Pages against a sorted list: random keys, directions, prefixes, ranges, limits.

use std::cmp::Ordering;
use std::sync::Arc;

use foldline_read_store::{
    Batch, CellWrite, Mark, PageRequest, Range, Reader, RowWrite, StoreError, Writer,
};
use model::rows::{Amount, Row};
use model::{Decimal, Direction, Measure, MeasureKind, Rollup, Shape, Value, View, ViewKind};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::world::*;

type Order = Vec<(usize, Direction)>;

/// The columns of a table; which are its key and its order.
struct Table {
    view: Arc<View>,
    key: Vec<usize>,
    order: Vec<(usize, Direction)>,
    rows: Vec<Vec<Value>>,
}

const COLUMNS: usize = 5;

/// Few values, so that rows share prefixes and bounds are hit.
fn value(at: usize, number: usize) -> Value {
    let small = number as i64 - 2;
    match at {
        0 => Value::Bool(number > 2),
        1 => Value::Text(["", "a", "aé", "b", "\u{10000}"][number].into()),
        2 => Value::Decimal(Decimal::new(i128::from(small) * 77, 1).expect("it is small")),
        3 => Value::Timestamp(small),
        _ => Value::Int(small * 1_000_000_007_000),
    }
}

fn columns() -> Vec<model::Column> {
    let decimal = Shape::Decimal { precision: 20, scale: 1 };
    let shapes = [Shape::Boolean, Shape::String, decimal, Shape::Timestamp, Shape::Long];
    let keyed = shapes.into_iter().enumerate().map(|(at, shape)| column(&format!("k{at}"), shape));
    keyed.chain([column("rest", Shape::Long)]).collect()
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

fn by_order(table: &Table, reversed: bool, one: &[Value], two: &[Value]) -> Ordering {
    for (at, direction) in &table.order {
        let falls = (*direction == Direction::Descending) != reversed;
        let order = compare(&one[*at], &two[*at]);
        if order != Ordering::Equal {
            return if falls { order.reverse() } else { order };
        }
    }
    Ordering::Equal
}

fn tables() -> Vec<Table> {
    use Direction::{Ascending as Up, Descending as Down};
    let shapes: [(u32, Vec<usize>, Order); 5] = [
        (1, vec![], vec![(0, Up), (1, Down), (2, Up), (3, Down), (4, Up)]),
        (1, vec![1], vec![(4, Down), (3, Down), (2, Down), (0, Down)]),
        (3, vec![0], vec![(2, Down), (1, Up), (4, Up), (3, Up)]),
        // A column of the key that is sorted by too stands still.
        (2, vec![0, 3], vec![(1, Up), (0, Down), (4, Down), (2, Up)]),
        (1, vec![2], vec![(2, Up), (4, Up), (1, Up), (0, Up), (3, Up)]),
    ];
    let table = |(nth, (buckets, key, order)): (usize, (u32, Vec<usize>, Vec<_>))| {
        let view = rows_of(&format!("v{nth}"), buckets, columns(), key.clone(), order.clone());
        Table { view, key, order, rows: Vec::new() }
    };
    shapes.into_iter().enumerate().map(table).collect()
}

async fn filled(engine: &dyn Engine) -> (Arc<dyn Reader>, Vec<Table>) {
    let (reader, mut writer) = engine.open().await;
    let mut tables = tables();
    let views: Vec<&Arc<View>> = tables.iter().map(|table| &table.view).collect();
    let catalog = catalog_of(0, vec![run_of("r", &views)]);
    writer.migrate(&model_of(&views), &catalog).await.expect("it migrates");
    let mut runner = runner();
    for table in &mut tables {
        for nth in 0..150 {
            let numbers = sample(&mut runner, prop::collection::vec(0..5_usize, COLUMNS));
            let mut row: Vec<Value> =
                numbers.into_iter().enumerate().map(|(at, number)| value(at, number)).collect();
            row.push(Value::Int(nth));
            let same = |other: &Vec<Value>| other[..COLUMNS] == row[..COLUMNS];
            if !table.rows.iter().any(same) {
                table.rows.push(row);
            }
        }
        let write = |row: &Vec<Value>| RowWrite {
            run: run(),
            view: table.view.clone(),
            id: "o-1".into(),
            row: Row(row.clone()),
            always_null: Vec::new(),
            delete: false,
            offset: 1,
        };
        let rows = table.rows.iter().map(write).collect();
        writer.apply(Batch { rows, ..Batch::default() }).await.expect("it is applied");
    }
    (reader, tables)
}

/// The same numbers in every run, so that all engines are asked the same.
fn runner() -> TestRunner {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn sample<S: Strategy>(runner: &mut TestRunner, strategy: S) -> S::Value {
    strategy.new_tree(runner).expect("nothing is filtered out").current()
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

fn question(runner: &mut TestRunner, table: &Table) -> PageRequest {
    let numbers = sample(runner, prop::collection::vec(0..5_usize, 2 * COLUMNS + 2));
    let flags = sample(runner, prop::collection::vec(any::<bool>(), 5));
    let fixed = sample(runner, 0..table.order.len()).min(sample(runner, 0..table.order.len()));
    let key: Vec<Value> = table.key.iter().map(|at| value(*at, numbers[*at])).collect();
    let prefix = table.order[..fixed].iter().map(|(at, _)| {
        // What stands still mostly has the key's value.
        let number = if table.key.contains(at) { numbers[*at] } else { numbers[COLUMNS + at] };
        value(*at, number)
    });
    let ranged = table.order[fixed].0;
    let bound =
        |nth: usize, inclusive| Some((value(ranged, numbers[2 * COLUMNS + nth]), inclusive));
    PageRequest {
        prefix: prefix.collect(),
        key,
        range: Range {
            lower: if flags[0] { bound(0, flags[1]) } else { None },
            upper: if flags[2] { bound(1, flags[3]) } else { None },
        },
        reversed: flags[4],
        after: None,
        limit: sample(runner, 1..7_usize),
        columns: None,
    }
}

fn expected(table: &Table, asked: &PageRequest) -> Vec<Vec<Value>> {
    let mut rows = table.rows.clone();
    rows.retain(|row| {
        let fits = |at: usize, value: &Value| compare(&row[at], value) == Ordering::Equal;
        table.key.iter().zip(&asked.key).all(|(at, value)| fits(*at, value))
            && table.order.iter().zip(&asked.prefix).all(|((at, _), value)| fits(*at, value))
            && in_range(&row[table.order[asked.prefix.len()].0], &asked.range)
    });
    rows.sort_by(|one, two| by_order(table, asked.reversed, one, two));
    rows
}

pub async fn a_walk_over_pages_is_the_sorted_list(engine: &dyn Engine) {
    let (reader, tables) = filled(engine).await;
    let mut runner = runner();
    let mut seen = 0;
    for table in &tables {
        for _ in 0..40 {
            let mut asked = question(&mut runner, table);
            let expected = expected(table, &asked);
            seen += expected.len();
            let mut walked: Vec<Vec<Value>> = Vec::new();
            loop {
                let page = reader.page(&run(), &table.view, &asked).await.expect("a page");
                assert!(page.rows.len() <= asked.limit);
                walked.extend(page.rows);
                assert_eq!(page.more, walked.len() < expected.len(), "{asked:?}");
                let Some(last) = walked.last().filter(|_| page.more) else { break };
                asked.after = Some(table.order.iter().map(|(at, _)| last[*at].clone()).collect());
            }
            assert_eq!(walked, expected, "{asked:?}");
        }
        for _ in 0..20 {
            // A cursor from elsewhere never leaves the range.
            let asked =
                PageRequest { prefix: Vec::new(), limit: 500, ..question(&mut runner, table) };
            let cut = table.order[0].0;
            let numbers = sample(&mut runner, prop::collection::vec(0..5_usize, COLUMNS));
            let range = Range { lower: Some((value(cut, numbers[0]), true)), upper: None };
            let after: Vec<Value> =
                table.order.iter().map(|(at, _)| value(*at, numbers[*at])).collect();
            let mut place = vec![Value::Null; COLUMNS];
            table.order.iter().zip(&after).for_each(|((at, _), value)| place[*at] = value.clone());
            // What stands still can't be elsewhere.
            table.key.iter().zip(&asked.key).for_each(|(at, value)| place[*at] = value.clone());
            let asked = PageRequest {
                after: Some(table.order.iter().map(|(at, _)| place[*at].clone()).collect()),
                range,
                ..asked
            };
            let mut expected = expected(table, &asked);
            expected
                .retain(|row| by_order(table, asked.reversed, row, &place) == Ordering::Greater);
            let page = reader.page(&run(), &table.view, &asked).await.expect("a page");
            assert_eq!(page.rows, expected, "{asked:?}");
        }
    }
    assert!(seen > 200, "the questions find something: {seen}");
}

pub async fn columns_not_asked_for_are_null(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    world.writer.apply(world.batch(4)).await.expect("it is applied");
    let asked =
        PageRequest { columns: Some(Vec::new()), ..all_of(vec![Value::Text("ann".into())]) };
    let page = world.reader.page(&run(), &world.list, &asked).await.expect("a page");
    let mut row = world.row(4, false).row.0;
    row[2] = Value::Null;
    assert_eq!(page.rows, [row]);
}

pub async fn a_page_that_does_not_fit_is_refused(engine: &dyn Engine) {
    let world = World::new(engine).await;
    let text = || Value::Text("ann".into());
    let good = all_of(vec![text()]);
    let bad = [
        all_of(Vec::new()),
        PageRequest { prefix: vec![text(); 3], ..good.clone() },
        PageRequest { after: Some(vec![text()]), ..good.clone() },
        PageRequest { columns: Some(vec![9]), ..good.clone() },
        PageRequest { prefix: vec![text()], ..good.clone() },
    ];
    for asked in bad {
        let refused = world.reader.page(&run(), &world.list, &asked).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{asked:?}");
    }
    let page = world.reader.page(&run(), &world.list, &good).await.expect("a page");
    assert!(page.rows.is_empty());
}

pub async fn whole_tables_are_walked_in_stretches(engine: &dyn Engine) {
    let (reader, tables) = filled(engine).await;
    for table in &tables {
        let mut walked: Vec<Vec<Value>> = Vec::new();
        loop {
            let after = walked.last().map(Vec::as_slice);
            let page = reader.scan_rows(&run(), &table.view, after, 7).await.expect("a stretch");
            assert!(page.len() <= 7);
            if page.is_empty() {
                break;
            }
            walked.extend(page);
        }
        // Engines have orders of their own.
        let numbered = |rows: &[Vec<Value>]| {
            let mut rows = rows.to_vec();
            rows.sort_by(|one, two| compare(&one[COLUMNS], &two[COLUMNS]));
            rows
        };
        assert_eq!(numbered(&walked), numbered(&table.rows));
    }
}

fn by_shop(buckets: u32) -> Arc<View> {
    let measure = |name: &str, kind| Measure { name: name.into(), kind, expr: None };
    let rollup = Rollup {
        group: vec![column("day", Shape::Timestamp), column("shop", Shape::String)],
        key: vec![1],
        clustering: vec![(0, Direction::Descending)],
        measures: vec![measure("n", MeasureKind::Count), measure("sum", MeasureKind::Int)],
    };
    view_of("by-shop", 9, buckets, ViewKind::Rollup(rollup))
}

async fn fill_cells(writer: &mut dyn Writer, view: &Arc<View>) {
    for source in 0..3_u32 {
        // Days 5, 6 and 7 are emptied again.
        let cells = (0..60_i64).map(|offset| {
            let (day, takes) = if offset < 40 { (offset % 20, 1) } else { (5 + offset % 3, 0) };
            let gone = takes == 0 && offset < 46;
            let rows = if gone { -1 } else { takes };
            CellWrite {
                run: run(),
                view: view.clone(),
                group: vec![Value::Timestamp(day), Value::Text("s".into())],
                add: vec![
                    Amount::Exact(rows.into()),
                    Amount::Exact(i128::from(rows * (source as i64 + 1))),
                ],
                rows,
                offset,
            }
        });
        let mark = Mark { partition: ("log".into(), source), ..mark("r", 60) };
        let batch = Batch { cells: cells.collect(), marks: vec![mark], ..Batch::default() };
        writer.apply(batch).await.expect("it is applied");
    }
}

pub async fn groups_are_paged_across_their_cells(engine: &dyn Engine) {
    let (reader, mut writer) = engine.open().await;
    let view = by_shop(2);
    let catalog = catalog_of(0, vec![run_of("r", &[&view])]);
    writer.migrate(&model_of(&[&view]), &catalog).await.expect("it migrates");
    fill_cells(&mut *writer, &view).await;
    let group = |day: i64| {
        vec![Value::Timestamp(day), Value::Text("s".into()), Value::Int(6), Value::Int(12)]
    };
    let expected: Vec<_> = (0..20).rev().filter(|day| !(5..8).contains(day)).map(group).collect();
    for (limit, reversed) in [(1, false), (3, true), (4, false), (100, true)] {
        let mut asked = PageRequest { limit, reversed, ..all_of(vec![Value::Text("s".into())]) };
        let mut walked: Vec<Vec<Value>> = Vec::new();
        loop {
            let page = reader.page(&run(), &view, &asked).await.expect("a page");
            walked.extend(page.rows);
            let Some(last) = walked.last().filter(|_| page.more) else { break };
            asked.after = Some(vec![last[0].clone()]);
        }
        if reversed {
            walked.reverse();
        }
        assert_eq!(walked, expected, "{limit}");
    }
    let mut walked: Vec<Vec<Value>> = Vec::new();
    loop {
        let after = walked.last().map(Vec::as_slice);
        let page = reader.scan_rows(&run(), &view, after, 4).await.expect("a stretch");
        if page.is_empty() {
            break;
        }
        walked.extend(page);
    }
    walked.sort_by(|one, two| compare(&two[0], &one[0]));
    assert_eq!(walked, expected);
}
