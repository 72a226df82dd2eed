//! `commands_<aggregate>_<hex>`: the keyed commands that an aggregate remembers, by id and slot.
//!
//! | column | |
//! | --- | --- |
//! | `id` | `text`, partition key |
//! | `slot` | `int`, clustering: the number modulo the count remembered |
//! | `number` | `bigint`, counts the keyed commands of the aggregate |
//! | `key`, `caller` | `text` |
//! | `hash` | `blob`, SHA-256 of what was asked |
//! | `first_version`, `offset` | `bigint` |
//! | `events` | `text`, types of its events, joined by commas |
//! | `began` | `boolean`, whether the aggregate did not exist before |
//!
//! A later command takes the slot over, since its offset is larger.

use bytes::Bytes;
use model::Direction;

use super::super::bound::{Bound, Values};
use super::super::database::{Cells, Database, Lazy, Write};
use super::super::error::{Result, damaged};
use super::super::layout::place;
use super::super::statement::{Select, Statement, Table, create_table, insert, quoted};
use super::{big, blob, count, text};
use crate::batch::{CommandWrite, REMEMBERED_KEYS, UsedKey};

const COLUMNS: [&str; 8] =
    ["number", "key", "caller", "hash", "first_version", "events", "began", "offset"];

/// The statements on one commands table.
#[derive(Debug)]
pub(in crate::cql) struct CommandsTable {
    table: String,
    pub(in crate::cql) put: Lazy,
    pub(in crate::cql) list: Lazy,
}

impl CommandsTable {
    pub(in crate::cql) fn new(name: &str) -> CommandsTable {
        let table = quoted(name);
        let all: Vec<&str> = ["id", "slot"].into_iter().chain(COLUMNS).collect();
        CommandsTable {
            put: Lazy::new(insert(&table, &all)),
            list: Lazy::new(Select::new(&table, &COLUMNS).equal("id").all()),
            table,
        }
    }

    pub(in crate::cql) fn create(&self) -> Statement {
        create_table(&Table {
            name: &self.table,
            columns: vec![
                ("id", "text"),
                ("slot", "int"),
                ("number", "bigint"),
                ("key", "text"),
                ("caller", "text"),
                ("hash", "blob"),
                ("first_version", "bigint"),
                ("events", "text"),
                ("began", "boolean"),
                ("offset", "bigint"),
            ],
            partition: vec!["id"],
            clustering: vec![("slot", Direction::Ascending)],
        })
    }

    pub(in crate::cql) async fn put(
        &self,
        database: &Database,
        write: &CommandWrite,
    ) -> Result<Write> {
        let used = &write.used;
        let id = Bound::Text(write.id.clone());
        let place = place(&self.table, std::slice::from_ref(&id));
        let values = vec![
            id,
            Bound::Int(i32::try_from(used.number % REMEMBERED_KEYS).unwrap_or(i32::MAX)),
            Bound::count(used.number),
            Bound::Text(used.key.clone()),
            Bound::Text(used.caller.clone()),
            Bound::Blob(Bytes::copy_from_slice(&used.hash)),
            Bound::count(used.first_version),
            Bound::String(used.events.join(",")),
            Bound::Bool(used.began),
            Bound::Big(used.offset),
            Bound::Big(used.offset),
        ];
        Write::new(self.put.get(database).await?, Values(values), place)
    }

    pub(in crate::cql) async fn list(&self, database: &Database, id: &str) -> Result<Vec<UsedKey>> {
        let mut out = Vec::new();
        let take = |cells: &Cells<'_>| {
            out.push(decode(cells)?);
            Ok(true)
        };
        let values = Values(vec![Bound::text(id)]);
        database.read(self.list.get(database).await?, &values, take).await?;
        Ok(out)
    }
}

fn decode(cells: &Cells<'_>) -> Result<UsedKey> {
    let events = text(cells, 5)?;
    Ok(UsedKey {
        number: count(cells, 0)?,
        key: text(cells, 1)?,
        caller: text(cells, 2)?,
        hash: blob(cells, 3)?.try_into().map_err(|_| damaged("a hash"))?,
        first_version: count(cells, 4)?,
        // Event types are Avro names, which hold no comma and are never empty.
        events: events.split(',').filter(|event| !event.is_empty()).map(Into::into).collect(),
        began: blob(cells, 6)? == [1],
        offset: big(cells, 7)?,
    })
}
