//! From one catalog to the next: tables of new runs come, those that nobody names any more go, all
//! in one transaction with the catalog itself.

use std::collections::BTreeSet;

use model::Model;
use rusqlite::{Connection, TransactionBehavior};

use super::Inner;
use crate::catalog::{Catalog, Run, RunId};
use crate::sqlite::error::Result;
use crate::sqlite::shared::{RunTables, ViewOrRollup};
use crate::sqlite::table::{catalog, marks, parked, quoted, state};
use crate::store::StoreError;
use crate::tables::{Kind, of_definition, of_run, of_view};

impl Inner {
    pub(super) fn migrate(&mut self, model: &Model, next: Catalog) -> Result<Catalog> {
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let stored = catalog::get(&transaction)?;
        if stored.revision != next.revision {
            return Err(StoreError::Conflict);
        }
        let next = Catalog { revision: next.revision + 1, ..next };
        let mut wanted = BTreeSet::new();
        for run in &next.runs {
            create(&transaction, model, run, &mut wanted)?;
        }
        drop_others(&transaction, &wanted)?;
        forget_runs(&transaction, &stored, &next)?;
        catalog::put(&transaction, &next)?;
        let left = (marks::list(&transaction)?, parked::any(&transaction)?);
        transaction.commit()?;
        self.shared.pool.committed();
        self.shared.set_tables(next.clone());
        self.shared.set_marks(left.0);
        self.shared.set_parked(left.1);
        Ok(next)
    }
}

fn create(on: &Connection, model: &Model, run: &Run, wanted: &mut BTreeSet<String>) -> Result<()> {
    let tables = RunTables::new(run);
    let mut names = vec![of_run(Kind::State, run)];
    on.execute_batch(&tables.state.create)?;
    if run.primary {
        on.execute_batch(&tables.commands.create)?;
        on.execute_batch(&tables.history.create)?;
        names.extend([of_run(Kind::Commands, run), of_run(Kind::History, run)]);
    }
    for (view, hash) in &run.views {
        names.push(create_view(on, model, run, view, hash)?);
    }
    for name in names {
        if !wanted.insert(name.clone()) {
            return Err(StoreError::Refused(format!("two runs would feed table {name}")));
        }
    }
    Ok(())
}

/// A definition that the model no longer has is kept where its table is there.
fn create_view(
    on: &Connection,
    model: &Model,
    run: &Run,
    view: &str,
    hash: &[u8; 32],
) -> Result<String> {
    if let Some((_, defined)) = model.view(view).filter(|(_, defined)| defined.hash == *hash) {
        on.execute_batch(ViewOrRollup::new(defined, run).create())?;
        return Ok(of_view(defined, &run.fold_hash));
    }
    for kind in [Kind::View, Kind::Rollup] {
        let name = of_definition(kind, view, hash, &run.fold_hash);
        if state::exists(on, &name)? {
            return Ok(name);
        }
    }
    Err(StoreError::Refused(format!("run {} names view {view}, which nothing defines", run.id.0)))
}

fn drop_others(on: &Connection, wanted: &BTreeSet<String>) -> Result<()> {
    let mut statement = on.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names: Vec<String> =
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let ours = |name: &&String| {
        Kind::ALL.iter().any(|kind| name.starts_with(&format!("{}_", kind.prefix())))
    };
    for name in names.iter().filter(ours).filter(|name| !wanted.contains(*name)) {
        on.execute_batch(&format!("DROP TABLE {}", quoted(name)))?;
    }
    Ok(())
}

/// Marks and pointers go with their run; pointers of a view that moves go where it goes.
fn forget_runs(on: &Connection, stored: &Catalog, next: &Catalog) -> Result<()> {
    let mut moved = Vec::new();
    for (owner, view) in parked::owners(on)? {
        let before = stored.runs.iter().find(|run| run.id == owner);
        let stays = |run: &Run| run.id == owner && is_same(before, run, view.as_deref());
        if next.runs.iter().any(stays) {
            continue;
        }
        match view.as_deref().and_then(|view| Some((view, joins(before?, next, view)?))) {
            Some((view, to)) => moved.push((owner, to, view.to_owned())),
            None => parked::forget(on, &owner, view.as_deref())?,
        }
    }
    for (from, to, view) in moved {
        parked::hand_over(on, &from, &to, &view)?;
    }
    for run in stored.runs.iter().filter(|run| !next.runs.iter().any(|kept| kept.id == run.id)) {
        marks::forget(on, &run.id)?;
    }
    Ok(())
}

/// Whether the view is still what the run fed under that name; the fold of a run never changes.
fn is_same(before: Option<&Run>, run: &Run, view: Option<&str>) -> bool {
    let Some(view) = view else { return true };
    before.is_some_and(|before| hash_of(before, view) == hash_of(run, view))
        && hash_of(run, view).is_some()
}

/// The run that feeds the same table from now on.
fn joins(before: &Run, next: &Catalog, view: &str) -> Option<RunId> {
    let hash = hash_of(before, view)?;
    let feeds = |run: &&Run| run.fold_hash == before.fold_hash && hash_of(run, view) == Some(hash);
    next.runs.iter().find(feeds).map(|run| run.id.clone())
}

fn hash_of<'r>(run: &'r Run, view: &str) -> Option<&'r [u8; 32]> {
    run.views.iter().find(|(name, _)| **name == *view).map(|(_, hash)| hash)
}
