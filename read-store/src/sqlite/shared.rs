//! What the reader and the writer of one process share: which runs have which tables, and how far
//! they are.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use model::{View, ViewKind};
use rusqlite::Connection;
use tokio::sync::Notify;

use super::error::Result;
use super::layout::Layout;
use super::pool::Pool;
use super::table::commands::CommandsTable;
use super::table::history::HistoryTable;
use super::table::rollup::RollupTable;
use super::table::state::StateTable;
use super::table::view::ViewTable;
use super::table::{catalog, marks, parked};
use crate::batch::Mark;
use crate::catalog::{Catalog, Run, RunId};
use crate::store::StoreError;
use crate::tables::{Kind, of_run, of_view};

pub(super) struct Shared {
    pub(super) path: PathBuf,
    /// Whether the writer lives in this process, so that memory knows what the file holds.
    pub(super) writes: bool,
    tables: RwLock<Arc<Tables>>,
    marks: RwLock<Arc<Vec<Mark>>>,
    pub(super) moved: Notify,
    pub(super) parked: AtomicBool,
    pub(super) pool: Pool,
}

impl Shared {
    pub(super) fn open(path: PathBuf, on: &Connection, writes: bool) -> Result<Shared> {
        Ok(Shared {
            path,
            writes,
            tables: RwLock::new(Arc::new(Tables::new(catalog::get(on)?))),
            marks: RwLock::new(Arc::new(marks::list(on)?)),
            moved: Notify::new(),
            parked: AtomicBool::new(parked::any(on)?),
            pool: Pool::default(),
        })
    }

    pub(super) fn tables(&self) -> Arc<Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_tables(&self, catalog: Catalog) {
        let tables = Arc::new(Tables::new(catalog));
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
    }

    pub(super) fn marks(&self) -> Arc<Vec<Mark>> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_marks(&self, marks: Vec<Mark>) {
        *self.marks.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(marks);
        self.moved.notify_waiters();
    }

    pub(super) fn set_parked(&self, any: bool) {
        self.parked.store(any, Ordering::Release);
    }

    pub(super) fn may_be_parked(&self) -> bool {
        !self.writes || self.parked.load(Ordering::Acquire)
    }
}

/// The tables of one run that are not views.
pub(super) struct RunTables {
    pub(super) run: Run,
    pub(super) state: StateTable,
    pub(super) commands: CommandsTable,
    pub(super) history: HistoryTable,
}

impl RunTables {
    pub(super) fn new(run: &Run) -> RunTables {
        RunTables {
            run: run.clone(),
            state: StateTable::new(&of_run(Kind::State, run)),
            commands: CommandsTable::new(&of_run(Kind::Commands, run)),
            history: HistoryTable::new(&of_run(Kind::History, run)),
        }
    }
}

/// The table of a view or a rollup.
#[derive(Clone, Debug)]
pub(super) enum ViewOrRollup {
    View(ViewTable),
    Rollup(RollupTable),
}

impl ViewOrRollup {
    pub(super) fn new(view: &View, run: &Run) -> ViewOrRollup {
        let name = of_view(view, &run.fold_hash);
        match &view.kind {
            ViewKind::Rows(rows) => ViewOrRollup::View(ViewTable::new(&name, rows)),
            ViewKind::Rollup(rollup) => ViewOrRollup::Rollup(RollupTable::new(&name, rollup)),
        }
    }

    pub(super) fn layout(&self) -> &Layout {
        match self {
            ViewOrRollup::View(table) => &table.layout,
            ViewOrRollup::Rollup(table) => &table.layout,
        }
    }

    pub(super) fn create(&self) -> &str {
        match self {
            ViewOrRollup::View(table) => &table.create,
            ViewOrRollup::Rollup(table) => &table.create,
        }
    }
}

/// A view's table, with the view that its key in the map points to.
type Kept = (Arc<View>, Arc<ViewOrRollup>);

/// All tables of one catalog. Those of views are made when first used, since only the caller has
/// the views' definitions.
pub(super) struct Tables {
    pub(super) catalog: Catalog,
    runs: HashMap<RunId, Arc<RunTables>>,
    views: RwLock<HashMap<(usize, RunId), Kept>>,
}

impl Tables {
    pub(super) fn new(catalog: Catalog) -> Tables {
        let runs = catalog.runs.iter().map(|run| (run.id.clone(), Arc::new(RunTables::new(run))));
        Tables { runs: runs.collect(), catalog, views: RwLock::default() }
    }

    pub(super) fn run(&self, run: &RunId) -> Result<&Arc<RunTables>> {
        self.runs.get(run).ok_or_else(|| {
            StoreError::Unavailable(format!("the read store has no run {} (any more)", run.0))
        })
    }

    /// The view is known by its address, which stays its own while the map holds it.
    pub(super) fn view(&self, run: &RunId, view: &Arc<View>) -> Result<Arc<ViewOrRollup>> {
        let key = (Arc::as_ptr(view) as usize, run.clone());
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, table)) = views.get(&key) {
            return Ok(table.clone());
        }
        drop(views);
        let run = &self.run(run)?.run;
        if !run.views.iter().any(|(name, hash)| *name == view.name && *hash == view.hash) {
            let name = &view.name;
            return Err(StoreError::Unavailable(format!(
                "run {} does not feed view {name} as it is defined here",
                run.id.0
            )));
        }
        let table = Arc::new(ViewOrRollup::new(view, run));
        let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
        views.insert(key, (view.clone(), table.clone()));
        Ok(table)
    }
}
