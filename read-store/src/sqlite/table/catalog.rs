//! `catalog`: a single row with the revision and all runs as JSON.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::error::{Result, damaged};
use super::{to_i64, to_u64};
use crate::catalog::Catalog;
use crate::catalog::body::{decode, encode};

pub(in crate::sqlite) const CREATE: &str = "CREATE TABLE IF NOT EXISTS catalog \
     (one INTEGER PRIMARY KEY CHECK (one = 1), revision INTEGER NOT NULL, body TEXT NOT NULL)";

/// The stored catalog; an empty one before the first.
pub(in crate::sqlite) fn get(on: &Connection) -> Result<Catalog> {
    let stored: Option<(i64, String)> = on
        .prepare_cached("SELECT revision, body FROM catalog")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match stored {
        None => Ok(Catalog::default()),
        Some((revision, body)) => {
            decode(to_u64(revision)?, &body).ok_or_else(|| damaged("a catalog"))
        }
    }
}

pub(in crate::sqlite) fn put(on: &Connection, catalog: &Catalog) -> Result<()> {
    on.prepare_cached("INSERT OR REPLACE INTO catalog VALUES (1, ?1, ?2)")?
        .execute(params![to_i64(catalog.revision), encode(catalog)])?;
    Ok(())
}
