//! `state_<aggregate>_<hex>`: one row per aggregate, by id.
//!
//! | column | |
//! | --- | --- |
//! | `id` | `text`, partition key |
//! | `version`, `offset`, `keyed` | `bigint`: events, offset of the last one, keyed commands |
//! | `state` | `blob`, Avro; null after deletion |
//! | `parked_from` | `bigint`, -1 unless folding stopped |
//!
//! All columns are written at the offset of the last event that is folded in, but for a
//! `parked_from`, which is written at its own: that is when folding stopped. So what a later fold
//! of that very event writes is never behind it.

use std::sync::Arc;

use bytes::Bytes;

use super::super::bound::{Bound, Values};
use super::super::database::{Cells, Database, Lazy, Write};
use super::super::error::Result;
use super::super::layout::place;
use super::super::statement::{Select, Statement, Table, create_table, insert, quoted};
use super::{big, count, text};
use crate::batch::StateRow;

const COLUMNS: [&str; 5] = ["version", "offset", "keyed", "state", "parked_from"];
const NOT_PARKED: i64 = -1;

/// The statements on one state table.
#[derive(Debug)]
pub(in crate::cql) struct StateTable {
    pub(in crate::cql) table: String,
    pub(in crate::cql) put: Lazy,
    pub(in crate::cql) park: Lazy,
    pub(in crate::cql) get: Lazy,
    pub(in crate::cql) first: Lazy,
    pub(in crate::cql) next: Lazy,
}

impl StateTable {
    pub(in crate::cql) fn new(name: &str) -> StateTable {
        let table = quoted(name);
        let all = ["version", "offset", "keyed", "state", "parked_from", "id"];
        StateTable {
            put: Lazy::new(insert(
                &table,
                &["id", "version", "offset", "keyed", "state", "parked_from"],
            )),
            park: Lazy::new(insert(&table, &["id", "parked_from"])),
            get: Lazy::new(Select::new(&table, &COLUMNS).equal("id").all()),
            first: Lazy::new(Select::new(&table, &all).limit()),
            next: Lazy::new(Select::new(&table, &all).after_token(&["id"]).limit()),
            table,
        }
    }

    pub(in crate::cql) fn create(&self) -> Statement {
        create_table(&Table {
            name: &self.table,
            columns: vec![
                ("id", "text"),
                ("version", "bigint"),
                ("offset", "bigint"),
                ("keyed", "bigint"),
                ("state", "blob"),
                ("parked_from", "bigint"),
            ],
            partition: vec!["id"],
            clustering: Vec::new(),
        })
    }

    pub(in crate::cql) async fn put(
        &self,
        database: &Database,
        id: &Arc<str>,
        row: &StateRow,
        out: &mut Vec<Write>,
    ) -> Result<()> {
        let key = Bound::Text(id.clone());
        let place = place(&self.table, std::slice::from_ref(&key));
        let values = vec![
            key.clone(),
            Bound::count(row.version),
            Bound::Big(row.offset),
            Bound::count(row.keyed),
            row.state.clone().map_or(Bound::Null, Bound::Blob),
            if row.parked_from.is_some() { Bound::Unset } else { Bound::Big(NOT_PARKED) },
            Bound::Big(row.offset),
        ];
        out.push(Write::new(self.put.get(database).await?, Values(values), place)?);
        if let Some(from) = row.parked_from {
            let values = Values(vec![key, Bound::Big(from), Bound::Big(from)]);
            out.push(Write::new(self.park.get(database).await?, values, place)?);
        }
        Ok(())
    }

    pub(in crate::cql) async fn get(
        &self,
        database: &Database,
        id: &str,
    ) -> Result<Option<StateRow>> {
        let values = Values(vec![Bound::text(id)]);
        Ok(database.read_one(self.get.get(database).await?, &values, decode).await?.flatten())
    }

    pub(in crate::cql) async fn get_each(
        &self,
        database: &Database,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>> {
        let questions = ids.iter().map(|id| Values(vec![Bound::Text(id.clone())])).collect();
        let rows = database.read_each(self.get.get(database).await?, questions, decode).await?;
        Ok(rows.into_iter().map(Option::flatten).collect())
    }

    /// Rows after `after` in the order of tokens.
    pub(in crate::cql) async fn scan(
        &self,
        database: &Database,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Vec<(Arc<str>, StateRow)>> {
        let (statement, values) = match after {
            None => (&self.first, vec![Bound::Int(limit)]),
            Some(id) => (&self.next, vec![Bound::text(id), Bound::Int(limit)]),
        };
        let mut out = Vec::new();
        let take = |cells: &Cells<'_>| {
            out.extend(decode(cells)?.map(|row| text(cells, COLUMNS.len()).map(|id| (id, row))));
            Ok(true)
        };
        database.read(statement.get(database).await?, &Values(values), take).await?;
        out.into_iter().collect()
    }
}

/// `None` where an aggregate is parked before anything of it was folded, by a writer that was
/// broken off between the two writes.
fn decode(cells: &Cells<'_>) -> Result<Option<StateRow>> {
    if cells.first().copied().flatten().is_none() {
        return Ok(None);
    }
    let parked_from = match cells.get(4).copied().flatten() {
        None => NOT_PARKED,
        Some(_) => big(cells, 4)?,
    };
    Ok(Some(StateRow {
        version: count(cells, 0)?,
        offset: big(cells, 1)?,
        keyed: count(cells, 2)?,
        state: cells.get(3).copied().flatten().map(Bytes::copy_from_slice),
        parked_from: (parked_from != NOT_PARKED).then_some(parked_from),
    }))
}
