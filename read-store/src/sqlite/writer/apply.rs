//! A batch as one transaction.

use std::sync::Arc;

use model::View;
use rusqlite::{Connection, TransactionBehavior};

use super::Inner;
use crate::batch::{Batch, CellWrite, Mark, RowWrite};
use crate::catalog::RunId;
use crate::sqlite::error::Result;
use crate::sqlite::shared::{Tables, ViewOrRollup};
use crate::sqlite::table::{marks, parked};
use crate::store::StoreError;

impl Inner {
    pub(super) fn apply(&mut self, batch: &Batch, writes: usize) -> Result<()> {
        let stored = self.shared.marks();
        let news = News::of(batch, &stored);
        check_cells(batch)?;
        if !batch.marks.is_empty() && news.marks.is_empty() {
            return Ok(());
        }
        let tables = self.shared.tables();
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        write(&transaction, &tables, batch, &news)?;
        transaction.commit()?;
        self.shared.pool.committed();
        self.publish(batch, &news, &stored);
        self.checkpointer.committed(&self.connection, writes);
        Ok(())
    }

    /// Only what is committed is told.
    fn publish(&self, batch: &Batch, news: &News<'_>, stored: &[Mark]) {
        if !batch.parked.is_empty() {
            self.shared.set_parked(true);
        }
        let mut marks = stored.to_vec();
        for mark in &news.marks {
            match marks.iter_mut().find(|known| same_place(known, mark)) {
                Some(known) => *known = (*mark).clone(),
                None => marks.push((*mark).clone()),
            }
        }
        self.shared.set_marks(marks);
    }
}

/// Which of a batch is new.
struct News<'b> {
    marks: Vec<&'b Mark>,
    old_runs: Vec<&'b RunId>,
}

impl<'b> News<'b> {
    fn of(batch: &'b Batch, stored: &[Mark]) -> News<'b> {
        let is_new = |mark: &&Mark| {
            let known = stored.iter().find(|known| same_place(known, mark));
            known.is_none_or(|known| known.offset < mark.offset)
        };
        let (marks, old): (Vec<_>, Vec<_>) = batch.marks.iter().partition(is_new);
        let runs = old.into_iter().map(|mark| &mark.run);
        let old_runs = runs.filter(|run| !marks.iter().any(|mark| mark.run == **run)).collect();
        News { marks, old_runs }
    }

    fn has(&self, run: &RunId) -> bool {
        self.old_runs.is_empty() || !self.old_runs.contains(&run)
    }
}

fn same_place(one: &Mark, two: &Mark) -> bool {
    one.run == two.run && one.partition == two.partition
}

/// A cell without a mark of its run beside it could be added twice.
fn check_cells(batch: &Batch) -> Result<()> {
    let marked = |cell: &CellWrite| batch.marks.iter().any(|mark| mark.run == cell.run);
    if batch.cells.iter().all(marked) {
        return Ok(());
    }
    Err(StoreError::Refused("cells need a mark of their run in the same batch".into()))
}

fn write(on: &Connection, tables: &Tables, batch: &Batch, news: &News<'_>) -> Result<()> {
    write_rows(on, tables, batch, news)?;
    for write in batch.history.iter().filter(|write| news.has(&write.run)) {
        tables.run(&write.run)?.history.put(on, write)?;
    }
    for write in batch.commands.iter().filter(|write| news.has(&write.run)) {
        tables.run(&write.run)?.commands.put(on, &write.id, &write.used)?;
    }
    for write in batch.states.iter().filter(|write| news.has(&write.run)) {
        tables.run(&write.run)?.state.put(on, &write.id, &write.state)?;
    }
    for write in batch.parked.iter().filter(|write| news.has(&write.run)) {
        parked::put(on, write)?;
    }
    news.marks.iter().try_for_each(|mark| marks::put(on, mark))
}

/// Neighbours in a batch mostly go into one table, whose statements are then looked up once.
fn write_rows(on: &Connection, tables: &Tables, batch: &Batch, news: &News<'_>) -> Result<()> {
    let neighbours = |a: &RowWrite, b: &RowWrite| a.run == b.run && Arc::ptr_eq(&a.view, &b.view);
    for rows in batch.rows.chunk_by(neighbours) {
        let RowWrite { run, view, .. } = &rows[0];
        if !news.has(run) {
            continue;
        }
        match &*tables.view(run, view)? {
            ViewOrRollup::View(table) => {
                table.write(on, rows.iter().map(|write| (&write.row, write.delete)))?;
            }
            ViewOrRollup::Rollup(_) => return Err(wrong_kind(view)),
        }
    }
    for cell in batch.cells.iter().filter(|cell| news.has(&cell.run)) {
        match &*tables.view(&cell.run, &cell.view)? {
            ViewOrRollup::Rollup(table) => table.add(on, cell)?,
            ViewOrRollup::View(_) => return Err(wrong_kind(&cell.view)),
        }
    }
    Ok(())
}

fn wrong_kind(view: &View) -> StoreError {
    StoreError::Refused(format!("view {} takes rows or cells, not both", view.name))
}
