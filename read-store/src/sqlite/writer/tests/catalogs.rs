//! From catalog to catalog.

use super::*;

#[tokio::test]
async fn a_catalog_changed_meanwhile_is_a_conflict() {
    let mut world = World::new().await;
    let (model, stale) = (model_of(&[]), catalog_of(0, Vec::new()));
    assert_eq!(world.writer.migrate(&model, &stale).await, Err(StoreError::Conflict));
    let stored = world.reader.catalog().await.expect("a catalog");
    assert_eq!((stored.revision, stored.runs.len()), (1, 1));
}

#[tokio::test]
async fn a_catalog_survives_a_restart() {
    let world = World::new().await;
    let stored = world.reader.catalog().await.expect("a catalog");
    drop((world.reader, world.writer));
    let (reader, mut writer) = SqliteStore::open(world.directory.path()).expect("it opens");
    assert_eq!(reader.catalog().await.expect("a catalog"), stored);
    let model = model_of(&[&world.list, &world.sums]);
    let again = writer.migrate(&model, &stored).await.expect("it may be repeated");
    assert_eq!(again, Catalog { revision: 2, ..stored });
}

#[tokio::test]
async fn a_view_filled_by_a_shadow_run_joins_without_a_copy() {
    let mut world = World::new().await;
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
    let waiting = world.reader.parked(&RunId("r".into())).await.expect("one");
    assert_eq!(waiting, [parked(Some("by-owner"), 1, "why")]);
    let gone = world.page(&world.list, vec![Value::Text("ann".into())]).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))), "the old table is dropped");
    assert_eq!(tables(&world), 5, "state, commands, history and two views");
}

#[tokio::test]
async fn what_no_run_names_any_more_goes() {
    let mut world = World::new().await;
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    let next = catalog_of(1, vec![run_of("next", &[&world.sums])]);
    world.writer.migrate(&model_of(&[&world.sums]), &next).await.expect("it migrates");
    assert!(world.reader.marks().await.expect("marks").is_empty());
    assert_eq!(tables(&world), 4);
}

#[tokio::test]
async fn a_view_that_nothing_defines_is_refused() {
    let mut world = World::new().await;
    let next = catalog_of(1, vec![run_of("r", &[&list(9)])]);
    let refused = world.writer.migrate(&model_of(&[]), &next).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    assert_eq!(tables(&world), 5, "nothing was dropped");
}

#[tokio::test]
async fn a_reader_beside_follows_a_new_catalog() {
    let mut world = World::new().await;
    let beside = SqliteStore::open_read_only(world.directory.path()).expect("it opens");
    let next = catalog_of(1, vec![run_of("next", &[&world.sums])]);
    world.writer.migrate(&model_of(&[&world.sums]), &next).await.expect("it migrates");
    let states = beside.scan_states(&RunId("next".into()), "order", None, 10).await;
    assert_eq!(states, Ok(Vec::new()));
}

fn tables(world: &World) -> i64 {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE '%\\_%' \
               ESCAPE '\\' AND name NOT LIKE 'sqlite%'";
    let inner = lock(&world.writer.inner);
    inner.connection.query_row(sql, [], |row| row.get(0)).expect("a count")
}
