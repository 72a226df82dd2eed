//! `parked`: pointers to events that wait, by run, view, id and offset.
//!
//! | column | |
//! | --- | --- |
//! | `run`, `view`, `id`, `offset` | primary key; `view` is empty where the fold itself stopped |
//! | `topic`, `number` | TEXT, INTEGER: the partition that the offset is of |
//! | `aggregate` | TEXT |
//! | `version` | INTEGER, the event's |
//! | `reason` | TEXT, empty for those that queue behind the first |

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::error::Result;
use super::{to_i64, to_u64};
use crate::batch::ParkedWrite;
use crate::catalog::RunId;

pub(in crate::sqlite) const CREATE: &str = "CREATE TABLE IF NOT EXISTS parked (run TEXT NOT NULL, \
     view TEXT NOT NULL, id TEXT NOT NULL, offset INTEGER NOT NULL, aggregate TEXT NOT NULL, \
     version INTEGER NOT NULL, reason TEXT NOT NULL, topic TEXT NOT NULL, \
     number INTEGER NOT NULL, PRIMARY KEY (run, view, id, offset)) WITHOUT ROWID";

pub(in crate::sqlite) fn put(on: &Connection, write: &ParkedWrite) -> Result<()> {
    on.prepare_cached("INSERT OR REPLACE INTO parked VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
            &*write.run.0,
            write.view.as_deref().unwrap_or(""),
            &*write.id,
            write.offset,
            &*write.aggregate,
            to_i64(write.version),
            &write.reason,
            &*write.partition.0,
            write.partition.1,
        ])?;
    Ok(())
}

/// The first pointer of each view and id.
pub(in crate::sqlite) fn list(on: &Connection, run: &RunId) -> Result<Vec<ParkedWrite>> {
    let mut statement = on.prepare_cached(
        "SELECT view, id, min(offset), aggregate, version, reason, topic, number FROM parked \
         WHERE run = ?1 GROUP BY view, id ORDER BY view, id",
    )?;
    let mut rows = statement.query([&*run.0])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(decode(run, row)?);
    }
    Ok(out)
}

/// The pointers of one id that the fold itself waits for, oldest first.
pub(in crate::sqlite) fn of_fold(
    on: &Connection,
    run: &RunId,
    id: &str,
    limit: usize,
) -> Result<Vec<ParkedWrite>> {
    let mut statement = on.prepare_cached(
        "SELECT view, id, offset, aggregate, version, reason, topic, number FROM parked \
         WHERE run = ?1 AND view = '' AND id = ?2 ORDER BY offset LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![&*run.0, id, limit])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(decode(run, row)?);
    }
    Ok(out)
}

fn decode(run: &RunId, row: &Row<'_>) -> Result<ParkedWrite> {
    let view: Arc<str> = row.get(0)?;
    Ok(ParkedWrite {
        run: run.clone(),
        aggregate: row.get(3)?,
        id: row.get(1)?,
        view: (!view.is_empty()).then_some(view),
        partition: (row.get(6)?, row.get(7)?),
        offset: row.get(2)?,
        version: to_u64(row.get(4)?)?,
        reason: row.get(5)?,
    })
}

/// Whether anything waits at all.
pub(in crate::sqlite) fn any(on: &Connection) -> Result<bool> {
    let found = on.prepare_cached("SELECT 1 FROM parked LIMIT 1")?.query_row([], |_| Ok(()));
    Ok(found.optional()?.is_some())
}

/// Forgets the pointers of one id.
pub(in crate::sqlite) fn forget_id(
    on: &Connection,
    run: &RunId,
    view: Option<&str>,
    id: &str,
) -> Result<()> {
    on.prepare_cached("DELETE FROM parked WHERE run = ?1 AND view = ?2 AND id = ?3")?.execute([
        &*run.0,
        view.unwrap_or(""),
        id,
    ])?;
    Ok(())
}

/// Runs and views for which something waits; no view = the fold itself.
pub(in crate::sqlite) fn owners(on: &Connection) -> Result<Vec<(RunId, Option<Arc<str>>)>> {
    let mut statement = on.prepare("SELECT DISTINCT run, view FROM parked")?;
    let owners = statement.query_map([], |row| {
        let view: Arc<str> = row.get(1)?;
        Ok((RunId(row.get(0)?), (!view.is_empty()).then_some(view)))
    })?;
    Ok(owners.collect::<rusqlite::Result<_>>()?)
}

/// Forgets all that waits for a run's view, or for its fold.
pub(in crate::sqlite) fn forget(on: &Connection, run: &RunId, view: Option<&str>) -> Result<()> {
    on.prepare_cached("DELETE FROM parked WHERE run = ?1 AND view = ?2")?
        .execute([&*run.0, view.unwrap_or("")])?;
    Ok(())
}

/// What waited for a view in the run that filled it waits in the run that it joins.
pub(in crate::sqlite) fn hand_over(
    on: &Connection,
    from: &RunId,
    to: &RunId,
    view: &str,
) -> Result<()> {
    on.prepare_cached("UPDATE OR REPLACE parked SET run = ?1 WHERE run = ?2 AND view = ?3")?
        .execute([&*to.0, &*from.0, view])?;
    Ok(())
}
