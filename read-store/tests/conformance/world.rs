//! A model, runs and batches to fill a store with.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use foldline_read_store::batch::{StateRow, UsedKey};
use foldline_read_store::{
    Batch, Catalog, CellWrite, CommandWrite, HistoryWrite, Mark, PageRequest, ParkedWrite, Range,
    Reader, RowWrite, Run, RunId, StateWrite, StoreError, Writer,
};
use model::domain::Placed;
use model::expr::{Expr, Type};
use model::rows::{Amount, Row};
use model::schema::RecordShape;
use model::{
    Column, Direction, IdKind, Measure, MeasureKind, Model, Rollup, RowView, Shape, Value, View,
    ViewKind, ViewSource,
};

/// A store that is empty at first and can be opened again.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Opens as another process would; only one writer is used at a time.
    async fn open(&self) -> (Arc<dyn Reader>, Box<dyn Writer>);

    /// Opens for reading, beside the writer.
    async fn beside(&self) -> Arc<dyn Reader>;

    /// Removes it.
    async fn close(self);
}

const FOLD: [u8; 32] = [1; 32];

pub fn column(name: &str, shape: Shape) -> Column {
    let expr = Expr::slot(0, Type::Text);
    let expr = Placed { expr, source: name.into(), place: "orders/model.yaml:1".into() };
    Column { name: name.into(), ty: Type::Text, shape, shown: true, expr }
}

pub fn view_of(name: &str, hash: u8, buckets: u32, kind: ViewKind) -> Arc<View> {
    let row_shape =
        RecordShape { full_name: "row".into(), fields: Vec::new(), aliases: Vec::new(), doc: None };
    Arc::new(View {
        name: name.into(),
        aggregate: "order".into(),
        source: ViewSource::State,
        filter: None,
        allow: None,
        row_shape: Arc::new(row_shape),
        buckets,
        kind,
        hash: [hash; 32],
        place: "orders/model.yaml:1".into(),
    })
}

pub fn rows_of(
    name: &str,
    buckets: u32,
    columns: Vec<Column>,
    key: Vec<usize>,
    clustering: Vec<(usize, Direction)>,
) -> Arc<View> {
    let sorted = clustering.len();
    view_of(name, 5, buckets, ViewKind::Rows(RowView { columns, key, clustering, sorted }))
}

/// `key: [owner]`, `sort: [-at]`, then `id`; a list and a note beside them.
pub fn list(hash: u8) -> Arc<View> {
    let columns = vec![
        column("owner", Shape::String),
        column("at", Shape::Timestamp),
        column("tags", Shape::Array(Arc::new(Shape::String))),
        column("id", Shape::String),
        column("note", Shape::String),
    ];
    let clustering = vec![(1, Direction::Descending), (3, Direction::Descending)];
    let rows = RowView { columns, key: vec![0], clustering, sorted: 1 };
    view_of("by-owner", hash, 1, ViewKind::Rows(rows))
}

pub fn sums() -> Arc<View> {
    let measure = |name: &str, kind| Measure { name: name.into(), kind, expr: None };
    let rollup = Rollup {
        group: vec![column("day", Shape::String)],
        key: Vec::new(),
        clustering: vec![(0, Direction::Ascending)],
        measures: vec![
            measure("orders", MeasureKind::Count),
            measure("revenue", MeasureKind::Decimal(2)),
            measure("points", MeasureKind::Int),
        ],
    };
    view_of("per-day", 7, 2, ViewKind::Rollup(rollup))
}

