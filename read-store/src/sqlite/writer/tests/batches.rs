//! What batches do.

use super::*;

#[tokio::test]
async fn a_batch_is_read_back_from_every_table() {
    let mut world = World::new().await;
    let run = RunId("r".into());
    world.writer.apply(world.batch(4)).await.expect("it is applied");
    let ids: Vec<Arc<str>> = vec!["none".into(), "o-004".into()];
    let states = world.reader.states(&run, "order", &ids).await.expect("states");
    assert_eq!(states, [None, Some(state(4))]);
    assert_eq!(world.writer.states(&run, "order", &ids).await.expect("states"), states);
    let keys = world.reader.used_keys(&run, "order", "o-004").await.expect("keys");
    assert_eq!(keys, [used(4)]);
    let history = world.reader.history(&run, "order", "o-004", 0, 10).await.expect("history");
    assert_eq!((history.len(), &*history[0].event), (1, "OrderPlaced"));
    let rows = world.page(&world.list, vec![Value::Text("ann".into())]).await.expect("rows");
    assert_eq!(rows, [world.row(4, false).row.0]);
    assert_eq!(*world.reader.marks().await.expect("marks"), [mark("r", 4)]);
}

#[tokio::test]
async fn a_repeated_batch_changes_nothing_more() {
    let mut world = World::new().await;
    world.writer.apply(world.batch(4)).await.expect("it is applied");
    let once = world.seen().await;
    world.writer.apply(world.batch(4)).await.expect("it is left out");
    world.writer.apply(world.batch(3)).await.expect("an older one too");
    assert_eq!(world.seen().await, once);
    let (reader, writer) = SqliteStore::open(world.directory.path()).expect("it opens again");
    (world.reader, world.writer) = (reader, writer);
    world.writer.apply(world.batch(4)).await.expect("it is left out after a restart");
    assert_eq!(world.seen().await, once);
}

