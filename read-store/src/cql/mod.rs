//! The CQL store, for ScyllaDB and Apache Cassandra.

mod config;
mod reader;
mod writer;

use std::sync::Arc;

pub use config::CqlConfig;

use crate::store::{Reader, StoreError, Writer};

/// One keyspace of a database, shared by the readers and writers of a process.
#[derive(Clone, Debug)]
pub struct CqlStore {
    config: Arc<CqlConfig>,
}

impl CqlStore {
    /// Connects; makes keyspace and fixed tables where they are not there.
    pub async fn open(config: CqlConfig) -> Result<CqlStore, StoreError> {
        config.check()?;
        Ok(CqlStore { config: Arc::new(config) })
    }

    /// Reads; all readers of a store share what is kept in memory.
    pub fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(reader::CqlReader::new(self.config.clone()))
    }

    /// Writes; as many as wanted, each for partitions of its own.
    pub fn writer(&self) -> Box<dyn Writer> {
        Box::new(writer::CqlWriter::new(self.config.clone()))
    }
}
