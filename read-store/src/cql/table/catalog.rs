//! `catalog`: a single row with the revision, all runs as JSON, and who may change them.
//!
//! | column | |
//! | --- | --- |
//! | `one` | `tinyint`, partition key, always 0 |
//! | `revision` | `bigint` |
//! | `body` | `text`: the catalog as JSON, and `made`: at which revision each table was made |
//! | `holder` | `uuid` of the migration under way, else all zeros |
//!
//! This row alone is changed by compare-and-set. A table that is dropped and made again is told
//! from what it was by the revision at which it was made: its name in the database, marks and
//! pointers carry it. So neither those of the old one nor their tombstones touch the new one's, and
//! who still knows the old one, an owner above all, meets no table rather than an empty one.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::super::bound::{Bound, Values};
use super::super::database::{Cells, Database};
use super::super::error::{Result, damaged};
use super::super::statement::{Select, Statement, Table, catalog_begin, catalog_change};
use super::{blob, count, text};
use crate::catalog::{Catalog, body};
use crate::store::StoreError;
use crate::tables::made_at;

const NAME: &str = "catalog";
const NOBODY: Uuid = Uuid::nil();
/// A migration that has not ended by then was broken off.
const ABANDONED: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The catalog, and at which revision each table was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::cql) struct Stored {
    pub(in crate::cql) catalog: Catalog,
    pub(in crate::cql) made: BTreeMap<String, u64>,
}

impl Stored {
    /// At which revision a table was made; 0 for one that is not there.
    pub(in crate::cql) fn made_of(&self, table: &str) -> u64 {
        self.made.get(table).copied().unwrap_or(0)
    }

    /// What a table is called in the database.
    pub(in crate::cql) fn name(&self, table: &str) -> String {
        made_at(table, self.made_of(table))
    }
}

/// The table as it has to be.
pub(in crate::cql) fn table() -> Table<'static> {
    let columns =
        vec![("one", "tinyint"), ("revision", "bigint"), ("body", "text"), ("holder", "uuid")];
    Table { name: NAME, columns, partition: vec!["one"], clustering: Vec::new() }
}

/// Every statement on the catalog.
#[cfg(test)]
pub(in crate::cql) fn statements() -> [Statement; 4] {
    [begin_row(), select(), hold_statement(), replace()]
}

fn begin_row() -> Statement {
    catalog_begin(NAME, &["one", "revision", "body", "holder"])
}

fn select() -> Statement {
    Select::new(NAME, &["revision", "body", "holder"]).equal("one").all()
}

fn hold_statement() -> Statement {
    catalog_change(NAME, &["holder"], "one", &["holder"])
}

fn replace() -> Statement {
    catalog_change(NAME, &["revision", "body"], "one", &["revision", "holder"])
}

fn one() -> Bound {
    Bound::Tiny(0)
}

/// Makes the row where it is not there.
pub(in crate::cql) async fn begin(database: &Database) -> Result<()> {
    let values = Values(vec![one()]);
    if database.read_settled(&select(), &values, |_| Ok(())).await?.is_some() {
        return Ok(());
    }
    let empty = Values(vec![one(), Bound::Big(0), Bound::text(""), Bound::Uuid(NOBODY)]);
    database.change(&begin_row(), &empty).await?;
    Ok(())
}

/// The stored catalog as of a moment ago.
pub(in crate::cql) async fn get(database: &Database) -> Result<Stored> {
    let statement = database.prepared(&select()).await?;
    let found = database.read_one(&statement, &Values(vec![one()]), decode).await?;
    Ok(found.map(|(stored, _)| stored).unwrap_or_default())
}

/// The stored catalog after all changes that anyone has begun, and who holds it.
pub(in crate::cql) async fn settled(database: &Database) -> Result<(Stored, Uuid)> {
    let found = database.read_settled(&select(), &Values(vec![one()]), decode).await?;
    found.ok_or_else(|| damaged("a catalog without a row"))
}

fn decode(cells: &Cells<'_>) -> Result<(Stored, Uuid)> {
    let holder = Uuid::from_slice(blob(cells, 2)?).map_err(|_| damaged("a holder"))?;
    let (revision, text) = (count(cells, 0)?, text(cells, 1)?);
    if text.is_empty() {
        return Ok((Stored::default(), holder));
    }
    let stored = read(revision, &text).ok_or_else(|| damaged("a catalog"))?;
    Ok((stored, holder))
}

fn read(revision: u64, text: &str) -> Option<Stored> {
    let json: Json = serde_json::from_str(text).ok()?;
    let made =
        json["made"].as_object()?.iter().map(|(name, at)| Some((name.clone(), at.as_u64()?)));
    Some(Stored { made: made.collect::<Option<_>>()?, catalog: body::decode(revision, text)? })
}

fn write(stored: &Stored) -> Result<String> {
    let mut json: Json =
        serde_json::from_str(&body::encode(&stored.catalog)).map_err(|_| damaged("a catalog"))?;
    json["made"] = stored.made.iter().map(|(name, at)| (name.clone(), Json::from(*at))).collect();
    Ok(json.to_string())
}

/// Waits until nobody else migrates. Who holds for too long has been broken off.
pub(in crate::cql) async fn hold(database: &Database, me: Uuid) -> Result<Stored> {
    let mut seen: Option<(Uuid, Instant)> = None;
    loop {
        let (stored, holder) = settled(database).await?;
        if holder == me {
            return Ok(stored);
        }
        let since = match seen {
            Some((known, since)) if known == holder => since,
            _ => Instant::now(),
        };
        seen = Some((holder, since));
        if holder == NOBODY || since.elapsed() > ABANDONED {
            // Whether it went well is seen by reading again, an answer that was lost included.
            take(database, holder, me).await?;
        } else {
            sleep(LOOK_AGAIN).await;
        }
    }
}

async fn take(database: &Database, from: Uuid, to: Uuid) -> Result<()> {
    let values = Values(vec![Bound::Uuid(to), one(), Bound::Uuid(from)]);
    match database.change(&hold_statement(), &values).await {
        Ok(_) => Ok(()),
        Err(StoreError::Unavailable(reason)) => {
            tracing::warn!(reason, "the catalog's lock was not answered for");
            Ok(())
        }
        Err(other) => Err(other),
    }
}

/// Lets others migrate. If this fails they wait a while.
pub(in crate::cql) async fn release(database: &Database, me: Uuid) -> Result<()> {
    take(database, me, NOBODY).await
}

/// Stores the next catalog if the one before it is still there and `me` holds it.
pub(in crate::cql) async fn put(
    database: &Database,
    before: u64,
    next: &Stored,
    me: Uuid,
) -> Result<()> {
    let values = Values(vec![
        Bound::count(next.catalog.revision),
        Bound::String(write(next)?),
        one(),
        Bound::count(before),
        Bound::Uuid(me),
    ]);
    match database.change(&replace(), &values).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(StoreError::Conflict),
        // An answer that was lost: the row itself tells.
        Err(error @ StoreError::Unavailable(_)) => match settled(database).await?.0 == *next {
            true => Ok(()),
            false => Err(error),
        },
        Err(other) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_survives_with_its_tables() {
        let stored = Stored {
            catalog: Catalog { revision: 7, ..Catalog::default() },
            made: [("state_order_0a1b2c3d".to_owned(), 3)].into(),
        };
        let text = write(&stored).expect("it is written");
        assert_eq!(read(7, &text), Some(stored));
        assert_eq!(read(7, "{}"), None);
    }
}
