//! The CQL store, for ScyllaDB and Apache Cassandra: one keyspace, named tables of typed columns.
//!
//! There are no transactions here. Every write carries the offset of its event as its timestamp,
//! so the database itself lets the highest offset win; see `writer` for why that is enough.

mod bound;
mod config;
mod connect;
mod database;
mod error;
mod fixed;
mod known;
mod layout;
#[cfg(test)]
mod lint;
mod pages;
mod poll;
mod reader;
mod scan;
mod shared;
mod statement;
mod table;
mod value;
mod writer;
#[cfg(feature = "yardstick")]
pub mod yardstick;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub use config::CqlConfig;

use crate::store::{Reader, StoreError, Writer};
use shared::Shared;

/// One keyspace of a database, shared by the readers and writers of a process.
#[derive(Clone)]
pub struct CqlStore {
    shared: Arc<Shared>,
    polls: Arc<AtomicBool>,
}

impl CqlStore {
    /// Connects; makes keyspace and fixed tables where they are not there. Any number of processes
    /// may do so at the same time.
    pub async fn open(config: CqlConfig) -> Result<CqlStore, StoreError> {
        CqlStore::around(connect::open(&config).await?).await
    }

    /// The same, where nothing is to be made.
    pub async fn open_existing(config: CqlConfig) -> Result<CqlStore, StoreError> {
        CqlStore::around(connect::open_existing(&config).await?).await
    }

    async fn around(database: database::Database) -> Result<CqlStore, StoreError> {
        let shared = Arc::new(Shared::new(database));
        shared.refresh().await?;
        shared.poll().await?;
        Ok(CqlStore { shared, polls: Arc::default() })
    }

    /// Reads; all readers of a store share what is kept in memory. To be called within a runtime.
    pub fn reader(&self) -> Arc<dyn Reader> {
        if !self.polls.swap(true, Ordering::AcqRel) {
            poll::start(&self.shared);
        }
        Arc::new(reader::CqlReader::new(self.shared.clone()))
    }

    /// Writes; as many as wanted, each for partitions of its own.
    pub fn writer(&self) -> Box<dyn Writer> {
        Box::new(writer::CqlWriter::new(self.shared.clone()))
    }

    /// The limits that a benchmark compares with.
    #[cfg(feature = "yardstick")]
    pub fn yardstick(&self) -> yardstick::Yardstick {
        yardstick::Yardstick::new(self.shared.clone())
    }

    /// Removes the keyspace with all that is in it.
    pub async fn remove(&self) -> Result<(), StoreError> {
        let database = &self.shared.database;
        database.define(&statement::drop_keyspace(&database.keyspace)).await
    }
}
