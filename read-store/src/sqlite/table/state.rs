//! `state_<aggregate>_<hex>`: one row per aggregate, by id.
//!
//! | column | |
//! | --- | --- |
//! | `id` | TEXT, primary key |
//! | `version`, `offset`, `keyed` | INTEGER: events, offset of the last one, keyed commands |
//! | `state` | BLOB, Avro; NULL after deletion |
//! | `parked_from` | INTEGER, NULL unless folding stopped |

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::error::Result;
use super::{quoted, to_i64, to_u64};
use crate::batch::StateRow;

/// The statements on one state table.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct StateTable {
    pub(in crate::sqlite) create: String,
    put: String,
    get: String,
    scan: String,
}

impl StateTable {
    pub(in crate::sqlite) fn new(name: &str) -> StateTable {
        let table = quoted(name);
        let columns = "version, offset, keyed, state, parked_from";
        StateTable {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {table} (id TEXT NOT NULL PRIMARY KEY, \
                 version INTEGER NOT NULL, offset INTEGER NOT NULL, keyed INTEGER NOT NULL, \
                 state BLOB, parked_from INTEGER) WITHOUT ROWID"
            ),
            put: format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
            get: format!("SELECT {columns} FROM {table} WHERE id = ?1"),
            scan: format!("SELECT {columns}, id FROM {table} WHERE id > ?1 ORDER BY id LIMIT ?2"),
        }
    }

    pub(in crate::sqlite) fn put(&self, on: &Connection, id: &str, row: &StateRow) -> Result<()> {
        on.prepare_cached(&self.put)?.execute(params![
            id,
            to_i64(row.version),
            row.offset,
            to_i64(row.keyed),
            row.state.as_deref(),
            row.parked_from,
        ])?;
        Ok(())
    }

    pub(in crate::sqlite) fn get(&self, on: &Connection, id: &str) -> Result<Option<StateRow>> {
        let mut statement = on.prepare_cached(&self.get)?;
        let mut rows = statement.query([id])?;
        rows.next()?.map(decode).transpose()
    }

    /// Rows with ids above `after` (no id is empty), in order of id.
    pub(in crate::sqlite) fn scan(
        &self,
        on: &Connection,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>> {
        let mut statement = on.prepare_cached(&self.scan)?;
        let mut rows = statement.query(params![after.unwrap_or(""), to_i64(limit as u64)])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push((
                row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?.into(),
                decode(row)?,
            ));
        }
        Ok(out)
    }
}

fn decode(row: &Row<'_>) -> Result<StateRow> {
    Ok(StateRow {
        version: to_u64(row.get(0)?)?,
        offset: row.get(1)?,
        keyed: to_u64(row.get(2)?)?,
        state: row.get::<_, Option<Vec<u8>>>(3)?.map(Bytes::from),
        parked_from: row.get(4)?,
    })
}

/// Whether a table of this name exists.
pub(in crate::sqlite) fn exists(on: &Connection, name: &str) -> Result<bool> {
    let found = on
        .prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?
        .query_row([name], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}
