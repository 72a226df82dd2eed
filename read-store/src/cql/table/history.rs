//! `history_<aggregate>_<hex>`: one row per event, by id, thousands of versions and version.
//!
//! | column | |
//! | --- | --- |
//! | `id`, `chunk` | `text`, `bigint`, partition key; the chunk is the version / 1000 |
//! | `version` | `bigint`, clustering |
//! | `event` | `text`, its type |
//! | `time` | `timestamp` |
//! | `data` | `blob`, wire form in the version in which it was written |
//! | `offset` | `bigint` |

use bytes::Bytes;
use model::Direction;

use super::super::bound::{Bound, Values};
use super::super::database::{Cells, Database, Lazy, Write};
use super::super::error::Result;
use super::super::layout::place;
use super::super::statement::{Select, Statement, Table, create_table, insert, quoted};
use super::{big, blob, count, text};
use crate::batch::HistoryWrite;
use crate::store::StoredEvent;

/// Versions to a partition.
const CHUNK: u64 = 1_000;

/// The statements on one history table.
#[derive(Debug)]
pub(in crate::cql) struct HistoryTable {
    table: String,
    pub(in crate::cql) put: Lazy,
    pub(in crate::cql) list: Lazy,
}

impl HistoryTable {
    pub(in crate::cql) fn new(name: &str) -> HistoryTable {
        let table = quoted(name);
        let mut list =
            Select::new(&table, &["version", "event", "time", "data"]).equal("id").equal("chunk");
        list.compare("version", ">");
        let columns = ["id", "chunk", "version", "event", "time", "data", "offset"];
        HistoryTable {
            put: Lazy::new(insert(&table, &columns)),
            list: Lazy::new(list.limit()),
            table,
        }
    }

    pub(in crate::cql) fn create(&self) -> Statement {
        create_table(&Table {
            name: &self.table,
            columns: vec![
                ("id", "text"),
                ("chunk", "bigint"),
                ("version", "bigint"),
                ("event", "text"),
                ("time", "timestamp"),
                ("data", "blob"),
                ("offset", "bigint"),
            ],
            partition: vec!["id", "chunk"],
            clustering: vec![("version", Direction::Ascending)],
        })
    }

    pub(in crate::cql) async fn put(
        &self,
        database: &Database,
        write: &HistoryWrite,
    ) -> Result<Write> {
        let mut values = vec![Bound::Text(write.id.clone()), Bound::count(write.version / CHUNK)];
        let place = place(&self.table, &values);
        values.extend([
            Bound::count(write.version),
            Bound::Text(write.event.clone()),
            Bound::Big(write.time),
            Bound::Blob(write.data.clone()),
            Bound::Big(write.offset),
            Bound::Big(write.offset),
        ]);
        Write::new(self.put.get(database).await?, Values(values), place)
    }

    /// Versions are dense, so a chunk that is not full is the last one.
    pub(in crate::cql) async fn list(
        &self,
        database: &Database,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        let statement = self.list.get(database).await?;
        let mut out: Vec<StoredEvent> = Vec::new();
        let mut last = after;
        while out.len() < limit {
            let chunk = (last + 1) / CHUNK;
            let left = i32::try_from(limit - out.len()).unwrap_or(i32::MAX);
            let values = Values(vec![
                Bound::text(id),
                Bound::count(chunk),
                Bound::count(last),
                Bound::Int(left),
            ]);
            let take = |cells: &Cells<'_>| {
                out.push(decode(cells)?);
                Ok(true)
            };
            database.read(statement, &values, take).await?;
            last = out.last().map_or(last, |event| event.version);
            if (last + 1) / CHUNK == chunk {
                break;
            }
        }
        Ok(out)
    }
}

fn decode(cells: &Cells<'_>) -> Result<StoredEvent> {
    Ok(StoredEvent {
        version: count(cells, 0)?,
        event: text(cells, 1)?,
        time: big(cells, 2)?,
        data: Bytes::copy_from_slice(blob(cells, 3)?),
    })
}
