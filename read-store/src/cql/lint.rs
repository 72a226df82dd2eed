//! Every statement that this store can make is one that ScyllaDB and Apache Cassandra both take,
//! and that may come late or twice: a small grammar says what is allowed.

mod grammar;

use std::sync::Arc;

use grammar::check;
use model::domain::Placed;
use model::expr::{Expr, Type};
use model::schema::RecordShape;
use model::{
    Column, Direction, Measure, MeasureKind, Rollup, RowView, Shape, Value, View, ViewKind,
    ViewSource,
};
use rstest::rstest;

use super::connect::QUESTIONS;
use super::fixed::COLUMNS;
use super::scan::Scan;
use super::shared::{RunTables, ViewOrRollup};
use super::statement::{
    Select, Statement, add_column, create_keyspace, create_table, drop_keyspace, drop_table, quoted,
};
use super::table::catalog::Stored;
use super::table::{catalog, marks, parked};
use crate::catalog::{Run, RunId};
use crate::query::Range;

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

fn column(name: &str, shape: Shape) -> Column {
    let expr = Placed {
        expr: Expr::slot(0, Type::Text),
        source: name.into(),
        place: "orders/model.yaml:1".into(),
    };
    Column { name: name.into(), ty: Type::Text, shape, shown: true, expr }
}

fn view(kind: ViewKind) -> View {
    let row_shape =
        RecordShape { full_name: "row".into(), fields: Vec::new(), aliases: Vec::new(), doc: None };
    View {
        name: "select-from-where".into(),
        aggregate: "order".into(),
        source: ViewSource::State,
        filter: None,
        allow: None,
        row_shape: Arc::new(row_shape),
        buckets: 3,
        kind,
        hash: [1; 32],
        place: "orders/model.yaml:1".into(),
    }
}

/// Columns of every type, under names that a statement could trip over.
fn columns() -> Vec<Column> {
    let shapes = [
        ("token", Shape::String),
        ("primary", Shape::Boolean),
        ("camelCase", Shape::Timestamp),
        ("limit", Shape::Decimal { precision: 9, scale: 2 }),
        ("a\"b", Shape::Long),
        ("list", Shape::Array(Arc::new(Shape::String))),
        ("blob", Shape::Bytes),
        ("double", Shape::Double),
    ];
    shapes.into_iter().map(|(name, shape)| column(name, shape)).collect()
}

fn views() -> Vec<View> {
    let mut views = Vec::new();
    for key in [vec![], vec![0], vec![1, 2]] {
        for first in DIRECTIONS {
            let order: Vec<_> =
                [(2, first), (3, Direction::Ascending), (4, Direction::Descending)].into();
            let (columns, sorted) = (columns(), order.len());
            let (key, clustering) = (key.clone(), order);
            views.push(view(ViewKind::Rows(RowView { columns, key, clustering, sorted })));
        }
        let kinds =
            [MeasureKind::Count, MeasureKind::Int, MeasureKind::Decimal(2), MeasureKind::Double];
        let measure = |(nth, kind): (usize, &MeasureKind)| Measure {
            name: format!("sum {nth}").into(),
            kind: *kind,
            expr: None,
        };
        let mut group = columns();
        group.truncate(3);
        let clustering =
            (0..3).filter(|at| !key.contains(at)).map(|at| (at, Direction::Descending)).collect();
        let measures = kinds.iter().enumerate().map(measure).collect();
        views.push(view(ViewKind::Rollup(Rollup { group, key, clustering, measures })));
    }
    views
}

fn run() -> Run {
    Run {
        id: RunId("r".into()),
        aggregate: "order-line".into(),
        fold_hash: [1; 32],
        views: Vec::new(),
        primary: true,
        live: true,
    }
}

fn of_run() -> Vec<Statement> {
    let RunTables { state, commands, history, .. } = RunTables::new(&run(), &Stored::default());
    let made = [state.create(), commands.create(), history.create()];
    let lazy = [
        &state.put,
        &state.park,
        &state.get,
        &state.first,
        &state.next,
        &commands.put,
        &commands.list,
        &history.put,
        &history.list,
    ];
    lazy.into_iter().map(|lazy| lazy.statement.clone()).chain(made).collect()
}

fn of_all() -> Vec<Statement> {
    let (marks_table, parked_table) = (marks::MarksTable::new(), parked::ParkedTable::new());
    let lazy = [
        &marks_table.put,
        &marks_table.wait,
        &marks_table.list,
        &marks_table.forget,
        &parked_table.put,
        &parked_table.list,
        &parked_table.of_id,
        &parked_table.any,
        &parked_table.last,
        &parked_table.forget_id,
        &parked_table.forget,
    ];
    let made = [
        create_table(&catalog::table()),
        create_table(&marks::table()),
        create_table(&parked::table()),
        create_keyspace("foldline", "dc'1", 3),
        drop_keyspace("foldline"),
        drop_table(&quoted("view_a_01234567")),
    ];
    lazy.into_iter().map(|lazy| lazy.statement.clone()).chain(made).collect()
}

