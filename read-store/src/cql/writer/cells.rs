//! Rollup cells: a cell takes the contributions above its own last offset, in the order of the
//! log. So a batch that comes again, wholly or in part, adds nothing twice; and sums of doubles
//! come out the same whatever the bounds of the batches.
//!
//! What a writer remembers of cells saves reading them. It is right for as long as nobody else
//! writes them; the caller says when that is in doubt.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt, TryStreamExt};
use model::MeasureKind;
use model::rows::Amount;

use super::apply::wrong_kind;
use crate::batch::{Batch, CellWrite};
use crate::cql::bound::Values;
use crate::cql::database::Write;
use crate::cql::error::Result;
use crate::cql::shared::{Shared, Tables, ViewOrRollup};
use crate::cql::table::rollup::{RollupTable, StoredCell};
use crate::position::PartitionKey;
use crate::store::{Cell, StoreError};
use crate::sums::add;

/// Cells read at a time.
const AT_ONCE: usize = 64;
/// Cells remembered.
const REMEMBERED: usize = 10_000;

/// Cells as they were last written, each by table and whole key as bytes.
#[derive(Default)]
pub(super) struct Remembered {
    cells: HashMap<Vec<u8>, StoredCell>,
}

impl Remembered {
    pub(super) fn forget(&mut self) {
        self.cells.clear();
    }

    fn make_room(&mut self, more: usize) {
        if self.cells.len() + more > REMEMBERED {
            self.cells.clear();
        }
    }
}

/// What a batch adds to one cell.
struct Gain<'b> {
    table: Arc<ViewOrRollup>,
    source: &'b PartitionKey,
    key: Values,
    name: Vec<u8>,
    writes: Vec<&'b CellWrite>,
}

/// Writes the cells of a batch as they will be.
pub(super) async fn writes(
    shared: &Shared,
    tables: &Tables,
    batch: &Batch,
    remembered: &mut Remembered,
) -> Result<Vec<Write>> {
    if batch.cells.is_empty() {
        return Ok(Vec::new());
    }
    let gains = gains(tables, batch)?;
    remembered.make_room(gains.len());
    let known = &remembered.cells;
    let reads: Vec<_> = gains.iter().map(|gain| stored(shared, known, gain)).collect();
    let before: Vec<Option<StoredCell>> =
        stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    let mut writes = Vec::with_capacity(gains.len());
    for (mut gain, before) in gains.into_iter().zip(before) {
        // Aggregates come one after the other, their events in between each other.
        gain.writes.sort_by_key(|write| write.offset);
        let table = rollup(&gain)?;
        let (after, grown) = grow(table, before, &gain.writes)?;
        if let (true, Some(write)) = (grown, gain.writes.first()) {
            writes.push(table.put(&shared.database, &write.group, gain.source, &after).await?);
        }
        remembered.cells.insert(gain.name, after);
    }
    Ok(writes)
}

async fn stored(
    shared: &Shared,
    known: &HashMap<Vec<u8>, StoredCell>,
    gain: &Gain<'_>,
) -> Result<Option<StoredCell>> {
    match known.get(&gain.name) {
        Some(cell) => Ok(Some(cell.clone())),
        None => rollup(gain)?.get(&shared.database, &gain.key).await,
    }
}

/// What the batch adds, cell by cell.
fn gains<'b>(tables: &Tables, batch: &'b Batch) -> Result<Vec<Gain<'b>>> {
    let mut gains: Vec<Gain<'b>> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::with_capacity(batch.cells.len());
    for write in &batch.cells {
        let table = tables.view(&write.run, &write.view)?;
        let ViewOrRollup::Rollup(rollup) = &*table else { return Err(wrong_kind(&write.view)) };
        rollup.check(write)?;
        let mark = batch.marks.iter().find(|mark| mark.run == write.run);
        let source = mark.map(|mark| &mark.partition).ok_or_else(|| {
            StoreError::Refused("cells need a mark of their run in the same batch".into())
        })?;
        let key = rollup.key(&write.group, source)?;
        let name = name(&rollup.layout.table, tables.made_of(&write.run).unwrap_or(0), &key);
        let at = *places.entry(name.clone()).or_insert(gains.len());
        if at == gains.len() {
            gains.push(Gain { table, source, key, name, writes: Vec::new() });
        }
        gains[at].writes.push(write);
    }
    Ok(gains)
}

fn name(table: &str, made: u64, key: &Values) -> Vec<u8> {
    let mut name = table.as_bytes().to_vec();
    name.extend(made.to_be_bytes());
    for value in &key.0 {
        value.with_bytes(|bytes| {
            let bytes = bytes.unwrap_or_default();
            name.extend((bytes.len() as u64).to_be_bytes());
            name.extend(bytes);
        });
    }
    name
}

fn rollup<'g>(gain: &'g Gain<'_>) -> Result<&'g RollupTable> {
    match &*gain.table {
        ViewOrRollup::Rollup(table) => Ok(table),
        ViewOrRollup::View(_) => Err(StoreError::Refused("a view of rows takes no cells".into())),
    }
}

/// The cell after contributions in the order of the log, and whether anything was added.
fn grow(
    table: &RollupTable,
    before: Option<StoredCell>,
    writes: &[&CellWrite],
) -> Result<(StoredCell, bool)> {
    let mut stored = before.unwrap_or_else(|| StoredCell {
        cell: Cell { amounts: table.kinds.iter().map(zero).collect(), rows: 0 },
        offset: -1,
    });
    let held = stored.offset;
    let mut grown = false;
    for write in writes.iter().filter(|write| write.offset > held) {
        add(&mut stored.cell, &write.add, write.rows)?;
        stored.offset = write.offset;
        grown = true;
    }
    Ok((stored, grown))
}

fn zero(kind: &MeasureKind) -> Amount {
    match kind {
        MeasureKind::Double => Amount::Double(0.0),
        MeasureKind::Count | MeasureKind::Int | MeasureKind::Decimal(_) => Amount::Exact(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The behaviour over a table is tested against a database; here only that order and stale
    // contributions are seen to.
    fn cell(offset: i64, sum: i128) -> StoredCell {
        StoredCell { cell: Cell { amounts: vec![Amount::Exact(sum)], rows: 1 }, offset }
    }

    #[test]
    fn different_keys_have_different_names() {
        use crate::cql::bound::Bound;
        let key = |parts: &[&str]| Values(parts.iter().map(|part| Bound::text(part)).collect());
        assert_ne!(name("t", 1, &key(&["a", "bc"])), name("t", 1, &key(&["ab", "c"])));
        assert_ne!(name("t", 1, &key(&["a"])), name("t", 2, &key(&["a"])));
    }

    #[test]
    fn room_is_made_by_forgetting() {
        let mut remembered = Remembered::default();
        for at in 0..REMEMBERED {
            remembered.cells.insert(at.to_be_bytes().to_vec(), cell(1, 1));
        }
        remembered.make_room(1);
        assert!(remembered.cells.is_empty());
    }
}
