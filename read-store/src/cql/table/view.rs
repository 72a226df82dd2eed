//! `view_<name>_<hex>`: the rows of a view, one typed column per column of the view.
//!
//! Partition key: the view's key and `$bucket`; clustering: the declared order in its directions,
//! tie-breakers included. A row is written whole but for nulls that cover nothing.

use model::rows::Row;
use model::{RowView, Value};

use super::super::bound::{Bound, Values};
use super::super::database::{Database, Lazy, Write};
use super::super::error::Result;
use super::super::layout::{BUCKET, Layout};
use super::super::statement::{Statement, delete, insert};
use crate::batch::RowWrite;

/// The statements on one view's table.
#[derive(Debug)]
pub(in crate::cql) struct ViewTable {
    pub(in crate::cql) layout: Layout,
    pub(in crate::cql) put: Lazy,
    pub(in crate::cql) delete: Lazy,
}

impl ViewTable {
    pub(in crate::cql) fn new(name: &str, view: &RowView, buckets: u32) -> ViewTable {
        let layout = Layout::new(name, &view.columns, &view.key, &view.clustering, buckets);
        let all: Vec<&str> =
            layout.columns.iter().map(|(name, _)| name.as_str()).chain([BUCKET]).collect();
        ViewTable {
            put: Lazy::new(insert(&layout.table, &all)),
            delete: Lazy::new(delete(&layout.table, &layout.primary())),
            layout,
        }
    }

    pub(in crate::cql) fn create(&self) -> Statement {
        self.layout.create(&[], &[])
    }

    pub(in crate::cql) async fn put(&self, database: &Database, write: &RowWrite) -> Result<Write> {
        let Row(row) = &write.row;
        self.layout.check(row)?;
        let partition = self.layout.partition_of(row)?;
        let mut values = Vec::with_capacity(row.len() + 2);
        for (at, value) in row.iter().enumerate() {
            let covers = *value != Value::Null || !write.always_null.contains(&at);
            values.push(if covers { self.layout.encode(at, value)? } else { Bound::Unset });
        }
        let place = self.layout.place(&partition);
        values.extend(partition.into_iter().next_back());
        values.push(Bound::Big(write.offset));
        Write::new(self.put.get(database).await?, Values(values), place)
    }

    pub(in crate::cql) async fn delete(
        &self,
        database: &Database,
        write: &RowWrite,
    ) -> Result<Write> {
        let Row(row) = &write.row;
        self.layout.check(row)?;
        let place = self.layout.place(&self.layout.partition_of(row)?);
        let mut values = vec![Bound::Big(write.offset)];
        values.extend(self.layout.primary_of(row)?);
        Write::new(self.delete.get(database).await?, Values(values), place)
    }
}