fn of_view(view: &View) -> Vec<Statement> {
    let table = ViewOrRollup::new(view, &run(), &Stored::default());
    let mut out = vec![table.create()];
    match &table {
        ViewOrRollup::View(table) => {
            out.extend([table.put.statement.clone(), table.delete.statement.clone()]);
        }
        ViewOrRollup::Rollup(table) => {
            out.extend([table.put.statement.clone(), table.get.statement.clone()]);
        }
    }
    let layout = table.layout();
    let all: Vec<usize> = (0..layout.columns.len()).collect();
    let walk = || Select::new(&layout.table, &layout.selected(&all));
    out.extend([walk().limit(), walk().after_token(&layout.partition()).limit()]);
    for fixed in 0..=layout.declared.len() {
        for reversed in [false, true] {
            out.extend(pages(&table, fixed, reversed));
        }
    }
    out
}

/// The statements of pages with so many columns fixed: with and without range and cursor.
fn pages(table: &ViewOrRollup, fixed: usize, reversed: bool) -> Vec<Statement> {
    let layout = table.layout();
    let value = |at: &usize| value_of(&layout.columns[*at].1);
    let key: Vec<Value> = layout.key.iter().map(value).collect();
    let after: Vec<Value> = layout.declared.iter().map(|(at, _)| value(at)).collect();
    let mut ranges = vec![Range::default()];
    if let Some((at, _)) = layout.declared.get(fixed) {
        for inclusive in [false, true] {
            let bound = || Some((value(at), inclusive));
            ranges.push(Range { lower: bound(), upper: None });
            ranges.push(Range { lower: bound(), upper: bound() });
        }
    }
    let mut out = Vec::new();
    for range in &ranges {
        for cursor in [None, Some(&after[..])] {
            let (prefix, after) = (&after[..fixed], cursor);
            let scan =
                Scan { key: &key, prefix, range, reversed, after, limit: 5, columns: Some(&[]) };
            out.extend(scan.statements(layout).expect("it fits"));
        }
    }
    out
}

fn value_of(codec: &super::value::Codec) -> Value {
    use super::value::Codec;
    match codec {
        Codec::Bool => Value::Bool(true),
        Codec::Time => Value::Timestamp(1),
        Codec::Decimal(places) => Value::Decimal(model::Decimal::new(1, *places).expect("small")),
        Codec::Int => Value::Int(1),
        _ => Value::Text("a".into()),
    }
}

#[test]
fn every_statement_is_one_that_both_databases_take() {
    let mut statements = of_run();
    statements.extend(of_all());
    views().iter().for_each(|view| statements.extend(of_view(view)));
    assert!(statements.len() > 300, "{}", statements.len());
    for statement in &statements {
        assert_eq!(check(statement.text(), false), Ok(()), "{}", statement.text());
        assert!(statement.repeatable(), "{}", statement.text());
    }
    for question in QUESTIONS.into_iter().chain([COLUMNS]) {
        assert_eq!(check(question, false), Ok(()), "{question}");
    }
}

#[test]
fn only_the_catalog_has_conditions() {
    for statement in catalog::statements() {
        assert_eq!(check(statement.text(), true), Ok(()), "{}", statement.text());
        let conditional = statement.text().contains(" IF ");
        assert_eq!(check(statement.text(), false).is_err(), conditional);
        assert_eq!(statement.repeatable(), !conditional);
    }
}

#[test]
fn a_column_is_added_as_both_databases_take_it() {
    let added = add_column("parked", "topic", "text");
    assert_eq!(check(added.text(), false), Ok(()), "{}", added.text());
    assert!(!added.repeatable());
}

#[rstest]
#[case::no_timestamp("INSERT INTO \"t\" (a) VALUES (?)")]
#[case::no_timestamp_on_a_delete("DELETE FROM t WHERE a = ?")]
#[case::a_time_to_live("INSERT INTO t (a) VALUES (?) USING TIMESTAMP ? AND TTL ?")]
#[case::only_a_time_to_live("INSERT INTO t (a) VALUES (?) USING TTL ?")]
#[case::a_condition("INSERT INTO t (a) VALUES (?) IF NOT EXISTS")]
#[case::a_conditional_update("UPDATE t SET a = ? WHERE b = ? IF a = ?")]
#[case::a_plain_update("UPDATE t SET a = ? WHERE b = ?")]
#[case::a_counter("UPDATE t SET a = a + 1 WHERE b = ?")]
#[case::a_counter_column("CREATE TABLE IF NOT EXISTS t (a counter, PRIMARY KEY ((a)))")]
#[case::all_columns("SELECT * FROM t WHERE a = ?")]
#[case::filtering("SELECT a FROM t WHERE b = ? ALLOW FILTERING")]
#[case::a_list_of_keys("SELECT a FROM t WHERE b IN ?")]
#[case::a_literal("SELECT a FROM t WHERE b = 1")]
#[case::a_logged_batch("BEGIN BATCH INSERT INTO t (a) VALUES (?) USING TIMESTAMP ? APPLY BATCH")]
#[case::a_materialized_view("CREATE MATERIALIZED VIEW v AS SELECT a FROM t")]
#[case::an_index("CREATE INDEX ON t (a)")]
#[case::a_missing_if("CREATE TABLE t (a int, PRIMARY KEY ((a))) WITH gc_grace_seconds = 1")]
#[case::a_reserved_name("SELECT token FROM t WHERE a = ?")]
#[case::more_behind_it("DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS u")]
fn what_is_not_in_the_common_part_is_found(#[case] text: &str) {
    assert!(check(text, false).is_err(), "{text}");
}
