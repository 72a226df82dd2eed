//! What every store must do, on a real CQL database; and what only such a database can get wrong.
//!
//! `FOLDLINE_TEST_CQL` names its nodes, `host:port` with commas between; without it the tests fail.
//! Each has a keyspace of its own and removes it.

#![cfg(feature = "cql")]

mod conformance;

use std::sync::Arc;

use async_trait::async_trait;
use conformance::world::Engine;
use foldline_read_store::cql::{CqlConfig, CqlStore};
use foldline_read_store::{Mark, Reader, StoreError, Writer};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

/// A keyspace of one test.
struct Cql {
    config: CqlConfig,
}

async fn cql() -> Cql {
    let nodes = std::env::var("FOLDLINE_TEST_CQL").expect(
        "FOLDLINE_TEST_CQL is not set: name the nodes of a CQL database as host:port, or run \
         `make test`, which starts one",
    );
    let config = CqlConfig {
        nodes: nodes.split(',').map(str::to_owned).collect(),
        keyspace: format!("t_{}", uuid::Uuid::new_v4().simple()),
        local_dc: None,
        replication: Some(1),
        dev: true,
    };
    Cql { config }
}

impl Cql {
    /// A way into the database beside the store.
    async fn session(&self) -> Session {
        let session = SessionBuilder::new().known_nodes(&self.config.nodes).build().await;
        session.expect("the database is reached")
    }

    async fn store(&self) -> CqlStore {
        CqlStore::open(self.config.clone()).await.expect("the database is reached")
    }
}

#[async_trait]
impl Engine for Cql {
    async fn open(&self) -> (Arc<dyn Reader>, Box<dyn Writer>) {
        let store = self.store().await;
        (store.reader(), store.writer())
    }

    async fn beside(&self) -> Arc<dyn Reader> {
        self.store().await.reader()
    }

    async fn close(self) {
        self.store().await.remove().await.expect("the keyspace is removed");
    }
}

all_cases!(crate::cql);

