//! The read store: tables derived from views, positions, and the Reader and Writer of a store.

// Unit tests share a world with `tests/`, which calls this crate by its name.
#[cfg(test)]
extern crate self as foldline_read_store;

#[cfg(feature = "adversary")]
pub mod adversary;
pub mod batch;
pub mod catalog;
#[cfg(feature = "cql")]
pub mod cql;
pub mod planted;
pub mod position;
pub mod query;
pub mod sqlite;
pub mod store;
mod sums;
pub mod tables;

pub use batch::{
    Batch, CellWrite, CommandWrite, HistoryWrite, Mark, ParkedWrite, RowWrite, StateWrite,
};
pub use catalog::{Catalog, Run, RunId};
pub use position::{Marks, Position};
pub use query::{Page, PageRequest, Range};
pub use store::{Reader, StoreError, Writer};
