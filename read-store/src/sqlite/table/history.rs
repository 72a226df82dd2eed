//! `history_<aggregate>_<hex>`: one row per event, by id and version.
//!
//! | column | |
//! | --- | --- |
//! | `id`, `version` | TEXT, INTEGER, primary key |
//! | `event` | TEXT, its type |
//! | `time` | INTEGER, milliseconds |
//! | `data` | BLOB, wire form in the version in which it was written |
//! | `offset` | INTEGER |

use bytes::Bytes;
use rusqlite::{Connection, params};

use super::super::error::Result;
use super::{quoted, to_i64, to_u64};
use crate::batch::HistoryWrite;
use crate::store::StoredEvent;

/// The statements on one history table.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct HistoryTable {
    pub(in crate::sqlite) create: String,
    put: String,
    list: String,
}

impl HistoryTable {
    pub(in crate::sqlite) fn new(name: &str) -> HistoryTable {
        let table = quoted(name);
        HistoryTable {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {table} (id TEXT NOT NULL, version INTEGER NOT NULL, \
                 event TEXT NOT NULL, time INTEGER NOT NULL, data BLOB NOT NULL, \
                 offset INTEGER NOT NULL, PRIMARY KEY (id, version)) WITHOUT ROWID"
            ),
            put: format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
            list: format!(
                "SELECT version, event, time, data FROM {table} WHERE id = ?1 AND version > ?2 \
                 ORDER BY version LIMIT ?3"
            ),
        }
    }

    pub(in crate::sqlite) fn put(&self, on: &Connection, write: &HistoryWrite) -> Result<()> {
        on.prepare_cached(&self.put)?.execute(params![
            &*write.id,
            to_i64(write.version),
            &*write.event,
            write.time,
            &*write.data,
            write.offset,
        ])?;
        Ok(())
    }

    pub(in crate::sqlite) fn list(
        &self,
        on: &Connection,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        let mut statement = on.prepare_cached(&self.list)?;
        let mut rows = statement.query(params![id, to_i64(after), to_i64(limit as u64)])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(StoredEvent {
                version: to_u64(row.get(0)?)?,
                event: row.get(1)?,
                time: row.get(2)?,
                data: Bytes::from(row.get::<_, Vec<u8>>(3)?),
            });
        }
        Ok(out)
    }
}