#[tokio::test]
async fn a_reader_makes_no_keyspace() {
    let engine = cql().await;
    for _ in 0..2 {
        let error = CqlStore::open_existing(engine.config.clone()).await.err().expect("nothing");
        assert!(error.to_string().contains(&engine.config.keyspace), "{error}");
    }
    engine.store().await;
    CqlStore::open_existing(engine.config.clone()).await.expect("it is there now");
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_keyspace_of_an_older_version_gets_the_columns_that_it_lacks() {
    use conformance::world::{World, parked, run};
    use foldline_read_store::Batch;
    let engine = cql().await;
    let keyspace = engine.config.keyspace.clone();
    let session = engine.session().await;
    for statement in [
        format!(
            "CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', \
             'replication_factor': 1}}"
        ),
        format!(
            "CREATE TABLE {keyspace}.parked (owner text, id text, offset bigint, aggregate text, \
             version bigint, reason text, PRIMARY KEY ((owner), id, offset))"
        ),
    ] {
        session.query_unpaged(statement, ()).await.expect("it is made");
    }
    // Two processes of the new version start at once.
    tokio::join!(engine.store(), engine.store());

    let mut world = World::new(&engine).await;
    let pointer = parked(None, 7, "overflow");
    let batch = Batch { parked: vec![pointer.clone()], ..world.batch(7) };
    world.writer.apply(batch).await.expect("it is applied");
    assert_eq!(world.reader.parked(&run()).await, Ok(vec![pointer]));

    // Who only reads adds nothing, and says what is missing.
    let drop = format!("ALTER TABLE {keyspace}.parked DROP topic");
    session.query_unpaged(drop, ()).await.expect("it is dropped");
    let error = CqlStore::open_existing(engine.config.clone()).await.err().expect("it lacks one");
    assert!(error.to_string().contains("parked") && error.to_string().contains("topic"), "{error}");
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_put_back_is_noticed_while_the_process_runs() {
    use conformance::world::{World, mark};
    let engine = cql().await;
    let mut world = World::new(&engine).await;
    world.writer.begin();
    for offset in [3, 6] {
        world.writer.apply(world.batch(offset)).await.expect("it is applied");
    }
    // The mark as a backup from between the two has it.
    let (session, keyspace) = (engine.session().await, &engine.config.keyspace);
    let marks = format!("SELECT run, made, topic, number FROM {keyspace}.marks WHERE one = 0");
    let rows = session.query_unpaged(marks, ()).await.expect("marks").into_rows_result();
    let row = rows.expect("rows").single_row::<(String, i64, String, i64)>().expect("one mark");
    session.query_unpaged(format!("TRUNCATE {keyspace}.marks"), ()).await.expect("it is empty");
    let back = format!(
        "INSERT INTO {keyspace}.marks (one, run, made, topic, number, offset, claim, seq) \
         VALUES (0, ?, ?, ?, ?, 3, 0x, 3) USING TIMESTAMP 3"
    );
    session.query_unpaged(back, row).await.expect("it is put back");

    let is_back = |marks: &[Mark]| marks.first().is_some_and(|mark| mark.offset == 3);
    while !is_back(&world.reader.marks().await.expect("marks")) {
        world.reader.marks_moved().await;
    }
    // What was planned on what is gone now is refused, and made again from the mark.
    let late = world.writer.apply(world.batch(9)).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    world.writer.begin();
    for offset in [6, 9] {
        world.writer.apply(world.batch(offset)).await.expect("it is applied");
    }
    assert_eq!(*world.reader.marks().await.expect("marks"), [mark("r", 9)]);
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_whose_tables_were_made_anew_has_to_begin_anew() {
    use conformance::world::{World, catalog_of, mark, model_of, run_of};
    let engine = cql().await;
    let mut world = World::new(&engine).await;
    world.writer.begin();
    world.writer.apply(world.batch(4)).await.expect("it is applied");

    // Another process drops the run's tables and makes them again; this one hears of it.
    let store = engine.store().await;
    let (mut other, model) = (store.writer(), model_of(&[&world.list, &world.sums]));
    other.migrate(&model, &catalog_of(1, Vec::new())).await.expect("it migrates");
    let back = catalog_of(2, vec![run_of("r", &[&world.list, &world.sums])]);
    other.migrate(&model, &back).await.expect("it migrates");
    world.reader.catalog().await.expect("a catalog");

    let late = world.writer.apply(world.batch(9)).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert!(world.reader.marks().await.expect("marks").is_empty());
    world.writer.begin();
    world.writer.apply(world.batch(3)).await.expect("it is applied");
    assert_eq!(*world.reader.marks().await.expect("marks"), [mark("r", 3)]);
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_still_knows_the_old_tables_is_not_answered_from_the_new_ones() {
    use conformance::world::{World, catalog_of, model_of, run, run_of};
    let engine = cql().await;
    let mut world = World::new(&engine).await;
    world.writer.apply(world.batch(4)).await.expect("it is applied");
    assert!(world.reader.state(&run(), "order", "o-004").await.expect("a row").is_some());
    let store = engine.store().await;
    let (mut other, model) = (store.writer(), model_of(&[&world.list, &world.sums]));
    other.migrate(&model, &catalog_of(1, Vec::new())).await.expect("it migrates");
    let back = catalog_of(2, vec![run_of("r", &[&world.list, &world.sums])]);
    other.migrate(&model, &back).await.expect("it migrates");
    // No mark of the new tables is there yet, so nothing has told this process of them.
    let stale = world.reader.state(&run(), "order", "o-004").await;
    assert!(matches!(stale, Err(StoreError::Unavailable(_))), "{stale:?}");
    engine.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cell_that_another_projector_brought_further_is_read_anew() {
    use conformance::world::{World, mark};
    use foldline_read_store::{Batch, CellWrite};
    use model::{Value, rows::Amount};
    let engine = cql().await;
    let mut world = World::new(&engine).await;
    let gain = |offset: i64| {
        let add = vec![Amount::Exact(1); 3];
        let cells = vec![CellWrite { add, ..world.cell(offset, 1, 0) }];
        Batch { cells, marks: vec![mark("r", offset)], ..Batch::default() }
    };
    let gains: Vec<Batch> = (1..=4).map(gain).collect();
    world.writer.begin();
    world.writer.apply(gains[0].clone()).await.expect("it is applied");
    let mut other = engine.store().await.writer();
    for gain in &gains[..3] {
        other.apply(gain.clone()).await.expect("it is applied");
    }
    while *world.reader.marks().await.expect("marks") != [mark("r", 3)] {
        world.reader.marks_moved().await;
    }
    // The one is known to be in the tables; the other has to go on from what is there.
    for gain in [&gains[1], &gains[3]] {
        world.writer.apply(gain.clone()).await.expect("it is applied");
    }
    let cells = world.reader.scan_rows(&conformance::world::run(), &world.sums, None, 9).await;
    assert_eq!(cells.expect("a cell")[0][1], Value::Int(4));
    engine.close().await;
}
