//! The writer half: a batch as statements, each with the offset of its event as timestamp.
//!
//! Rows, cells, history, used keys and pointers come first, then deletes, then states, and the
//! marks last: whatever is broken off is below no mark, and is written again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use model::Model;
use model::rows::Amount;

use super::cells::{Change, Datum, Statement};
use super::cluster::{StoreCluster, StoreLink};
use super::tables::{self, key, mark_key, numbered, row_key, run_table, view_table};
use crate::batch::{Batch, CellWrite, Mark, REMEMBERED_KEYS, RowWrite, StateRow, StateWrite};
use crate::catalog::{Catalog, RunId};
use crate::planted;
use crate::position::PartitionKey;
use crate::store::{Cell, Reader, StoreError, StoredEvent, Writer};
use crate::tables::Kind;

/// Sums of a cell that are kept between batches.
type Kept = Arc<Mutex<BTreeMap<(String, String), (Cell, i64)>>>;

/// Writes of one instance.
#[derive(Clone)]
pub struct AdversaryWriter {
    store: Arc<StoreCluster>,
    link: StoreLink,
    reader: super::AdversaryReader,
    clock: fn() -> i64,
    kept: Kept,
}

impl AdversaryWriter {
    /// A writer behind a link.
    pub fn new(store: Arc<StoreCluster>, link: StoreLink, clock: fn() -> i64) -> AdversaryWriter {
        let reader = super::AdversaryReader::new(store.clone(), link.clone());
        AdversaryWriter { store, link, reader, clock, kept: Kept::default() }
    }

    /// A writer on the same link that remembers nothing yet.
    pub fn fresh(&self) -> AdversaryWriter {
        let kept = match planted::is("cell-cache-kept") {
            true => self.kept.clone(),
            false => Kept::default(),
        };
        AdversaryWriter { kept, ..self.clone() }
    }

    async fn send(&self, mut statements: Vec<Statement>) -> Result<(), StoreError> {
        // They go out side by side, so any of them may be the one that a crash cuts off.
        for at in (1..statements.len()).rev() {
            statements.swap(at, ((self.link.random)() % (at as u64 + 1)) as usize);
        }
        for chunk in statements.chunks(8) {
            let sent = chunk.iter().map(|statement| {
                let mut statement = statement.clone();
                if planted::is("timestamp-left-out") {
                    statement.timestamp = (self.clock)();
                }
                self.link.write(&self.store, statement)
            });
            futures::future::try_join_all(sent).await?;
        }
        Ok(())
    }

    fn rows(&self, batch: &Batch, catalog: &Catalog) -> Result<Stages, StoreError> {
        let mut stages = Stages::default();
        for write in &batch.rows {
            let table = view_table(catalog, &write.run, &write.view)?;
            let key = row_key(&write.view, &write.row.0);
            let statement = |change| Statement { table, key, timestamp: write.offset, change };
            match write.delete {
                true => stages.deletes.push(statement(Change::Delete)),
                false => stages.rows.push(statement(Change::Put(written(write)))),
            }
        }
        for write in &batch.history {
            let event = StoredEvent {
                version: write.version,
                event: write.event.clone(),
                time: write.time,
                data: write.data.clone(),
            };
            stages.rows.push(Statement {
                table: run_table(catalog, &write.run, Kind::History)?,
                key: numbered(&write.id, write.version),
                timestamp: write.offset,
                change: Change::Put(vec![(0, Datum::Event(event))]),
            });
        }
        for write in &batch.commands {
            stages.rows.push(Statement {
                table: run_table(catalog, &write.run, Kind::Commands)?,
                key: numbered(&write.id, write.used.number % REMEMBERED_KEYS),
                timestamp: write.used.offset,
                change: Change::Put(vec![(0, Datum::Key(write.used.clone()))]),
            });
        }
        for write in &batch.parked {
            let view = write.view.as_deref().unwrap_or_default();
            stages.rows.push(Statement {
                table: tables::PARKED.to_owned(),
                key: key(&[&write.run.0, view, &write.id, &format!("{:020}", write.offset)]),
                timestamp: write.offset,
                change: Change::Put(vec![(0, Datum::Parked(write.clone()))]),
            });
        }
        for write in &batch.states {
            stages.states.push(state(write, catalog)?);
        }
        stages.marks.extend(batch.marks.iter().map(mark));
        Ok(stages)
    }

