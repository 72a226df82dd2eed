//! What SQLite alone does, or only the writer's inside shows. What every store must do is in
//! `tests/conformance`, whose world these cases are played in.

use model::Value;
use tempfile::TempDir;

use super::*;
use crate::batch::ParkedWrite;
use crate::catalog::Run;
use crate::sqlite::SqliteStore;
use crate::store::Reader;
use world::{World, catalog_of, list, mark, model_of, parked, run, run_of, state};

#[path = "../../../tests/conformance/world.rs"]
#[allow(dead_code, reason = "the conformance cases take the rest")]
mod world;

/// A world whose writer can be looked into.
struct Opened {
    directory: TempDir,
    inner: Arc<Mutex<Inner>>,
    world: World,
}

async fn opened() -> Opened {
    let directory = tempfile::tempdir().expect("a directory is made");
    let (reader, writer) = SqliteStore::open(directory.path()).expect("it opens");
    let inner = writer.inner.clone();
    Opened { directory, inner, world: World::of(reader, Box::new(writer)).await }
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_and_passes() {
    let Opened { inner, mut world, directory: _directory } = opened().await;
    let limit_pages = |pages: i64| {
        let inner = lock(&inner);
        inner.connection.pragma_update(None, "max_page_count", pages).expect("it is set");
    };
    let before = world.seen().await;
    limit_pages(1);
    let mut batch = world.batch(2_000);
    batch.rows.extend((0..900).map(|offset| world.row(offset, false)));
    let error = world.writer.apply(batch.clone()).await.expect_err("there is no room");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(world.seen().await, before);
    limit_pages(1_000_000);
    world.writer.apply(batch).await.expect("there is room again");
    assert_eq!(world.seen().await.0.len(), 901);
}

#[tokio::test]
async fn a_waiter_hears_of_a_moved_mark() {
    let Opened { mut world, directory: _directory, .. } = opened().await;
    let reader = world.reader.clone();
    let waiter = tokio::spawn(async move {
        while reader.marks().await.expect("marks").is_empty() {
            reader.marks_moved().await;
        }
    });
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    waiter.await.expect("it has seen the mark");
}

#[tokio::test]
async fn a_reader_beside_sees_what_is_committed() {
    let Opened { directory, mut world, .. } = opened().await;
    let beside = SqliteStore::open_read_only(directory.path()).expect("it opens");
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    assert_eq!(*beside.marks().await.expect("marks"), [mark("r", 1)]);
    let found = beside.state(&run(), "order", "o-001").await.expect("a state");
    assert_eq!(found, Some(state(1)));
}

#[tokio::test]
async fn a_reader_that_holds_a_snapshot_sees_each_later_batch() {
    let Opened { mut world, directory: _directory, .. } = opened().await;
    for n in 1..=20 {
        world.writer.apply(world.batch(n)).await.expect("it is applied");
        for _ in 0..4 {
            let id = format!("o-{n:03}");
            let read = world.reader.state(&run(), "order", &id).await.expect("a state");
            assert_eq!(read, Some(state(n)));
        }
    }
}

#[tokio::test]
async fn idle_readers_do_not_keep_the_wal_from_starting_over() {
    let Opened { inner, mut world, directory: _directory } = opened().await;
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    for _ in 0..4 {
        world.reader.state(&run(), "order", "o-001").await.expect("a state");
    }
    let inner = lock(&inner);
    let restart = || -> i64 {
        let _ = inner.connection.busy_timeout(std::time::Duration::ZERO);
        let sql = "PRAGMA wal_checkpoint(RESTART)";
        inner.connection.query_row(sql, [], |row| row.get(0)).expect("it answers")
    };
    assert_eq!(restart(), 1, "a held snapshot stands in the way");
    inner.shared.pool.let_go();
    assert_eq!(restart(), 0);
}

#[tokio::test]
async fn a_view_filled_by_a_shadow_run_joins_without_a_copy() {
    let Opened { inner, mut world, directory: _directory } = opened().await;
    let changed = list(2);
    let shadow = Run { primary: false, live: false, ..run_of("s", &[&changed]) };
    let model = model_of(&[&changed, &world.sums]);
    let both = catalog_of(1, vec![run_of("r", &[&world.list, &world.sums]), shadow]);
    world.writer.migrate(&model, &both).await.expect("it migrates");
    let mut row = world.row(1, false);
    (row.run, row.view) = (RunId("s".into()), changed.clone());
    let pointer = ParkedWrite { run: RunId("s".into()), ..parked(Some("by-owner"), 1, "why") };
    let batch = Batch {
        rows: vec![row],
        parked: vec![pointer],
        marks: vec![mark("s", 1), mark("r", 1)],
        ..Batch::default()
    };
    world.writer.apply(batch).await.expect("it is applied");
    let joined = catalog_of(2, vec![run_of("r", &[&changed, &world.sums])]);
    world.writer.migrate(&model, &joined).await.expect("it migrates");
    let rows = world.page(&changed, vec![Value::Text("ann".into())]).await.expect("rows");
    assert_eq!(rows.len(), 1);
    assert_eq!(tables(&inner), 5, "state, commands, history and two views");
}

#[tokio::test]
async fn a_batch_adds_nothing_to_a_run_that_was_there_already() {
    let Opened { mut world, directory: _directory, .. } = opened().await;
    world.writer.apply(world.batch(5)).await.expect("it is applied");
    let changed = list(2);
    let behind = Run { primary: false, live: false, ..run_of("s", &[&changed]) };
    let both = catalog_of(1, vec![run_of("r", &[&world.list, &world.sums]), behind]);
    let model = model_of(&[&changed, &world.sums]);
    world.writer.migrate(&model, &both).await.expect("it migrates");
    let (rows, sums, states, _) = world.seen().await;
    let mut again = world.batch(5);
    again.rows.push(world.row(9, false));
    again.marks.push(mark("s", 5));
    world.writer.apply(again).await.expect("it is applied");
    let seen = world.seen().await;
    assert_eq!((seen.0, seen.1, seen.2), (rows, sums, states));
    assert_eq!(seen.3, [mark("r", 5), mark("s", 5)], "the run behind goes on");
}

#[tokio::test]
async fn what_no_run_names_any_more_goes() {
    let Opened { inner, mut world, directory: _directory } = opened().await;
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    let next = catalog_of(1, vec![run_of("next", &[&world.sums])]);
    world.writer.migrate(&model_of(&[&world.sums]), &next).await.expect("it migrates");
    assert_eq!(tables(&inner), 4);
}

#[tokio::test]
async fn a_view_that_nothing_defines_is_refused() {
    let Opened { inner, mut world, directory: _directory } = opened().await;
    let next = catalog_of(1, vec![run_of("r", &[&list(9)])]);
    let refused = world.writer.migrate(&model_of(&[]), &next).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    assert_eq!(tables(&inner), 5, "nothing was dropped");
}

fn tables(inner: &Mutex<Inner>) -> i64 {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE '%\\_%' \
               ESCAPE '\\' AND name NOT LIKE 'sqlite%'";
    lock(inner).connection.query_row(sql, [], |row| row.get(0)).expect("a count")
}
