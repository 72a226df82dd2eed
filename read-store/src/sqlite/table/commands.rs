//! `commands_<aggregate>_<hex>`: the keyed commands that an aggregate remembers, by id and slot.
//!
//! | column | |
//! | --- | --- |
//! | `id`, `slot` | TEXT, INTEGER, primary key; the slot is the number modulo the count remembered |
//! | `number` | INTEGER, counts the keyed commands of the aggregate |
//! | `key`, `caller` | TEXT |
//! | `hash` | BLOB, SHA-256 of what was asked |
//! | `first_version`, `offset` | INTEGER |
//! | `events` | TEXT, types of its events, joined by commas |
//! | `began` | INTEGER, 1 where the aggregate did not exist before |

use rusqlite::{Connection, Row, params};

use super::super::error::{Result, damaged};
use super::{quoted, to_i64, to_u64};
use crate::batch::{REMEMBERED_KEYS, UsedKey};

/// The statements on one commands table.
#[derive(Clone, Debug)]
pub(in crate::sqlite) struct CommandsTable {
    pub(in crate::sqlite) create: String,
    put: String,
    list: String,
}

impl CommandsTable {
    pub(in crate::sqlite) fn new(name: &str) -> CommandsTable {
        let table = quoted(name);
        CommandsTable {
            create: format!(
                "CREATE TABLE IF NOT EXISTS {table} (id TEXT NOT NULL, slot INTEGER NOT NULL, \
                 number INTEGER NOT NULL, key TEXT NOT NULL, caller TEXT NOT NULL, \
                 hash BLOB NOT NULL, first_version INTEGER NOT NULL, events TEXT NOT NULL, \
                 offset INTEGER NOT NULL, began INTEGER NOT NULL, PRIMARY KEY (id, slot)) WITHOUT ROWID"
            ),
            put: format!(
                "INSERT OR REPLACE INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
            ),
            list: format!(
                "SELECT number, key, caller, hash, first_version, events, offset, began \
                 FROM {table} WHERE id = ?1"
            ),
        }
    }

    pub(in crate::sqlite) fn put(&self, on: &Connection, id: &str, used: &UsedKey) -> Result<()> {
        on.prepare_cached(&self.put)?.execute(params![
            id,
            to_i64(used.number % REMEMBERED_KEYS),
            to_i64(used.number),
            &*used.key,
            &*used.caller,
            &used.hash[..],
            to_i64(used.first_version),
            used.events.join(","),
            used.offset,
            used.began,
        ])?;
        Ok(())
    }

    pub(in crate::sqlite) fn list(&self, on: &Connection, id: &str) -> Result<Vec<UsedKey>> {
        let mut statement = on.prepare_cached(&self.list)?;
        let mut rows = statement.query([id])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            out.push(decode(row)?);
        }
        Ok(out)
    }
}

fn decode(row: &Row<'_>) -> Result<UsedKey> {
    let events: String = row.get(5)?;
    let hash: Vec<u8> = row.get(3)?;
    Ok(UsedKey {
        number: to_u64(row.get(0)?)?,
        key: row.get(1)?,
        caller: row.get(2)?,
        hash: hash.try_into().map_err(|_| damaged("a hash"))?,
        first_version: to_u64(row.get(4)?)?,
        // Event types are Avro names, which hold no comma and are never empty.
        events: events.split(',').filter(|event| !event.is_empty()).map(Into::into).collect(),
        offset: row.get(6)?,
        began: row.get(7)?,
    })
}
