//! Values of every type, names of every length.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldline_read_store::{Batch, Reader, RowWrite, Writer};
use model::rows::Row;
use model::{Decimal, Direction, Measure, MeasureKind, Rollup, Shape, Value, View, ViewKind};

use super::world::*;

async fn with_views(
    engine: &dyn Engine,
    views: &[&Arc<View>],
) -> (Arc<dyn Reader>, Box<dyn Writer>) {
    let (reader, mut writer) = engine.open().await;
    let catalog = catalog_of(0, vec![run_of("r", views)]);
    writer.migrate(&model_of(views), &catalog).await.expect("it migrates");
    (reader, writer)
}

fn write(view: &Arc<View>, row: Vec<Value>, offset: i64) -> RowWrite {
    RowWrite {
        run: run(),
        view: view.clone(),
        id: "o-1".into(),
        row: Row(row),
        always_null: Vec::new(),
        delete: false,
        offset,
    }
}

fn decimal(units: i128) -> Value {
    Value::Decimal(Decimal::new(units, 3).expect("28 digits at most"))
}

pub async fn values_of_every_type_are_read_back(engine: &dyn Engine) {
    let nullable = |shape: Shape| Shape::Nullable { inner: Arc::new(shape), null_first: true };
    let shapes = [
        Shape::Boolean,
        Shape::Int,
        Shape::Long,
        Shape::Double,
        Shape::String,
        Shape::Uuid,
        Shape::Bytes,
        Shape::Timestamp,
        Shape::Date,
        Shape::Decimal { precision: 28, scale: 3 },
        Shape::Array(Arc::new(Shape::Double)),
        Shape::Map(Arc::new(Shape::Bytes)),
    ];
    let mut columns = vec![column("id", Shape::String)];
    for (at, shape) in shapes.iter().enumerate() {
        columns.push(column(&format!("value{at}"), shape.clone()));
        columns.push(column(&format!("maybe{at}"), nullable(shape.clone())));
    }
    let view = rows_of("all-types", 1, columns, vec![0], vec![(9, Direction::Ascending)]);
    let (reader, mut writer) = with_views(engine, &[&view]).await;
    let most = 10_i128.pow(28) - 1;
    for (nth, (int, double, units)) in
        [(0, 0.0, 0), (i64::MIN, f64::MIN, -most), (i64::MAX, 5e-324, most), (-1, -2.5, -128)]
            .into_iter()
            .enumerate()
    {
        let map = BTreeMap::from([("k".into(), Value::Bytes([0, 255].as_slice().into()))]);
        let values = [
            Value::Bool(nth == 1),
            Value::Int(int),
            Value::Int(int),
            Value::Double(double),
            Value::Text(["", "é\u{10000}'\"\0", "b", "c"][nth].into()),
            Value::Text("0191f6a0-0000-7000-8000-00000000000a".into()),
            Value::Bytes([0, 255, 128].as_slice().into()),
            Value::Timestamp(int),
            Value::Timestamp(-86_400_000),
            decimal(units),
            Value::List(Arc::new(vec![Value::Double(1.5), Value::Double(double)])),
            Value::Map(Arc::new(map)),
        ];
        for null in [true, false] {
            let key = Value::Text(format!("o-{nth}-{null}").into());
            let mut row = vec![key.clone()];
            for value in &values {
                row.push(value.clone());
                row.push(if null { Value::Null } else { value.clone() });
            }
            let rows = vec![write(&view, row.clone(), nth as i64)];
            let batch = Batch { rows, ..Batch::default() };
            writer.apply(batch).await.expect("it is applied");
            let page = reader.page(&run(), &view, &all_of(vec![key])).await.expect("a page");
            assert_eq!(page.rows, [row]);
        }
    }
}

pub async fn the_longest_names_and_an_empty_text_key_work(engine: &dyn Engine) {
    let name = "v-".repeat(24);
    let long = "c".repeat(60);
    let columns = vec![column("owner", Shape::String), column(&long, Shape::String)];
    let view = rows_of(&name, 1, columns, vec![0], vec![(1, Direction::Descending)]);
    let rollup = Rollup {
        group: vec![column("camelCase", Shape::Boolean)],
        key: vec![0],
        clustering: Vec::new(),
        measures: vec![Measure { name: long.into(), kind: MeasureKind::Double, expr: None }],
    };
    let sums = view_of(&"r-".repeat(24), 3, 4, ViewKind::Rollup(rollup));
    let (reader, mut writer) = with_views(engine, &[&view, &sums]).await;
    let row = vec![Value::Text("".into()), Value::Text("o-1".into())];
    let cell = foldline_read_store::CellWrite {
        run: run(),
        view: sums.clone(),
        group: vec![Value::Bool(true)],
        add: vec![model::rows::Amount::Double(0.5)],
        rows: 1,
        offset: 1,
    };
    let batch = Batch {
        rows: vec![write(&view, row.clone(), 1)],
        cells: vec![cell],
        marks: vec![mark("r", 1)],
        ..Batch::default()
    };
    writer.apply(batch).await.expect("it is applied");
    let page = reader.page(&run(), &view, &all_of(vec![row[0].clone()])).await.expect("a page");
    assert_eq!(page.rows, std::slice::from_ref(&row));
    let page = reader.page(&run(), &sums, &all_of(vec![Value::Bool(true)])).await.expect("a page");
    assert_eq!(page.rows, [[Value::Bool(true), Value::Double(0.5)]]);
    let mut gone = write(&view, row.clone(), 2);
    gone.delete = true;
    writer.apply(Batch { rows: vec![gone], ..Batch::default() }).await.expect("it is applied");
    let page = reader.page(&run(), &view, &all_of(vec![row[0].clone()])).await.expect("a page");
    assert!(page.rows.is_empty());
}
