//! The tables, one file each: layout, statements, encode, decode.

pub(super) mod catalog;
pub(super) mod commands;
pub(super) mod history;
pub(super) mod marks;
pub(super) mod parked;
pub(super) mod rollup;
pub(super) mod state;
pub(super) mod view;

use std::sync::Arc;

use super::database::Cells;
use super::error::{Result, damaged};
use super::value;

/// Later than any offset, and long past as a time: for rows that nobody will ever write again.
pub(super) const FORGOTTEN: i64 = 1 << 50;

pub(super) fn big(cells: &Cells<'_>, at: usize) -> Result<i64> {
    value::big(blob(cells, at)?)
}

pub(super) fn count(cells: &Cells<'_>, at: usize) -> Result<u64> {
    u64::try_from(big(cells, at)?).map_err(|_| damaged("a negative count"))
}

pub(super) fn text(cells: &Cells<'_>, at: usize) -> Result<Arc<str>> {
    Ok(value::utf8(blob(cells, at)?)?.into())
}

pub(super) fn blob<'r>(cells: &Cells<'r>, at: usize) -> Result<&'r [u8]> {
    cells.get(at).copied().flatten().ok_or_else(|| damaged("a row with a column missing"))
}
