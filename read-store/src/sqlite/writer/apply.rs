//! A batch as one transaction.

use std::sync::Arc;

use model::View;
use rusqlite::{Connection, TransactionBehavior};

use super::Inner;
use crate::batch::{Batch, CellWrite, Mark};
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

fn write_rows(on: &Connection, tables: &Tables, batch: &Batch, news: &News<'_>) -> Result<()> {
    let mut last = None;
    for row in batch.rows.iter().filter(|row| news.has(&row.run)) {
        match &*table(tables, &mut last, &row.run, &row.view)? {
            ViewOrRollup::View(table) if row.delete => table.delete(on, &row.row)?,
            ViewOrRollup::View(table) => table.put(on, &row.row)?,
            ViewOrRollup::Rollup(_) => return Err(wrong_kind(&row.view)),
        }
    }
    for cell in batch.cells.iter().filter(|cell| news.has(&cell.run)) {
        match &*table(tables, &mut last, &cell.run, &cell.view)? {
            ViewOrRollup::Rollup(table) => table.add(on, cell)?,
            ViewOrRollup::View(_) => return Err(wrong_kind(&cell.view)),
        }
    }
    Ok(())
}

/// The table that was used last.
type Last<'b> = Option<(&'b RunId, &'b Arc<View>, Arc<ViewOrRollup>)>;

/// Neighbours in a batch mostly go into one table.
fn table<'b>(
    tables: &Tables,
    last: &mut Last<'b>,
    run: &'b RunId,
    view: &'b Arc<View>,
) -> Result<Arc<ViewOrRollup>> {
    match last {
        Some((last_run, last_view, table)) if *last_run == run && Arc::ptr_eq(last_view, view) => {
            Ok(table.clone())
        }
        _ => {
            let table = tables.view(run, view)?;
            *last = Some((run, view, table.clone()));
            Ok(table)
        }
    }
}

fn wrong_kind(view: &View) -> StoreError {
    StoreError::Refused(format!("view {} takes rows or cells, not both", view.name))
}
