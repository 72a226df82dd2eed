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
use foldline_read_store::{Reader, Writer};

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
