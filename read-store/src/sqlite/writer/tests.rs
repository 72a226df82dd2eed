//! Batches and catalogs through the whole store.

mod batches;
mod catalogs;

use std::sync::Arc;

use bytes::Bytes;
use model::domain::Placed;
use model::expr::{Expr, Type};
use model::rows::{Amount, Row};
use model::schema::RecordShape;
use model::{
    Column, Direction, IdKind, Measure, MeasureKind, Model, Rollup, RowView, Shape, Value, View,
    ViewKind, ViewSource,
};
use tempfile::TempDir;

use super::*;
use crate::batch::{
    CellWrite, CommandWrite, HistoryWrite, Mark, ParkedWrite, RowWrite, StateWrite, UsedKey,
};
use crate::catalog::Run;
use crate::query::{PageRequest, Range};
use crate::sqlite::{SqliteReader, SqliteStore};
use crate::store::Reader;

const FOLD: [u8; 32] = [1; 32];

fn column(name: &str, shape: Shape) -> Column {
    let expr = Expr::slot(0, Type::Text);
    let expr = Placed { expr, source: name.into(), place: "orders/model.yaml:1".into() };
    let ty = Type::Text;
    Column { name: name.into(), ty, shape, shown: true, expr }
}

fn view_of(name: &str, hash: u8, kind: ViewKind) -> Arc<View> {
    let row_shape =
        RecordShape { full_name: "row".into(), fields: Vec::new(), aliases: Vec::new(), doc: None };
    Arc::new(View {
        name: name.into(),
        aggregate: "order".into(),
        source: ViewSource::State,
        filter: None,
        allow: None,
        row_shape: Arc::new(row_shape),
        buckets: 1,
        kind,
        hash: [hash; 32],
        place: "orders/model.yaml:1".into(),
    })
}

/// `key: [owner]`, `sort: [-at]`, then `id`; a list beside them.
fn list(hash: u8) -> Arc<View> {
    let tags = Shape::Array(Arc::new(Shape::String));
    let columns = vec![
        column("owner", Shape::String),
        column("at", Shape::Timestamp),
        column("tags", tags),
        column("id", Shape::String),
    ];
    let clustering = vec![(1, Direction::Descending), (3, Direction::Descending)];
    view_of(
        "by-owner",
        hash,
        ViewKind::Rows(RowView { columns, key: vec![0], clustering, sorted: 1 }),
    )
}

fn sums() -> Arc<View> {
    let measure = |name: &str, kind| Measure { name: name.into(), kind, expr: None };
    view_of(
        "per-day",
        7,
        ViewKind::Rollup(Rollup {
            group: vec![column("day", Shape::String)],
            key: Vec::new(),
            clustering: vec![(0, Direction::Ascending)],
            measures: vec![
                measure("orders", MeasureKind::Count),
                measure("revenue", MeasureKind::Decimal(2)),
                measure("points", MeasureKind::Int),
            ],
        }),
    )
}

fn model_of(views: &[&Arc<View>]) -> Arc<Model> {
    let state = RecordShape {
        full_name: "State".into(),
        fields: Vec::new(),
        aliases: Vec::new(),
        doc: None,
    };
    let state = Arc::new(state);
    Arc::new(Model {
        aggregates: vec![Arc::new(model::Aggregate {
            name: "order".into(),
            plural: "orders".into(),
            id: IdKind::Text,
            state_shape: Shape::Record(state.clone()),
            state,
            blank: Value::Null,
            commands: Vec::new(),
            events: Vec::new(),
            views: views.iter().map(|view| Arc::clone(view)).collect(),
            read: None,
            fold_hash: FOLD,
        })],
    })
}

fn run_of(id: &str, views: &[&Arc<View>]) -> Run {
    Run {
        id: RunId(id.into()),
        aggregate: "order".into(),
        fold_hash: FOLD,
        views: views.iter().map(|view| (view.name.clone(), view.hash)).collect(),
        primary: true,
        live: true,
    }
}

fn catalog_of(revision: u64, runs: Vec<Run>) -> Catalog {
    Catalog { revision, stream: None, runs, contracts: vec![("order".into(), "{}".into())] }
}

/// A store with one run, `r`, that feeds both views.
struct World {
    directory: TempDir,
    reader: Arc<SqliteReader>,
    writer: SqliteWriter,
    list: Arc<View>,
    sums: Arc<View>,
}