pub fn model_of(views: &[&Arc<View>]) -> Arc<Model> {
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

pub fn run_of(id: &str, views: &[&Arc<View>]) -> Run {
    Run {
        id: RunId(id.into()),
        aggregate: "order".into(),
        fold_hash: FOLD,
        views: views.iter().map(|view| (view.name.clone(), view.hash)).collect(),
        primary: true,
        live: true,
    }
}

pub fn catalog_of(revision: u64, runs: Vec<Run>) -> Catalog {
    Catalog { revision, stream: None, runs, contracts: vec![("order".into(), "{}".into())] }
}

pub fn run() -> RunId {
    RunId("r".into())
}

/// A store with one run, `r`, that feeds both views.
pub struct World {
    pub reader: Arc<dyn Reader>,
    pub writer: Box<dyn Writer>,
    pub list: Arc<View>,
    pub sums: Arc<View>,
}

/// All that readers see.
pub type Seen = (Vec<Vec<Value>>, Vec<Vec<Value>>, Vec<(Arc<str>, StateRow)>, Vec<Mark>);

impl World {
    pub async fn new(engine: &dyn Engine) -> World {
        let (reader, writer) = engine.open().await;
        World::of(reader, writer).await
    }

    /// In a store that is empty.
    pub async fn of(reader: Arc<dyn Reader>, mut writer: Box<dyn Writer>) -> World {
        let (list, sums) = (list(1), sums());
        let catalog = catalog_of(0, vec![run_of("r", &[&list, &sums])]);
        writer.migrate(&model_of(&[&list, &sums]), &catalog).await.expect("it migrates");
        World { reader, writer, list, sums }
    }

    /// A batch that writes into every table, with its mark.
    pub fn batch(&self, offset: i64) -> Batch {
        let (run, id): (_, Arc<str>) = (run(), id(offset));
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
                used: used(1, offset),
            }],
            states: vec![StateWrite { run, aggregate, id, state: state(offset) }],
            parked: Vec::new(),
            marks: vec![mark("r", offset)],
        }
    }

    pub fn row(&self, offset: i64, delete: bool) -> RowWrite {
        let id = id(offset);
        let tags = Value::List(Arc::new(vec![Value::Text("a\"b".into())]));
        let at = Value::Timestamp(offset / 2);
        let row = vec![Value::Text("ann".into()), at, tags, Value::Text(id.clone()), Value::Null];
        RowWrite {
            run: run(),
            view: self.list.clone(),
            row: Row(row),
            id,
            always_null: vec![4],
            delete,
            offset,
        }
    }

    pub fn cell(&self, offset: i64, rows: i64, units: i128) -> CellWrite {
        CellWrite {
            run: run(),
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

    pub async fn page(
        &self,
        view: &Arc<View>,
        key: Vec<Value>,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        Ok(self.reader.page(&run(), view, &all_of(key)).await?.rows)
    }

    pub async fn seen(&self) -> Seen {
        let rows = self.reader.scan_rows(&run(), &self.list, None, 1_000).await.expect("rows");
        let cells = self.reader.scan_rows(&run(), &self.sums, None, 1_000).await;
        let states = self.reader.scan_states(&run(), "order", None, 1_000).await.expect("states");
        let marks = self.reader.marks().await.expect("marks");
        // A sum that can't be shown stands for itself.
        (rows, cells.unwrap_or_default(), states, marks.to_vec())
    }
}

/// The first rows of a key.
pub fn all_of(key: Vec<Value>) -> PageRequest {
    PageRequest {
        key,
        prefix: Vec::new(),
        range: Range::default(),
        reversed: false,
        after: None,
        limit: 1_000,
        columns: None,
    }
}

pub fn id(offset: i64) -> Arc<str> {
    format!("o-{offset:03}").into()
}

pub fn state(offset: i64) -> StateRow {
    let state = Some(Bytes::from_static(b"avro"));
    StateRow { version: 1, offset, keyed: 1, state, parked_from: None }
}

pub fn used(number: u64, offset: i64) -> UsedKey {
    UsedKey {
        number,
        key: format!("k-{number}").into(),
        caller: "ann".into(),
        hash: [9; 32],
        first_version: 1,
        events: vec!["OrderPlaced".into(), "CreditChecked".into()],
        began: true,
        offset,
    }
}

pub fn mark(run: &str, offset: i64) -> Mark {
    let partition = ("log".into(), 0);
    Mark { run: RunId(run.into()), partition, offset, claim: Some([3; 16]), seq: offset as u64 }
}

pub fn parked(view: Option<&str>, offset: i64, reason: &str) -> ParkedWrite {
    ParkedWrite {
        run: run(),
        aggregate: "order".into(),
        id: "o-1".into(),
        view: view.map(Into::into),
        partition: ("log".into(), 0),
        offset,
        version: 2,
        reason: reason.into(),
    }
}