    /// The new sums of every cell that the batch adds something to.
    async fn cells(&self, batch: &Batch, catalog: &Catalog) -> Result<Vec<Statement>, StoreError> {
        let mut groups: BTreeMap<(String, String), Vec<&CellWrite>> = BTreeMap::new();
        for write in &batch.cells {
            let table = view_table(catalog, &write.run, &write.view)?;
            let key = cell_key(write, partition_of(batch, &write.run)?);
            groups.entry((table, key)).or_default().push(write);
        }
        let mut statements = Vec::new();
        for ((table, key), writes) in groups {
            let (mut cell, last) = self.cell(&table, &key, writes[0]).await?;
            let news: Vec<_> = writes.iter().filter(|write| write.offset > last).collect();
            let Some(offset) = news.iter().map(|write| write.offset).max() else { continue };
            for write in news {
                add(&mut cell, write)?;
            }
            self.keep(&table, &key, &cell, offset);
            let group = writes[0].group.iter().cloned().map(Datum::Column);
            let mut columns: Vec<_> = (2..).zip(group).collect();
            columns.extend([(0, Datum::Sums(cell)), (1, Datum::Offset(offset))]);
            let change = Change::Put(columns);
            statements.push(Statement { table, key, timestamp: offset, change });
        }
        Ok(statements)
    }

    /// A cell as the store has it, and the offset of the last event in it.
    async fn cell(
        &self,
        table: &str,
        key: &str,
        write: &CellWrite,
    ) -> Result<(Cell, i64), StoreError> {
        if let Some(kept) = self.kept().get(&(table.to_owned(), key.to_owned())) {
            return Ok(kept.clone());
        }
        let row = self.link.row(&self.store, table, key).await?;
        let found = row.map(|row| (row.get(0), row.get(1)));
        if let Some((Datum::Sums(cell), Datum::Offset(offset))) = found {
            return Ok((cell, offset));
        }
        let zero = |amount: &Amount| match amount {
            Amount::Exact(_) => Amount::Exact(0),
            Amount::Double(_) => Amount::Double(0.0),
        };
        Ok((Cell { amounts: write.add.iter().map(zero).collect(), rows: 0 }, -1))
    }

    fn keep(&self, table: &str, key: &str, cell: &Cell, offset: i64) {
        self.kept().insert((table.to_owned(), key.to_owned()), (cell.clone(), offset));
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), (Cell, i64)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Statements in the order of their stages.
#[derive(Default)]
struct Stages {
    rows: Vec<Statement>,
    deletes: Vec<Statement>,
    states: Vec<Statement>,
    marks: Vec<Statement>,
}

fn written(write: &RowWrite) -> Vec<(usize, Datum)> {
    let columns = write.row.0.iter().enumerate();
    columns
        .filter(|(column, _)| !write.always_null.contains(column))
        .map(|(column, value)| match value {
            model::Value::Null => (column, Datum::Null),
            value => (column, Datum::Column(value.clone())),
        })
        .collect()
}

fn state(write: &StateWrite, catalog: &Catalog) -> Result<Statement, StoreError> {
    Ok(Statement {
        table: run_table(catalog, &write.run, Kind::State)?,
        key: key(&[&write.id]),
        // A row that only says that its aggregate is parked is no older than the event that did.
        timestamp: write.state.parked_from.unwrap_or(-1).max(write.state.offset),
        change: Change::Put(vec![
            (0, Datum::State(write.state.clone())),
            (1, Datum::Column(model::Value::Text(write.id.clone()))),
        ]),
    })
}

fn mark(mark: &Mark) -> Statement {
    Statement {
        table: tables::MARKS.to_owned(),
        key: mark_key(&mark.run, &mark.partition),
        timestamp: mark.offset,
        change: Change::Put(vec![(0, Datum::Mark(mark.clone()))]),
    }
}

fn partition_of<'b>(batch: &'b Batch, run: &RunId) -> Result<&'b PartitionKey, StoreError> {
    let mark = batch.marks.iter().find(|mark| mark.run == *run);
    mark.map(|mark| &mark.partition)
        .ok_or_else(|| StoreError::Refused("cells need a mark of their run".to_owned()))
}