impl World {
    async fn new() -> World {
        let directory = tempfile::tempdir().expect("a directory is made");
        let (reader, mut writer) = SqliteStore::open(directory.path()).expect("it opens");
        let (list, sums) = (list(1), sums());
        let catalog = catalog_of(0, vec![run_of("r", &[&list, &sums])]);
        writer.migrate(&model_of(&[&list, &sums]), &catalog).await.expect("it migrates");
        World { directory, reader, writer, list, sums }
    }

    /// A batch that writes into every table, with its mark.
    fn batch(&self, offset: i64) -> Batch {
        let (run, id): (_, Arc<str>) = (RunId("r".into()), format!("o-{offset:03}").into());
        let aggregate: Arc<str> = "order".into();
        Batch {
            rows: vec![self.row(offset, false)],
            cells: vec![self.cell(offset, 1, 250)],
            history: vec![HistoryWrite {
                run: run.clone(),
                aggregate: aggregate.clone(),
                id: id.clone(),
                version: 1,
                event: "OrderPlaced".into(),
                time: 5,
                data: Bytes::from_static(&[0, 1]),
                offset,
            }],
            commands: vec![CommandWrite {
                run: run.clone(),
                aggregate: aggregate.clone(),
                id: id.clone(),
                used: used(offset),
            }],
            states: vec![StateWrite { run, aggregate, id, state: state(offset) }],
            parked: Vec::new(),
            marks: vec![mark("r", offset)],
        }
    }

    fn row(&self, offset: i64, delete: bool) -> RowWrite {
        let id: Arc<str> = format!("o-{offset:03}").into();
        let tags = Value::List(Arc::new(vec![Value::Text("a\"b".into())]));
        let at = Value::Timestamp(offset / 2);
        RowWrite {
            run: RunId("r".into()),
            view: self.list.clone(),
            row: Row(vec![Value::Text("ann".into()), at, tags, Value::Text(id.clone())]),
            id,
            always_null: Vec::new(),
            delete,
            offset,
        }
    }

    fn cell(&self, offset: i64, rows: i64, units: i128) -> CellWrite {
        CellWrite {
            run: RunId("r".into()),
            view: self.sums.clone(),
            group: vec![Value::Text("2026-11-21".into())],
            add: vec![
                Amount::Exact(rows.into()),
                Amount::Exact(units),
                Amount::Exact(i128::from(i64::MAX) * i128::from(rows)),
            ],
            rows,
            offset,
        }
    }

    async fn page(&self, view: &Arc<View>, key: Vec<Value>) -> Result<Vec<Vec<Value>>> {
        let request = PageRequest {
            key,
            prefix: Vec::new(),
            range: Range::default(),
            reversed: false,
            after: None,
            limit: 1_000,
            columns: None,
        };
        Ok(self.reader.page(&RunId("r".into()), view, &request).await?.rows)
    }

    /// All that readers see.
    async fn seen(&self) -> (Vec<Vec<Value>>, Vec<Vec<Value>>, usize, Vec<Mark>) {
        let run = RunId("r".into());
        let rows = self.reader.scan_rows(&run, &self.list, None, 1_000).await.expect("rows");
        let cells = self.reader.scan_rows(&run, &self.sums, None, 1_000).await;
        let states = self.reader.scan_states(&run, "order", None, 1_000).await.expect("states");
        let marks = self.reader.marks().await.expect("marks");
        // A sum that can't be shown stands for itself.
        (rows, cells.unwrap_or_default(), states.len(), marks.to_vec())
    }
}

fn state(offset: i64) -> StateRow {
    let state = Some(Bytes::from_static(b"avro"));
    StateRow { version: 1, offset, keyed: 1, state, parked_from: None }
}

fn used(offset: i64) -> UsedKey {
    UsedKey {
        number: 1,
        key: "k".into(),
        caller: "ann".into(),
        hash: [9; 32],
        first_version: 1,
        events: vec!["OrderPlaced".into(), "CreditChecked".into()],
        began: offset % 2 == 0,
        offset,
    }
}

fn mark(run: &str, offset: i64) -> Mark {
    let partition = ("log".into(), 0);
    Mark { run: RunId(run.into()), partition, offset, claim: Some([3; 16]), seq: offset as u64 }
}

fn parked(view: Option<&str>, offset: i64, reason: &str) -> ParkedWrite {
    ParkedWrite {
        run: RunId("r".into()),
        aggregate: "order".into(),
        id: "o-1".into(),
        view: view.map(Into::into),
        partition: ("log".into(), 0),
        offset,
        version: 2,
        reason: reason.into(),
    }
}
