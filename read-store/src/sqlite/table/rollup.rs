//! `rollup_<name>_<hex>`: the groups of a rollup, one typed column per group column and measure.
//!
//! Primary key: the rollup's key, then its other group columns as they cluster. Hidden columns:
//! `$rows`, how many contributions are in the sums, and `$offset`, of the last one. Sums and mark
//! are one transaction, so one cell holds what all partitions give. A group without contributions
//! has no row.

use model::rows::Amount;
use model::{MeasureKind, Rollup, Value};
use rusqlite::{CachedStatement, Connection};

use super::super::error::Result;
use super::super::layout::Layout;
use super::super::value::{Codec, decode_sum, encode_sum};
use super::quoted;
use crate::batch::CellWrite;
use crate::store::{Cell, StoreError};
use crate::sums::add;

/// The statements on one rollup's table.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct RollupTable {
    pub(in crate::sqlite) layout: Layout,
    pub(in crate::sqlite) create: String,
    measures: Vec<MeasureKind>,
    groups: usize,
    get: String,
    put: String,
    delete: String,
}

impl RollupTable {
    pub(in crate::sqlite) fn new(name: &str, rollup: &Rollup) -> RollupTable {
        let layout = Layout::new(name, &rollup.group, &rollup.key, &rollup.clustering);
        RollupTable::of_layout(
            layout,
            rollup.measures.iter().map(|m| (quoted(&m.name), m.kind)).collect(),
        )
    }

    /// `layout` holds the group columns alone.
    pub(in crate::sqlite) fn of_layout(
        mut layout: Layout,
        measures: Vec<(String, MeasureKind)>,
    ) -> RollupTable {
        let groups = layout.columns.len();
        let names: String = measures.iter().map(|(name, _)| format!("{name}, ")).collect();
        let kinds = measures.iter().map(|(_, kind)| *kind).collect();
        let columns = measures.into_iter().map(|(name, kind)| (name, Codec::Sum(kind)));
        layout.columns.extend(columns);
        layout.filter = Some("\"$rows\" <> 0");
        let places: Vec<String> = (1..=layout.columns.len() + 2).map(|n| format!("?{n}")).collect();
        let (table, whole_key) = (&layout.table, layout.where_primary(1));
        RollupTable {
            create: layout.create(&["\"$rows\" INTEGER NOT NULL", "\"$offset\" INTEGER NOT NULL"]),
            get: format!("SELECT {names}\"$rows\" FROM {table} {whole_key}"),
            put: format!("INSERT OR REPLACE INTO {table} VALUES ({})", places.join(", ")),
            delete: format!("DELETE FROM {table} {whole_key}"),
            measures: kinds,
            groups,
            layout,
        }
    }

    /// Adds to a cell; one that becomes empty goes.
    pub(in crate::sqlite) fn add(&self, on: &Connection, write: &CellWrite) -> Result<()> {
        if write.group.len() != self.groups || write.add.len() != self.measures.len() {
            let table = &self.layout.table;
            return Err(StoreError::Refused(format!("a cell does not fit {table}")));
        }
        let after = match self.get(on, &write.group)? {
            None => Cell { amounts: write.add.clone(), rows: write.rows },
            Some(mut cell) => {
                add(&mut cell, &write.add, write.rows)?;
                cell
            }
        };
        if after.rows == 0 && after.amounts.iter().all(is_zero) {
            let mut statement = self.prepare(on, &self.delete, &write.group)?;
            statement.raw_execute()?;
            return Ok(());
        }
        self.put(on, write, &after)
    }

    fn get(&self, on: &Connection, group: &[Value]) -> Result<Option<Cell>> {
        let mut statement = self.prepare(on, &self.get, group)?;
        let mut rows = statement.raw_query();
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut amounts = Vec::with_capacity(self.measures.len());
        for (at, kind) in self.measures.iter().enumerate() {
            amounts.push(decode_sum(*kind, row.get_ref(at)?)?);
        }
        Ok(Some(Cell { amounts, rows: row.get(self.measures.len())? }))
    }

    fn put(&self, on: &Connection, write: &CellWrite, cell: &Cell) -> Result<()> {
        let mut statement = on.prepare_cached(&self.put)?;
        for (at, value) in write.group.iter().enumerate() {
            statement.raw_bind_parameter(at + 1, self.layout.columns[at].1.encode(value)?)?;
        }
        for (at, (kind, amount)) in self.measures.iter().zip(&cell.amounts).enumerate() {
            statement.raw_bind_parameter(self.groups + at + 1, encode_sum(*kind, *amount)?)?;
        }
        let hidden = self.layout.columns.len() + 1;
        statement.raw_bind_parameter(hidden, cell.rows)?;
        statement.raw_bind_parameter(hidden + 1, write.offset)?;
        statement.raw_execute()?;
        Ok(())
    }

    fn prepare<'c>(
        &self,
        on: &'c Connection,
        sql: &str,
        group: &[Value],
    ) -> Result<CachedStatement<'c>> {
        let mut statement = on.prepare_cached(sql)?;
        self.layout.bind_primary(&mut statement, 1, group)?;
        Ok(statement)
    }
}

fn is_zero(amount: &Amount) -> bool {
    matches!(amount, Amount::Exact(0)) || matches!(amount, Amount::Double(sum) if *sum == 0.0)
}
