//! What batches do.

use std::sync::Arc;

use foldline_read_store::{Batch, CommandWrite, ParkedWrite, StateWrite, StoreError};
use model::Value;

use super::world::*;

pub async fn a_batch_is_read_back_from_every_table(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    world.writer.apply(world.batch(4)).await.expect("it is applied");
    let ids: Vec<Arc<str>> = vec!["none".into(), "o-004".into()];
    let states = world.reader.states(&run(), "order", &ids).await.expect("states");
    assert_eq!(states, [None, Some(state(4))]);
    assert_eq!(world.writer.states(&run(), "order", &ids).await.expect("states"), states);
    let keys = world.reader.used_keys(&run(), "order", "o-004").await.expect("keys");
    assert_eq!(keys, [used(1, 4)]);
    let history = world.reader.history(&run(), "order", "o-004", 0, 10).await.expect("history");
    assert_eq!((history.len(), &*history[0].event), (1, "OrderPlaced"));
    let rows = world.page(&world.list, vec![Value::Text("ann".into())]).await.expect("rows");
    assert_eq!(rows, [world.row(4, false).row.0]);
    assert_eq!(*world.reader.marks().await.expect("marks"), [mark("r", 4)]);
}

pub async fn a_repeated_batch_changes_nothing_more(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    world.writer.apply(world.batch(4)).await.expect("it is applied");
    let once = world.seen().await;
    world.writer.apply(world.batch(4)).await.expect("it is left out");
    world.writer.apply(world.batch(3)).await.expect("an older one too");
    assert_eq!(world.seen().await, once);
    drop((world.reader, world.writer));
    (world.reader, world.writer) = engine.open().await;
    world.writer.apply(world.batch(4)).await.expect("it is left out after a restart");
    assert_eq!(world.seen().await, once);
}

pub async fn a_batch_with_one_bad_row_leaves_nothing(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    let before = world.seen().await;
    let mut batch = world.batch(2);
    let mut bad = world.row(3, false);
    bad.row.0[1] = Value::Text("no time".into());
    batch.rows.push(bad);
    assert!(matches!(world.writer.apply(batch).await, Err(StoreError::Refused(_))));
    let mut batch = world.batch(2);
    batch.rows[0].row.0[0] = Value::Null;
    assert!(matches!(world.writer.apply(batch).await, Err(StoreError::Refused(_))));
    assert_eq!(world.seen().await, before);
    world.writer.apply(world.batch(2)).await.expect("the next one is applied");
    assert_eq!(world.seen().await.0.len(), 2);
}

