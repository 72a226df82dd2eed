//! `parked`: pointers to events that wait, by the table that lacks them, id and offset.
//!
//! | column | |
//! | --- | --- |
//! | `owner` | `text`, partition key: the table and the revision at which it was made, `name@7` |
//! | `id`, `offset` | `text`, `bigint`, clustering |
//! | `aggregate` | `text` |
//! | `topic`, `number` | `text`, `bigint`: the partition that the offset is of |
//! | `version` | `bigint`, the event's |
//! | `reason` | `text`, empty for those that queue behind the first |
//!
//! What waits for a view waits for its table, whichever run feeds it: so pointers join the primary
//! run with the view. What the fold itself waits for is owned by the state table.

use std::sync::Arc;

use model::Direction;

use super::super::bound::{Bound, Values};
use super::super::database::{Cells, Database, Lazy, Write};
use super::super::error::{Result, damaged};
use super::super::layout::place;
use super::super::statement::{Select, Table, delete, insert};
use super::marks::nowhere;
use super::{FORGOTTEN, big, count, text};
use crate::batch::ParkedWrite;
use crate::catalog::RunId;

const NAME: &str = "parked";
const COLUMNS: [&str; 7] = ["id", "offset", "aggregate", "version", "reason", "topic", "number"];

/// The statements on the pointers.
#[derive(Debug)]
pub(in crate::cql) struct ParkedTable {
    pub(in crate::cql) put: Lazy,
    pub(in crate::cql) list: Lazy,
    pub(in crate::cql) of_id: Lazy,
    pub(in crate::cql) any: Lazy,
    pub(in crate::cql) last: Lazy,
    pub(in crate::cql) forget_id: Lazy,
    pub(in crate::cql) forget: Lazy,
}

/// The table as it has to be.
pub(in crate::cql) fn table() -> Table<'static> {
    Table {
        name: NAME,
        columns: vec![
            ("owner", "text"),
            ("id", "text"),
            ("offset", "bigint"),
            ("aggregate", "text"),
            ("version", "bigint"),
            ("reason", "text"),
            ("topic", "text"),
            ("number", "bigint"),
        ],
        partition: vec!["owner"],
        clustering: vec![("id", Direction::Ascending), ("offset", Direction::Ascending)],
    }
}

/// Who the pointers of a table belong to.
pub(in crate::cql) fn owner(table: &str, made: u64) -> Arc<str> {
    format!("{table}@{made}").into()
}

impl ParkedTable {
    pub(in crate::cql) fn new() -> ParkedTable {
        let all: Vec<&str> = ["owner"].into_iter().chain(COLUMNS).collect();
        let last = Select::new(NAME, &["offset"]).equal("owner").equal("id");
        ParkedTable {
            put: Lazy::new(insert(NAME, &all)),
            list: Lazy::new(Select::new(NAME, &COLUMNS).equal("owner").all()),
            of_id: Lazy::new(Select::new(NAME, &COLUMNS).equal("owner").equal("id").limit()),
            any: Lazy::new(Select::new(NAME, &["offset"]).equal("owner").limit()),
            last: Lazy::new(last.order("id", Direction::Descending).limit()),
            forget_id: Lazy::new(delete(NAME, &["owner", "id"])),
            forget: Lazy::new(delete(NAME, &["owner"])),
        }
    }

    pub(in crate::cql) async fn put(
        &self,
        database: &Database,
        owner: &Arc<str>,
        write: &ParkedWrite,
    ) -> Result<Write> {
        let owner = Bound::Text(owner.clone());
        let place = place(NAME, std::slice::from_ref(&owner));
        let values = vec![
            owner,
            Bound::Text(write.id.clone()),
            Bound::Big(write.offset),
            Bound::Text(write.aggregate.clone()),
            Bound::count(write.version),
            Bound::text(&write.reason),
            Bound::Text(write.partition.0.clone()),
            Bound::Big(write.partition.1.into()),
            Bound::Big(write.offset),
        ];
        Write::new(self.put.get(database).await?, Values(values), place)
    }

