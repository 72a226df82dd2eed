//! `marks`: how far each run is in each partition.
//!
//! | column | |
//! | --- | --- |
//! | `one` | `tinyint`, partition key, always 0: a reader asks for all of them at once |
//! | `run`, `made`, `topic`, `number` | clustering; `made` is the revision at which the run's tables were made |
//! | `offset` | `bigint`, of the last record taken in |
//! | `claim` | `blob`, the latest claim there, empty for none |
//! | `seq` | `bigint`, the last sequence number under it |
//! | `waits` | `boolean`, true once something was parked there |
//!
//! `waits` is written before the state rows, so whoever sees a mark sees what waits below it.

use std::sync::Arc;

use bytes::Bytes;
use model::Direction;

use super::super::bound::{Bound, Values};
use super::super::database::{Cells, Database, Lazy, Write};
use super::super::error::{Result, damaged};
use super::super::statement::{Select, Table, delete, insert};
use super::{FORGOTTEN, big, blob, count, text};
use crate::batch::Mark;
use crate::catalog::RunId;
use crate::position::PartitionKey;

const NAME: &str = "marks";
const COLUMNS: [&str; 8] = ["run", "made", "topic", "number", "offset", "claim", "seq", "waits"];
/// All marks are one partition.
const PLACE: u64 = 1;

/// The statements on the marks.
#[derive(Debug)]
pub(in crate::cql) struct MarksTable {
    pub(in crate::cql) put: Lazy,
    pub(in crate::cql) wait: Lazy,
    pub(in crate::cql) list: Lazy,
    pub(in crate::cql) forget: Lazy,
}

/// A row: a mark, or only that something waits.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cql) struct MarkRow {
    pub(in crate::cql) run: RunId,
    pub(in crate::cql) made: u64,
    pub(in crate::cql) mark: Option<Mark>,
    pub(in crate::cql) waits: bool,
}

/// The table as it has to be.
pub(in crate::cql) fn table() -> Table<'static> {
    Table {
        name: NAME,
        columns: vec![
            ("one", "tinyint"),
            ("run", "text"),
            ("made", "bigint"),
            ("topic", "text"),
            ("number", "bigint"),
            ("offset", "bigint"),
            ("claim", "blob"),
            ("seq", "bigint"),
            ("waits", "boolean"),
        ],
        partition: vec!["one"],
        clustering: ["run", "made", "topic", "number"]
            .map(|name| (name, Direction::Ascending))
            .into(),
    }
}

impl MarksTable {
    pub(in crate::cql) fn new() -> MarksTable {
        let key = ["one", "run", "made", "topic", "number"];
        let with = |more: &[&'static str]| [&key[..], more].concat();
        MarksTable {
            put: Lazy::new(insert(NAME, &with(&["offset", "claim", "seq"]))),
            wait: Lazy::new(insert(NAME, &with(&["waits"]))),
            list: Lazy::new(Select::new(NAME, &COLUMNS).equal("one").all()),
            forget: Lazy::new(delete(NAME, &["one", "run", "made"])),
        }
    }

    pub(in crate::cql) async fn put(
        &self,
        database: &Database,
        mark: &Mark,
        made: u64,
    ) -> Result<Write> {
        let mut values = key(&mark.run, made, &mark.partition);
        values.extend([
            Bound::Big(mark.offset),
            Bound::Blob(mark.claim.map_or(Bytes::new(), |claim| Bytes::copy_from_slice(&claim))),
            Bound::count(mark.seq),
            Bound::Big(mark.offset),
        ]);
        Write::new(self.put.get(database).await?, Values(values), PLACE)
    }

    /// Says that something waits, since `offset`.
    pub(in crate::cql) async fn wait(
        &self,
        database: &Database,
        run: &RunId,
        made: u64,
        partition: &PartitionKey,
        offset: i64,
    ) -> Result<Write> {
        let mut values = key(run, made, partition);
        values.extend([Bound::Bool(true), Bound::Big(offset)]);
        Write::new(self.wait.get(database).await?, Values(values), PLACE)
    }

    pub(in crate::cql) async fn list(&self, database: &Database) -> Result<Vec<MarkRow>> {
        let mut out = Vec::new();
        let take = |cells: &Cells<'_>| {
            out.push(decode(cells)?);
            Ok(true)
        };
        let values = Values(vec![Bound::Tiny(0)]);
        database.read(self.list.get(database).await?, &values, take).await?;
        Ok(out)
    }

    /// Forgets the marks of a run whose tables are gone.
    pub(in crate::cql) async fn forget(
        &self,
        database: &Database,
        run: &RunId,
        made: u64,
    ) -> Result<()> {
        let values = Values(vec![
            Bound::Big(FORGOTTEN),
            Bound::Tiny(0),
            Bound::Text(run.0.clone()),
            Bound::count(made),
        ]);
        let statement = self.forget.get(database).await?;
        database.write(vec![Write::new(statement, values, PLACE)?]).await
    }
}

fn key(run: &RunId, made: u64, partition: &PartitionKey) -> Vec<Bound> {
    vec![
        Bound::Tiny(0),
        Bound::Text(run.0.clone()),
        Bound::count(made),
        Bound::Text(partition.0.clone()),
        Bound::Big(partition.1.into()),
    ]
}

fn decode(cells: &Cells<'_>) -> Result<MarkRow> {
    let run = RunId(text(cells, 0)?);
    let waits = cells.get(7).copied().flatten().is_some_and(|cell| cell == [1]);
    let mark = match cells.get(4).copied().flatten() {
        None => None,
        Some(_) => Some(Mark {
            run: run.clone(),
            partition: (text(cells, 2)?, number(cells)?),
            offset: big(cells, 4)?,
            claim: claim(blob(cells, 5)?)?,
            seq: count(cells, 6)?,
        }),
    };
    Ok(MarkRow { run, made: count(cells, 1)?, mark, waits })
}

fn number(cells: &Cells<'_>) -> Result<u32> {
    u32::try_from(big(cells, 3)?).map_err(|_| damaged("a partition's number"))
}

fn claim(bytes: &[u8]) -> Result<Option<[u8; 16]>> {
    match bytes {
        [] => Ok(None),
        bytes => bytes.try_into().map(Some).map_err(|_| damaged("a claim")),
    }
}

/// The place of what waits where no mark says which partition it is of.
pub(in crate::cql) fn nowhere() -> PartitionKey {
    (Arc::from(""), 0)
}
