//! A batch as statements, in an order that a crash can't harm.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use model::View;

use super::cells::{self, Remembered};
use crate::batch::{Batch, CellWrite, Mark, StateWrite};
use crate::catalog::RunId;
use crate::cql::database::Write;
use crate::cql::error::Result;
use crate::cql::shared::{Shared, Tables, ViewOrRollup};
use crate::cql::table::marks::MarkRow;
use crate::store::StoreError;

pub(super) async fn apply(
    shared: &Shared,
    remembered: &mut Remembered,
    began: Option<&HashMap<RunId, u64>>,
    mut batch: Batch,
) -> Result<()> {
    check_cells(&batch)?;
    let tables = tables_of(shared, &batch).await?;
    check_tables(&tables, began, &batch)?;
    let marked = !batch.marks.is_empty();
    if leave_out_known(&mut batch, &shared.known_marks()) {
        // Somebody else has brought the cells further than is remembered.
        remembered.forget();
    }
    if marked && batch.marks.is_empty() {
        return Ok(());
    }
    let applied = match Statements::of(shared, &tables, &batch, remembered).await {
        Ok(statements) => statements.write(shared).await,
        Err(error) => Err(error),
    };
    if let Err(error) = applied {
        remembered.forget();
        return Err(error);
    }
    let made = |run: &RunId| tables.made_of(run).unwrap_or(0);
    let rows = batch.marks.into_iter().map(|mark| MarkRow {
        run: mark.run.clone(),
        made: made(&mark.run),
        mark: Some(mark),
        waits: false,
    });
    shared.learn(&rows.collect::<Vec<_>>());
    Ok(())
}

/// What a batch comes to beside its marks, in no order and as if nothing were there yet.
#[cfg(feature = "yardstick")]
pub(in crate::cql) async fn statements(shared: &Shared, batch: &Batch) -> Result<Vec<Write>> {
    let tables = tables_of(shared, batch).await?;
    let all = Statements::of(shared, &tables, batch, &mut Remembered::default()).await?;
    Ok([all.first, all.deletes, all.states].into_iter().flatten().collect())
}

/// The tables of all runs of a batch, the catalog being read anew where one is not known.
async fn tables_of(shared: &Shared, batch: &Batch) -> Result<Arc<Tables>> {
    let tables = shared.tables();
    let mut runs = batch.marks.iter().map(|mark| &mark.run).chain(
        batch.states.iter().map(|state| &state.run).chain(batch.parked.iter().map(|p| &p.run)),
    );
    match runs.find(|run| tables.run(run).is_err()) {
        None => Ok(tables),
        Some(_) => shared.refresh().await,
    }
}

/// A batch goes into the tables that its marks were read for, or nowhere: tables that were made anew
/// meanwhile lack what stands below it, and its mark would hide that.
fn check_tables(tables: &Tables, began: Option<&HashMap<RunId, u64>>, batch: &Batch) -> Result<()> {
    let Some(began) = began else { return Ok(()) };
    let is_other = |mark: &&Mark| tables.made_of(&mark.run) != began.get(&mark.run).copied();
    match batch.marks.iter().find(is_other) {
        None => Ok(()),
        Some(mark) => {
            let run = &mark.run.0;
            Err(StoreError::Unavailable(format!("the tables of run {run} were made anew")))
        }
    }
}

/// A cell without a mark of its run beside it has no source partition.
fn check_cells(batch: &Batch) -> Result<()> {
    let marked = |cell: &CellWrite| batch.marks.iter().any(|mark| mark.run == cell.run);
    if batch.cells.iter().all(marked) {
        return Ok(());
    }
    Err(StoreError::Refused("cells need a mark of their run in the same batch".into()))
}

/// Leaves out what is known to be in the tables. The marks known are true lower bounds; what is
/// not known to be there may be, and is written again. Whether anything was left out.
fn leave_out_known(batch: &mut Batch, known: &[Mark]) -> bool {
    let is_known = |mark: &Mark| {
        let same = |known: &&Mark| known.run == mark.run && known.partition == mark.partition;
        known.iter().find(same).is_some_and(|known| known.offset >= mark.offset)
    };
    let (old, new): (Vec<_>, Vec<_>) =
        std::mem::take(&mut batch.marks).into_iter().partition(is_known);
    let is_old = |run: &RunId| {
        old.iter().any(|mark| mark.run == *run) && !new.iter().any(|mark| mark.run == *run)
    };
    if !old.is_empty() {
        batch.rows.retain(|write| !is_old(&write.run));
        batch.cells.retain(|write| !is_old(&write.run));
        batch.history.retain(|write| !is_old(&write.run));
        batch.commands.retain(|write| !is_old(&write.run));
        batch.states.retain(|write| !is_old(&write.run));
        batch.parked.retain(|write| !is_old(&write.run));
    }
    batch.marks = new;
    !old.is_empty()
}