fn cell_key(write: &CellWrite, partition: &PartitionKey) -> String {
    let group = row_key(&write.view, &write.group);
    format!("{group}{}", key(&[&partition.0, &partition.1.to_string()]))
}

fn add(cell: &mut Cell, write: &CellWrite) -> Result<(), StoreError> {
    cell.rows += write.rows;
    for (sum, more) in cell.amounts.iter_mut().zip(&write.add) {
        *sum = match (*sum, *more) {
            (Amount::Exact(a), Amount::Exact(b)) => Amount::Exact(a + b),
            (Amount::Double(a), Amount::Double(b)) => Amount::Double(a + b),
            _ => return Err(StoreError::Refused("a cell of another kind".to_owned())),
        };
    }
    Ok(())
}

#[async_trait]
impl Writer for AdversaryWriter {
    async fn migrate(
        &mut self,
        _model: &Arc<Model>,
        catalog: &Catalog,
    ) -> Result<Catalog, StoreError> {
        self.link.reach().await;
        let stored = {
            let mut stored = self.store.catalog();
            if stored.revision != catalog.revision {
                return Err(StoreError::Conflict);
            }
            *stored = Catalog { revision: catalog.revision + 1, ..catalog.clone() };
            stored.clone()
        };
        let names = tables::all(&stored);
        let runs: Vec<String> = stored.runs.iter().map(|run| key(&[&run.id.0])).collect();
        for number in 0..3 {
            let mut replica = self.store.replica(number);
            replica.drop_tables(|table| names.iter().any(|name| name == table));
            for table in [tables::MARKS, tables::PARKED] {
                replica.drop_rows(table, |key| runs.iter().any(|run| key.starts_with(run)));
            }
        }
        self.link.answered().await;
        Ok(stored)
    }

    async fn states(
        &mut self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError> {
        self.reader.states(run, aggregate, ids).await
    }

    async fn parked_views(&mut self, run: &RunId) -> Result<Vec<(Arc<str>, Arc<str>)>, StoreError> {
        let parked = self.reader.parked(run).await?;
        Ok(parked.into_iter().filter_map(|p| Some((p.view?, p.id))).collect())
    }

    async fn unpark(
        &mut self,
        run: &RunId,
        view: Option<&str>,
        id: &str,
    ) -> Result<(), StoreError> {
        let prefix = key(&[&run.0, view.unwrap_or_default(), id]);
        let rows = self.link.rows(&self.store, tables::PARKED, &prefix).await?;
        for (key, row) in rows {
            let Datum::Parked(parked) = row.get(0) else { continue };
            let (table, timestamp) = (tables::PARKED.to_owned(), parked.offset);
            let statement = Statement { table, key, timestamp, change: Change::Delete };
            self.link.write(&self.store, statement).await?;
        }
        Ok(())
    }

    fn forget(&mut self) {
        if !planted::is("cell-cache-kept") {
            self.kept().clear();
        }
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        let catalog = self.store.catalog().clone();
        let mut stages = self.rows(&batch, &catalog)?;
        if planted::is("mark-before-rows") {
            self.send(std::mem::take(&mut stages.marks)).await?;
        }
        if planted::is("states-before-rows") {
            self.send(std::mem::take(&mut stages.states)).await?;
        }
        let cells = self.cells(&batch, &catalog).await?;
        self.send(stages.rows.into_iter().chain(cells).collect()).await?;
        self.send(stages.deletes).await?;
        self.send(stages.states).await?;
        self.send(stages.marks).await
    }
}
