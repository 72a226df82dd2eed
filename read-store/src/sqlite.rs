//! The SQLite store: one file, `read.db`, beside the log.
//!
//! One connection writes, in one transaction per batch: rows, cells, states and marks together, so
//! nothing is ever half applied and a batch that comes again is known by its marks. Readers are
//! pooled connections; WAL lets them read beside the writer. The file is synced when the WAL is
//! carried over only (`synchronous=NORMAL`): what a power cut takes away, the log gives again.

mod checkpoint;
mod connect;
mod error;
mod layout;
mod pool;
mod reader;
mod scan;
mod shared;
mod table;
mod value;
mod writer;

use std::path::Path;
use std::sync::Arc;

pub use reader::SqliteReader;
pub use writer::SqliteWriter;

use crate::store::StoreError;

/// Name of the file in the data directory.
pub const FILE: &str = "read.db";

/// Opens the store of a data directory.
#[derive(Debug)]
pub struct SqliteStore;

impl SqliteStore {
    /// Opens for reading and writing; makes the file where there is none. Only one writer may be
    /// open at a time: the log's lock on the data directory sees to that.
    pub fn open(directory: &Path) -> Result<(Arc<SqliteReader>, SqliteWriter), StoreError> {
        let path = directory.join(FILE);
        let connection = connect::writer(&path)?;
        let shared = Arc::new(shared::Shared::open(path, &connection, true)?);
        let writer = SqliteWriter::new(connection, shared.clone())?;
        Ok((Arc::new(SqliteReader::new(shared)), writer))
    }

    /// Opens for reading alone, beside a running process too.
    pub fn open_read_only(directory: &Path) -> Result<Arc<SqliteReader>, StoreError> {
        let path = directory.join(FILE);
        let connection = connect::reader(&path)?;
        let shared = shared::Shared::open(path, &connection, false)?;
        Ok(Arc::new(SqliteReader::new(Arc::new(shared))))
    }
}
