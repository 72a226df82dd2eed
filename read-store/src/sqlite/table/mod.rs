//! The tables, one file each: layout, statements, encode, decode.

pub(super) mod catalog;
pub(super) mod commands;
pub(super) mod history;
pub(super) mod marks;
pub(super) mod parked;
pub(super) mod rollup;
pub(super) mod state;
pub(super) mod view;

use super::error::{Result, damaged};

/// Tables that every read store has, whatever its runs.
pub(super) const FIXED: [&str; 3] = [catalog::CREATE, marks::CREATE, parked::CREATE];

/// A name inside SQL. Names hold no quotes; doubling them keeps even a strange one a name.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Counts are stored as SQLite's signed integers.
pub(super) fn to_i64(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn to_u64(count: i64) -> Result<u64> {
    u64::try_from(count).map_err(|_| damaged("a negative count"))
}
