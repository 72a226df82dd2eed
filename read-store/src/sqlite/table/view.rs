//! `view_<name>_<hex>`: the rows of a view, one typed column per column of the view.
//!
//! Primary key: the view's key, then its clustering columns in their directions, tie-breakers
//! included. There are no buckets here: a B-tree has no partition that could grow too large.

use model::rows::Row;
use model::{RowView, Value};
use rusqlite::{Connection, Statement};

use super::super::error::Result;
use super::super::layout::Layout;
use crate::store::StoreError;

/// The statements on one view's table.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct ViewTable {
    pub(in crate::sqlite) layout: Layout,
    pub(in crate::sqlite) create: String,
    put: String,
    delete: String,
}

impl ViewTable {
    pub(in crate::sqlite) fn new(name: &str, view: &RowView) -> ViewTable {
        ViewTable::of_layout(Layout::new(name, &view.columns, &view.key, &view.clustering))
    }

    pub(in crate::sqlite) fn of_layout(layout: Layout) -> ViewTable {
        let places: Vec<String> = (1..=layout.columns.len()).map(|n| format!("?{n}")).collect();
        ViewTable {
            create: layout.create(&[]),
            put: format!("INSERT OR REPLACE INTO {} VALUES ({})", layout.table, places.join(", ")),
            delete: format!("DELETE FROM {} {}", layout.table, layout.where_primary(1)),
            layout,
        }
    }

    /// Writes rows, or deletes them (`true`), in this order.
    pub(in crate::sqlite) fn write<'r>(
        &self,
        on: &Connection,
        rows: impl Iterator<Item = (&'r Row, bool)>,
    ) -> Result<()> {
        let mut statement = on.prepare_cached(&self.put)?;
        for (row, delete) in rows {
            if delete {
                self.delete(on, row)?;
            } else {
                self.put(&mut statement, row)?;
            }
        }
        Ok(())
    }

    fn put(&self, statement: &mut Statement<'_>, Row(row): &Row) -> Result<()> {
        self.check(row)?;
        for (at, ((_, codec), value)) in self.layout.columns.iter().zip(row).enumerate() {
            statement.raw_bind_parameter(at + 1, codec.encode(value)?)?;
        }
        statement.raw_execute()?;
        Ok(())
    }

    fn delete(&self, on: &Connection, Row(row): &Row) -> Result<()> {
        self.check(row)?;
        let mut statement = on.prepare_cached(&self.delete)?;
        self.layout.bind_primary(&mut statement, 1, row)?;
        statement.raw_execute()?;
        Ok(())
    }

    /// A null in the primary key would be as many rows as one likes.
    fn check(&self, row: &[Value]) -> Result<()> {
        let complete = row.len() == self.layout.columns.len()
            && self.layout.primary.iter().all(|(at, _)| row[*at] != Value::Null);
        if complete {
            return Ok(());
        }
        let table = &self.layout.table;
        Err(StoreError::Refused(format!("a row does not fit {table}: a column of its key lacks")))
    }
}