    /// The first pointer of each id.
    pub(in crate::cql) async fn list(
        &self,
        database: &Database,
        owner: &Arc<str>,
        run: &RunId,
        view: Option<&Arc<str>>,
    ) -> Result<Vec<ParkedWrite>> {
        let mut out: Vec<ParkedWrite> = Vec::new();
        let take = |cells: &Cells<'_>| {
            let id = text(cells, 0)?;
            if out.last().is_none_or(|last| last.id != id) {
                out.push(decode(cells, run, view)?);
            }
            Ok(true)
        };
        let values = Values(vec![Bound::Text(owner.clone())]);
        database.read(self.list.get(database).await?, &values, take).await?;
        Ok(out)
    }

    /// The pointers of one id, oldest first.
    pub(in crate::cql) async fn of_id(
        &self,
        database: &Database,
        (owner, id): (&Arc<str>, &str),
        run: &RunId,
        limit: usize,
    ) -> Result<Vec<ParkedWrite>> {
        let mut out = Vec::new();
        let take = |cells: &Cells<'_>| {
            out.push(decode(cells, run, None)?);
            Ok(true)
        };
        let limit = Bound::Int(i32::try_from(limit).unwrap_or(i32::MAX));
        let values = Values(vec![Bound::Text(owner.clone()), Bound::text(id), limit]);
        database.read(self.of_id.get(database).await?, &values, take).await?;
        Ok(out)
    }

    /// Whether an owner has any.
    pub(in crate::cql) async fn any(&self, database: &Database, owner: &Arc<str>) -> Result<bool> {
        let values = Values(vec![Bound::Text(owner.clone()), Bound::Int(1)]);
        let found = database.read_one(self.any.get(database).await?, &values, |_| Ok(())).await?;
        Ok(found.is_some())
    }

    /// Forgets the pointers of one id: at the offset of the last of them, so later ones stay.
    pub(in crate::cql) async fn forget_id(
        &self,
        database: &Database,
        owner: &Arc<str>,
        id: &str,
    ) -> Result<()> {
        let key = || vec![Bound::Text(owner.clone()), Bound::text(id)];
        let mut values = key();
        values.push(Bound::Int(1));
        let last = self.last.get(database).await?;
        let last = database.read_one(last, &Values(values), |cells| big(cells, 0)).await?;
        let Some(last) = last else { return Ok(()) };
        let mut values = vec![Bound::Big(last)];
        values.extend(key());
        let statement = self.forget_id.get(database).await?;
        database.write(vec![Write::new(statement, Values(values), 0)?]).await
    }

    /// Forgets all pointers of a table that is gone.
    pub(in crate::cql) async fn forget(&self, database: &Database, owner: &Arc<str>) -> Result<()> {
        if !self.any(database, owner).await? {
            return Ok(());
        }
        let values = Values(vec![Bound::Big(FORGOTTEN), Bound::Text(owner.clone())]);
        let statement = self.forget.get(database).await?;
        database.write(vec![Write::new(statement, values, 0)?]).await
    }
}

fn decode(cells: &Cells<'_>, run: &RunId, view: Option<&Arc<str>>) -> Result<ParkedWrite> {
    let partition = match cells.get(5).copied().flatten() {
        // Written before pointers said it.
        None => nowhere(),
        Some(_) => {
            let number = u32::try_from(big(cells, 6)?);
            (text(cells, 5)?, number.map_err(|_| damaged("a partition's number"))?)
        }
    };
    Ok(ParkedWrite {
        run: run.clone(),
        aggregate: text(cells, 2)?,
        id: text(cells, 0)?,
        view: view.cloned(),
        partition,
        offset: big(cells, 1)?,
        version: count(cells, 3)?,
        reason: text(cells, 4)?.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_that_does_not_say_its_partition_is_read_all_the_same() {
        let number = 7_i64.to_be_bytes();
        let cell = |bytes: &'static [u8]| Some(bytes);
        let (id, aggregate, reason) = (cell(b"o-1"), cell(b"order"), cell(b"overflow"));
        let old = [id, Some(&number), aggregate, Some(&number), reason, None, None];
        let read = decode(&old, &RunId("r".into()), None).expect("a pointer");
        assert_eq!((read.partition, read.offset, read.version), (nowhere(), 7, 7));
        let new = [&old[..5], &[cell(b"order"), Some(&number)]].concat();
        let read = decode(&new, &RunId("r".into()), None).expect("a pointer");
        assert_eq!(read.partition, ("order".into(), 7));
    }
}
