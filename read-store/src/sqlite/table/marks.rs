//! `marks`: how far each run is in each partition.
//!
//! | column | |
//! | --- | --- |
//! | `run`, `topic`, `partition` | TEXT, TEXT, INTEGER, primary key |
//! | `offset` | INTEGER, of the last record taken in |
//! | `claim` | BLOB, the latest claim there, or NULL |
//! | `seq` | INTEGER, the last sequence number under it |

use std::sync::Arc;

use rusqlite::{Connection, params};

use super::super::error::{Result, damaged};
use super::{to_i64, to_u64};
use crate::batch::Mark;
use crate::catalog::RunId;

pub(in crate::sqlite) const CREATE: &str = "CREATE TABLE IF NOT EXISTS marks (run TEXT NOT NULL, \
     topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, claim BLOB, \
     seq INTEGER NOT NULL, PRIMARY KEY (run, topic, partition)) WITHOUT ROWID";

pub(in crate::sqlite) fn put(on: &Connection, mark: &Mark) -> Result<()> {
    on.prepare_cached("INSERT OR REPLACE INTO marks VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?.execute(
        params![
            &*mark.run.0,
            &*mark.partition.0,
            mark.partition.1,
            mark.offset,
            mark.claim.as_ref().map(|claim| &claim[..]),
            to_i64(mark.seq),
        ],
    )?;
    Ok(())
}

pub(in crate::sqlite) fn list(on: &Connection) -> Result<Vec<Mark>> {
    let mut statement = on.prepare_cached(
        "SELECT run, topic, partition, offset, claim, seq FROM marks ORDER BY 1, 2, 3",
    )?;
    let mut rows = statement.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let claim: Option<Vec<u8>> = row.get(4)?;
        out.push(Mark {
            run: RunId(row.get::<_, Arc<str>>(0)?),
            partition: (row.get(1)?, row.get(2)?),
            offset: row.get(3)?,
            claim: claim
                .map(|claim| claim.try_into().map_err(|_| damaged("a claim")))
                .transpose()?,
            seq: to_u64(row.get(5)?)?,
        });
    }
    Ok(out)
}

/// Forgets the marks of a run.
pub(in crate::sqlite) fn forget(on: &Connection, run: &RunId) -> Result<()> {
    on.prepare_cached("DELETE FROM marks WHERE run = ?1")?.execute([&*run.0])?;
    Ok(())
}