/// All statements of a batch. They are made before any is sent, so a value that does not fit
/// leaves nothing behind.
struct Statements {
    first: Vec<Write>,
    deletes: Vec<Write>,
    states: Vec<Write>,
    marks: Vec<Write>,
    waits: Vec<MarkRow>,
}

impl Statements {
    async fn of(
        shared: &Shared,
        tables: &Tables,
        batch: &Batch,
        remembered: &mut Remembered,
    ) -> Result<Statements> {
        let (mut first, deletes) = rows(shared, tables, batch).await?;
        let database = &shared.database;
        for write in &batch.history {
            first.push(tables.run(&write.run)?.history.put(database, write).await?);
        }
        for write in &batch.commands {
            first.push(tables.run(&write.run)?.commands.put(database, write).await?);
        }
        let waits = parked(shared, tables, batch, &mut first).await?;
        let mut states = Vec::with_capacity(batch.states.len());
        for StateWrite { run, id, state, .. } in &batch.states {
            tables.run(run)?.state.put(database, id, state, &mut states).await?;
        }
        let mut marks = Vec::with_capacity(batch.marks.len());
        for mark in &batch.marks {
            let made = tables.run(&mark.run)?.made;
            marks.push(shared.marks.put(database, mark, made).await?);
        }
        first.extend(cells::writes(shared, tables, batch, remembered).await?);
        Ok(Statements { first, deletes, states, marks, waits })
    }

    /// A row that moves is seen twice for a moment rather than not at all: deletes come later.
    async fn write(self, shared: &Shared) -> Result<()> {
        let ready = SystemTime::now();
        let database = &shared.database;
        database.write_since(ready, self.first).await?;
        shared.learn(&self.waits);
        database.write_since(ready, self.deletes).await?;
        database.write_since(ready, self.states).await?;
        database.write_since(ready, self.marks).await
    }
}

/// Rows that are written and rows that are deleted.
async fn rows(shared: &Shared, tables: &Tables, batch: &Batch) -> Result<(Vec<Write>, Vec<Write>)> {
    let mut puts = Vec::with_capacity(batch.rows.len() + batch.history.len());
    let mut deletes = Vec::new();
    let mut last: Option<(&RunId, &Arc<View>, Arc<ViewOrRollup>)> = None;
    for row in &batch.rows {
        let table = match &last {
            // Neighbours in a batch mostly go into one table.
            Some((run, view, table)) if **run == row.run && Arc::ptr_eq(view, &row.view) => {
                table.clone()
            }
            _ => tables.view(&row.run, &row.view)?,
        };
        match &*table {
            ViewOrRollup::View(table) if row.delete => {
                deletes.push(table.delete(&shared.database, row).await?);
            }
            ViewOrRollup::View(table) => puts.push(table.put(&shared.database, row).await?),
            ViewOrRollup::Rollup(_) => return Err(wrong_kind(&row.view)),
        }
        last = Some((&row.run, &row.view, table));
    }
    Ok((puts, deletes))
}

pub(super) fn wrong_kind(view: &View) -> StoreError {
    StoreError::Refused(format!("view {} takes rows or cells, not both", view.name))
}

/// Pointers, and beside the marks of their runs that there are some.
async fn parked(
    shared: &Shared,
    tables: &Tables,
    batch: &Batch,
    out: &mut Vec<Write>,
) -> Result<Vec<MarkRow>> {
    let mut waits: Vec<MarkRow> = Vec::new();
    for write in &batch.parked {
        let run = tables.run(&write.run)?;
        // A view that the run does not feed is filled by another run, under which its pointers
        // are kept already: they join with the view's table.
        let Some(owner) = tables.owner(&run.run, write.view.as_deref()) else { continue };
        out.push(shared.parked.put(&shared.database, &owner, write).await?);
        if waits.iter().all(|row| row.run != write.run) {
            let (run, made, partition) = (&write.run, run.made, &write.partition);
            let wait = shared.marks.wait(&shared.database, run, made, partition, write.offset);
            out.push(wait.await?);
            waits.push(MarkRow { run: run.clone(), made, mark: None, waits: true });
        }
    }
    Ok(waits)
}