#[tokio::test]
async fn a_batch_with_one_bad_row_leaves_nothing() {
    let mut world = World::new().await;
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    let before = world.seen().await;
    let mut batch = world.batch(2);
    let mut bad = world.row(3, false);
    bad.row.0[1] = Value::Text("no time".into());
    batch.rows.push(bad);
    assert!(matches!(world.writer.apply(batch).await, Err(StoreError::Refused(_))));
    assert_eq!(world.seen().await, before);
    world.writer.apply(world.batch(2)).await.expect("the next one is applied");
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_and_passes() {
    let mut world = World::new().await;
    let before = world.seen().await;
    limit_pages(&world, 1);
    let mut batch = world.batch(2_000);
    batch.rows.extend((0..900).map(|offset| world.row(offset, false)));
    let error = world.writer.apply(batch.clone()).await.expect_err("there is no room");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert_eq!(world.seen().await, before);
    limit_pages(&world, 1_000_000);
    world.writer.apply(batch).await.expect("there is room again");
    assert_eq!(world.seen().await.0.len(), 901);
}

fn limit_pages(world: &World, pages: i64) {
    let inner = lock(&world.writer.inner);
    inner.connection.pragma_update(None, "max_page_count", pages).expect("it is set");
}

#[tokio::test]
async fn sums_are_exact_past_64_bits_and_an_empty_group_has_no_row() {
    let mut world = World::new().await;
    let cells = |offset, cell| Batch {
        cells: vec![cell],
        marks: vec![mark("r", offset)],
        ..Batch::default()
    };
    for offset in 1..=3 {
        let batch = cells(offset, world.cell(offset, 1, 250));
        world.writer.apply(batch).await.expect("it is added");
    }
    let shown = world.page(&world.sums, Vec::new()).await;
    assert!(matches!(shown, Err(StoreError::Refused(_))), "three times the largest int");
    for offset in 4..=5 {
        let batch = cells(offset, world.cell(offset, -1, -250));
        world.writer.apply(batch).await.expect("it is taken off");
    }
    let units = model::Decimal::new(250, 2).expect("it is small");
    let day = Value::Text("2026-11-21".into());
    assert_eq!(
        world.page(&world.sums, Vec::new()).await.expect("it can be shown"),
        [[day, Value::Int(1), Value::Decimal(units), Value::Int(i64::MAX)]]
    );
    let last = cells(6, world.cell(6, -1, -250));
    world.writer.apply(last).await.expect("it is taken off");
    assert!(world.page(&world.sums, Vec::new()).await.expect("a page").is_empty());
}

#[tokio::test]
async fn a_sum_that_overflows_is_refused_with_its_batch() {
    let mut world = World::new().await;
    for offset in 1..=2 {
        let batch = Batch {
            cells: vec![world.cell(offset, 0, i128::MAX)],
            marks: vec![mark("r", offset)],
            ..Batch::default()
        };
        let applied = world.writer.apply(batch).await;
        assert_eq!(applied.is_ok(), offset == 1, "{applied:?}");
    }
    assert_eq!(*world.reader.marks().await.expect("marks"), [mark("r", 1)]);
}

#[tokio::test]
async fn cells_without_a_mark_are_refused() {
    let mut world = World::new().await;
    let batch = Batch { cells: vec![world.cell(1, 1, 1)], ..Batch::default() };
    assert!(matches!(world.writer.apply(batch).await, Err(StoreError::Refused(_))));
}

#[tokio::test]
async fn rows_are_deleted_by_their_key() {
    let mut world = World::new().await;
    world.writer.apply(world.batch(4)).await.expect("it is applied");
    let batch =
        Batch { rows: vec![world.row(4, true)], marks: vec![mark("r", 5)], ..Batch::default() };
    world.writer.apply(batch).await.expect("it is applied");
    assert!(world.seen().await.0.is_empty());
}

#[tokio::test]
async fn waiting_ids_are_listed_once_with_their_reason() {
    let mut world = World::new().await;
    let run = RunId("r".into());
    assert!(world.reader.parked(&run).await.expect("nothing").is_empty());
    let first = parked(Some("by-owner"), 5, "division by zero");
    let batch = Batch {
        parked: vec![first.clone(), parked(Some("by-owner"), 6, ""), parked(None, 7, "overflow")],
        marks: vec![mark("r", 7)],
        ..Batch::default()
    };
    world.writer.apply(batch).await.expect("it is applied");
    let expected = [parked(None, 7, "overflow"), first];
    assert_eq!(world.reader.parked(&run).await.expect("two"), expected);
    let views = world.writer.parked_views(&run).await.expect("one");
    assert_eq!(views, [("by-owner".into(), "o-1".into())]);
    world.writer.unpark(&run, Some("by-owner"), "o-1").await.expect("it is forgotten");
    world.writer.unpark(&run, None, "o-1").await.expect("it is forgotten");
    assert!(world.reader.parked(&run).await.expect("nothing").is_empty());
}

#[tokio::test]
async fn a_waiter_hears_of_a_moved_mark() {
    let mut world = World::new().await;
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
    let mut world = World::new().await;
    let beside = SqliteStore::open_read_only(world.directory.path()).expect("it opens");
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    assert_eq!(*beside.marks().await.expect("marks"), [mark("r", 1)]);
    let state = beside.state(&RunId("r".into()), "order", "o-001").await.expect("a state");
    assert_eq!(state, Some(super::state(1)));
}

#[tokio::test]
async fn a_reader_that_holds_a_snapshot_sees_each_later_batch() {
    let mut world = World::new().await;
    let run = RunId("r".into());
    for n in 1..=20 {
        world.writer.apply(world.batch(n)).await.expect("it is applied");
        for _ in 0..4 {
            let id = format!("o-{n:03}");
            let read = world.reader.state(&run, "order", &id).await.expect("a state");
            assert_eq!(read, Some(state(n)));
        }
    }
}

#[tokio::test]
async fn idle_readers_do_not_keep_the_wal_from_starting_over() {
    let mut world = World::new().await;
    let run = RunId("r".into());
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    for _ in 0..4 {
        world.reader.state(&run, "order", "o-001").await.expect("a state");
    }
    let inner = lock(&world.writer.inner);
    let restart = || -> i64 {
        let _ = inner.connection.busy_timeout(std::time::Duration::ZERO);
        let sql = "PRAGMA wal_checkpoint(RESTART)";
        inner.connection.query_row(sql, [], |row| row.get(0)).expect("it answers")
    };
    assert_eq!(restart(), 1, "a held snapshot stands in the way");
    inner.shared.pool.let_go();
    assert_eq!(restart(), 0);
}
