//! From catalog to catalog.

use foldline_read_store::{Batch, Catalog, ParkedWrite, Run, RunId, StoreError};
use model::Value;

use super::world::*;

pub async fn a_catalog_changed_meanwhile_is_a_conflict(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let (model, stale) = (model_of(&[]), catalog_of(0, Vec::new()));
    assert_eq!(world.writer.migrate(&model, &stale).await, Err(StoreError::Conflict));
    let stored = world.reader.catalog().await.expect("a catalog");
    assert_eq!((stored.revision, stored.runs.len()), (1, 1));
}

pub async fn a_catalog_survives_a_restart(engine: &dyn Engine) {
    let world = World::new(engine).await;
    let stored = world.reader.catalog().await.expect("a catalog");
    drop((world.reader, world.writer));
    let (reader, mut writer) = engine.open().await;
    assert_eq!(reader.catalog().await.expect("a catalog"), stored);
    let model = model_of(&[&world.list, &world.sums]);
    let again = writer.migrate(&model, &stored).await.expect("it may be repeated");
    assert_eq!(again, Catalog { revision: 2, ..stored });
}

pub async fn a_view_filled_by_a_shadow_run_joins_without_a_copy(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let changed = list(2);
    let shadow = Run { primary: false, live: false, ..run_of("s", &[&changed]) };
    let model = model_of(&[&changed, &world.sums]);
    let both = catalog_of(1, vec![run_of("r", &[&world.list, &world.sums]), shadow]);
    world.writer.migrate(&model, &both).await.expect("it migrates");
    let mut row = world.row(1, false);
    (row.run, row.view) = (RunId("s".into()), changed.clone());
    let pointer = ParkedWrite { run: RunId("s".into()), ..parked(Some("by-owner"), 1, "why") };
    let old = parked(Some("by-owner"), 1, "of the old definition");
    let batch = Batch {
        rows: vec![row],
        parked: vec![pointer, old],
        marks: vec![mark("s", 1), mark("r", 1)],
        ..Batch::default()
    };
    world.writer.apply(batch).await.expect("it is applied");

    let joined = catalog_of(2, vec![run_of("r", &[&changed, &world.sums])]);
    world.writer.migrate(&model, &joined).await.expect("it migrates");
    let rows = world.page(&changed, vec![Value::Text("ann".into())]).await.expect("rows");
    assert_eq!(rows.len(), 1);
    assert_eq!(*world.reader.marks().await.expect("marks"), [mark("r", 1)]);
    let waiting = world.reader.parked(&run()).await.expect("one");
    assert_eq!(waiting, [parked(Some("by-owner"), 1, "why")]);
    let gone = world.page(&world.list, vec![Value::Text("ann".into())]).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "the old table is dropped");
}

pub async fn what_no_run_names_any_more_goes(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    let next = catalog_of(1, vec![run_of("next", &[&world.sums])]);
    world.writer.migrate(&model_of(&[&world.sums]), &next).await.expect("it migrates");
    assert!(world.reader.marks().await.expect("marks").is_empty());
    let gone = world.reader.state(&run(), "order", "o-001").await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))));
}

pub async fn a_run_that_comes_back_begins_anew(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let mut batch = world.batch(4);
    batch.parked.push(parked(None, 4, "first time"));
    world.writer.apply(batch).await.expect("it is applied");
    let model = model_of(&[&world.list, &world.sums]);
    world.writer.migrate(&model, &catalog_of(1, Vec::new())).await.expect("it migrates");
    let back = catalog_of(2, vec![run_of("r", &[&world.list, &world.sums])]);
    world.writer.migrate(&model, &back).await.expect("it migrates");
    let empty = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    assert_eq!(world.seen().await, empty);
    assert_eq!(world.reader.parked(&run()).await, Ok(Vec::new()));
    // What is written now is older than what was forgotten.
    let mut batch = world.batch(3);
    batch.parked.push(parked(None, 3, "second time"));
    world.writer.apply(batch).await.expect("it is applied");
    let seen = world.seen().await;
    assert_eq!((seen.0.len(), seen.2.len()), (1, 1));
    assert_eq!(seen.3, [mark("r", 3)]);
    let waiting = world.reader.parked(&run()).await.expect("one");
    assert_eq!(waiting, [parked(None, 3, "second time")]);
}

pub async fn a_view_that_nothing_defines_is_refused(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let next = catalog_of(1, vec![run_of("r", &[&list(9)])]);
    let refused = world.writer.migrate(&model_of(&[]), &next).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    world.writer.apply(world.batch(1)).await.expect("nothing was dropped");
}

pub async fn a_reader_beside_follows_a_new_catalog(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let beside = engine.beside().await;
    let next = catalog_of(1, vec![run_of("next", &[&world.sums])]);
    world.writer.migrate(&model_of(&[&world.sums]), &next).await.expect("it migrates");
    let states = beside.scan_states(&RunId("next".into()), "order", None, 10).await;
    assert_eq!(states, Ok(Vec::new()));
    let batch = Batch { marks: vec![mark("next", 9)], ..Batch::default() };
    world.writer.apply(batch).await.expect("it is applied");
    while beside.marks().await.expect("marks").is_empty() {
        beside.marks_moved().await;
    }
    assert_eq!(*beside.marks().await.expect("marks"), [mark("next", 9)]);
}