pub async fn sums_are_exact_past_64_bits_and_an_empty_group_has_no_row(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
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

pub async fn a_sum_that_overflows_is_refused_with_its_batch(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
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

pub async fn cells_without_a_mark_are_refused(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let batch = Batch { cells: vec![world.cell(1, 1, 1)], ..Batch::default() };
    assert!(matches!(world.writer.apply(batch).await, Err(StoreError::Refused(_))));
}

pub async fn rows_are_deleted_by_their_key(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    world.writer.apply(world.batch(4)).await.expect("it is applied");
    let mut gone = world.row(4, true);
    gone.offset = 5;
    let batch = Batch { rows: vec![gone], marks: vec![mark("r", 5)], ..Batch::default() };
    world.writer.apply(batch).await.expect("it is applied");
    assert!(world.seen().await.0.is_empty());
}

pub async fn a_deleted_state_is_remembered_without_its_bytes(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    for (offset, present) in [(1, true), (2, false), (3, true), (4, false)] {
        let mut batch = world.batch(1);
        let mut row = state(offset);
        row.state = row.state.filter(|_| present);
        batch.states[0].state = row.clone();
        batch.marks = vec![mark("r", offset)];
        world.writer.apply(batch).await.expect("it is applied");
        let found = world.reader.state(&run(), "order", "o-001").await.expect("a state");
        assert_eq!(found, Some(row));
    }
}

pub async fn a_parked_state_says_from_where(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    world.writer.apply(world.batch(1)).await.expect("it is applied");
    let parked = foldline_read_store::batch::StateRow { parked_from: Some(3), ..state(1) };
    let healed = foldline_read_store::batch::StateRow { version: 2, ..state(3) };
    for (offset, row) in [(3, parked), (4, healed)] {
        let write =
            StateWrite { run: run(), aggregate: "order".into(), id: id(1), state: row.clone() };
        let marks = vec![mark("r", offset)];
        let batch = Batch { states: vec![write], marks, ..Batch::default() };
        world.writer.apply(batch).await.expect("it is applied");
        let found = world.reader.state(&run(), "order", "o-001").await.expect("a state");
        assert_eq!(found, Some(row), "the event at 3 is folded after all");
    }
}

pub async fn waiting_ids_are_listed_once_with_their_reason(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    assert!(world.reader.parked(&run()).await.expect("nothing").is_empty());
    let first = parked(Some("by-owner"), 5, "division by zero");
    let batch = Batch {
        parked: vec![first.clone(), parked(Some("by-owner"), 6, ""), parked(None, 7, "overflow")],
        marks: vec![mark("r", 7)],
        ..Batch::default()
    };
    world.writer.apply(batch).await.expect("it is applied");
    let expected = [parked(None, 7, "overflow"), first];
    assert_eq!(world.reader.parked(&run()).await.expect("two"), expected);
    let beside = engine.beside().await;
    assert_eq!(beside.parked(&run()).await.expect("two"), expected);
    let views = world.writer.parked_views(&run()).await.expect("one");
    assert_eq!(views, [("by-owner".into(), "o-1".into())]);
    world.writer.unpark(&run(), Some("by-owner"), "o-1").await.expect("it is forgotten");
    world.writer.unpark(&run(), None, "o-1").await.expect("it is forgotten");
    assert!(world.reader.parked(&run()).await.expect("nothing").is_empty());
}

pub async fn what_one_id_waits_for_is_read_in_order(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let at = |offset| {
        let partition = ("log".into(), 3);
        ParkedWrite { partition, version: offset as u64, ..parked(None, offset, "") }
    };
    let other = ParkedWrite { id: "o-2".into(), ..at(9) };
    let of_view = parked(Some("by-owner"), 8, "division by zero");
    let batch = Batch {
        parked: vec![at(12), other, of_view, at(10), at(7)],
        marks: vec![mark("r", 12)],
        ..Batch::default()
    };
    world.writer.apply(batch).await.expect("it is applied");
    for reader in [&world.reader, &engine.beside().await] {
        let run = run();
        let waiting = |id, limit| reader.waiting(&run, "order", id, limit);
        assert_eq!(waiting("o-1", 9).await, Ok(vec![at(7), at(10), at(12)]));
        assert_eq!(waiting("o-1", 2).await, Ok(vec![at(7), at(10)]));
        assert_eq!(waiting("o-3", 2).await, Ok(Vec::new()));
    }
}

pub async fn history_is_read_in_stretches(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let one = world.batch(1).history.remove(0);
    let event = |version: u64| foldline_read_store::HistoryWrite {
        version,
        offset: version as i64,
        ..one.clone()
    };
    let batch = Batch {
        history: (1..=2_100).map(event).collect(),
        marks: vec![mark("r", 2_100)],
        ..Batch::default()
    };
    world.writer.apply(batch).await.expect("it is applied");
    let mut after = 0;
    for (limit, count) in [(998, 998), (1, 1), (1, 1), (1_500, 1_100), (5, 0)] {
        let page = world.reader.history(&run(), "order", "o-001", after, limit).await;
        let versions: Vec<u64> = page.expect("a page").iter().map(|e| e.version).collect();
        assert_eq!(versions, (after + 1..=after + count).collect::<Vec<_>>());
        after += count;
    }
}

pub async fn the_newest_keyed_commands_are_remembered(engine: &dyn Engine) {
    let mut world = World::new(engine).await;
    let command = |number: u64| CommandWrite {
        run: run(),
        aggregate: "order".into(),
        id: id(1),
        used: used(number, number as i64),
    };
    let batch = Batch {
        commands: (1..=1_003).map(command).collect(),
        marks: vec![mark("r", 1_003)],
        ..Batch::default()
    };
    world.writer.apply(batch).await.expect("it is applied");
    let keys = world.reader.used_keys(&run(), "order", "o-001").await.expect("keys");
    let mut numbers: Vec<u64> = keys.iter().map(|used| used.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (4..=1_003).collect::<Vec<_>>());
}
