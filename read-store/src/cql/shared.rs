//! What readers and writers of one process share: the catalog with its tables, and the marks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use model::{View, ViewKind};
use tokio::sync::Notify;

use super::database::Database;
use super::error::Result;
use super::known::{Known, Place};
use super::layout::Layout;
use super::statement::Statement;
use super::table::catalog::{self, Stored};
use super::table::commands::CommandsTable;
use super::table::history::HistoryTable;
use super::table::marks::{MarkRow, MarksTable};
use super::table::parked::{ParkedTable, owner};
use super::table::rollup::RollupTable;
use super::table::state::StateTable;
use super::table::view::ViewTable;
use crate::batch::Mark;
use crate::catalog::{Catalog, Run, RunId};
use crate::store::StoreError;
use crate::tables::{Kind, of_definition, of_run, of_view};

pub(super) struct Shared {
    pub(super) database: Database,
    pub(super) marks: MarksTable,
    pub(super) parked: ParkedTable,
    /// How many callers wait for a mark to move.
    pub(super) waiting: AtomicUsize,
    /// Somebody began to wait.
    pub(super) hurry: Notify,
    /// The marks were read anew.
    pub(super) moved: Notify,
    pub(super) polled: AtomicBool,
    /// The database was out of reach since the marks were last read: it may come back with less.
    unsure: AtomicBool,
    tables: RwLock<Arc<Tables>>,
    known: RwLock<Known>,
}

impl Shared {
    pub(super) fn new(database: Database) -> Shared {
        Shared {
            database,
            marks: MarksTable::new(),
            parked: ParkedTable::new(),
            waiting: AtomicUsize::new(0),
            hurry: Notify::new(),
            moved: Notify::new(),
            polled: AtomicBool::new(false),
            unsure: AtomicBool::new(false),
            tables: RwLock::new(Arc::new(Tables::new(Stored::default()))),
            known: RwLock::default(),
        }
    }

    pub(super) fn tables(&self) -> Arc<Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a catalog over unless a newer one is known.
    pub(super) fn set_tables(&self, stored: Stored) {
        {
            let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
            if tables.stored == stored || tables.catalog().revision > stored.catalog.revision {
                return;
            }
            *tables = Arc::new(Tables::new(stored));
        }
        self.learn(&[]);
    }

    /// Reads the catalog anew.
    pub(super) async fn refresh(&self) -> Result<Arc<Tables>> {
        self.set_tables(catalog::get(&self.database).await?);
        Ok(self.tables())
    }

    /// The tables, read anew where a run is not known.
    pub(super) async fn tables_with(&self, run: &RunId) -> Result<Arc<Tables>> {
        let tables = self.tables();
        if tables.run(run).is_ok() {
            return Ok(tables);
        }
        self.refresh().await
    }

    /// Reads the marks anew, and the catalog if they are of runs that it does not have.
    pub(super) async fn poll(&self) -> Result<()> {
        let rows = self.marks.list(&self.database).await;
        let rows = rows.inspect_err(|_| self.unsure.store(true, Ordering::Release))?;
        let newest = rows.iter().map(|row| row.made).max().unwrap_or(0);
        if newest > self.tables().catalog().revision {
            self.refresh().await?;
        }
        self.learn(&rows);
        let above = self.known().above(&rows);
        if !above.is_empty() {
            self.look_again(&above).await?;
        }
        self.unsure.store(false, Ordering::Release);
        self.polled.store(true, Ordering::Release);
        Ok(())
    }

    /// Marks that are known were not among those that were read. They may have been written
    /// meanwhile, or be of a run that is gone; otherwise the database has lost what it had.
    async fn look_again(&self, above: &[(Place, i64)]) -> Result<()> {
        let rows = self.marks.list(&self.database).await?;
        if !Known::are_above(above, &rows) {
            return Ok(());
        }
        // Whose tables were made anew has lost nothing. The catalog is not taken over: that makes
        // known what the new tables hold, and is left to who meets a mark of theirs.
        let stored = Tables::new(catalog::get(&self.database).await?);
        let stays = |((run, made, _), _): &&(Place, i64)| stored.made_of(run) == Some(*made);
        let above: Vec<_> = above.iter().filter(stays).cloned().collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.fall_back(&above, &rows) {
            tracing::error!(
                "the read store holds less than it did: it was restored from a backup, or has lost \
                 writes; going on from what it holds"
            );
        }
        drop(known);
        self.moved.notify_waiters();
        Ok(())
    }

    /// How often the database was found to hold less than it did, after a look where it was out of
    /// reach meanwhile.
    pub(super) async fn falls(&self) -> Result<u64> {
        if self.unsure.load(Ordering::Acquire) {
            self.poll().await?;
        }
        Ok(self.known_falls())
    }

    /// The same as far as it is known.
    pub(super) fn known_falls(&self) -> u64 {
        self.known().falls
    }

    /// Takes in what is known of marks.
    pub(super) fn learn(&self, rows: &[MarkRow]) {
        let tables = self.tables();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.learn(rows, |run| tables.made_of(run));
        drop(known);
        self.moved.notify_waiters();
    }

    pub(super) fn known_marks(&self) -> Arc<Vec<Mark>> {
        self.known().listed.clone()
    }

    /// Whether something may wait in a run.
    pub(super) fn waits(&self, run: &RunId, made: u64) -> bool {
        self.known().waits(run, made)
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tables of one run that are not views.
pub(super) struct RunTables {
    pub(super) run: Run,
    /// At which revision they were made.
    pub(super) made: u64,
    pub(super) state: StateTable,
    pub(super) commands: CommandsTable,
    pub(super) history: HistoryTable,
}

impl RunTables {
    pub(super) fn new(run: &Run, stored: &Stored) -> RunTables {
        let name = |kind| stored.name(&of_run(kind, run));
        RunTables {
            run: run.clone(),
            made: stored.made_of(&of_run(Kind::State, run)),
            state: StateTable::new(&name(Kind::State)),
            commands: CommandsTable::new(&name(Kind::Commands)),
            history: HistoryTable::new(&name(Kind::History)),
        }
    }
}

/// The table of a view or a rollup.
#[derive(Debug)]
pub(super) enum ViewOrRollup {
    View(ViewTable),
    Rollup(RollupTable),
}

impl ViewOrRollup {
    pub(super) fn new(view: &View, run: &Run, stored: &Stored) -> ViewOrRollup {
        let name = stored.name(&of_view(view, &run.fold_hash));
        match &view.kind {
            ViewKind::Rows(rows) => ViewOrRollup::View(ViewTable::new(&name, rows, view.buckets)),
            ViewKind::Rollup(rollup) => {
                ViewOrRollup::Rollup(RollupTable::new(&name, rollup, view.buckets))
            }
        }
    }

    pub(super) fn layout(&self) -> &Layout {
        match self {
            ViewOrRollup::View(table) => &table.layout,
            ViewOrRollup::Rollup(table) => &table.layout,
        }
    }

    pub(super) fn create(&self) -> Statement {
        match self {
            ViewOrRollup::View(table) => table.create(),
            ViewOrRollup::Rollup(table) => table.create(),
        }
    }
}

/// A view's table, with the view that its key in the map points to.
type Kept = (Arc<View>, Arc<ViewOrRollup>);

/// All tables of one catalog. Those of views are made when first used, since only the caller has
/// the views' definitions.
pub(super) struct Tables {
    pub(super) stored: Stored,
    runs: HashMap<RunId, Arc<RunTables>>,
    views: RwLock<HashMap<(usize, RunId), Kept>>,
}

impl Tables {
    fn new(stored: Stored) -> Tables {
        let runs = stored.catalog.runs.iter();
        let runs = runs.map(|run| (run.id.clone(), Arc::new(RunTables::new(run, &stored))));
        Tables { runs: runs.collect(), views: RwLock::default(), stored }
    }

    pub(super) fn catalog(&self) -> &Catalog {
        &self.stored.catalog
    }

    pub(super) fn run(&self, run: &RunId) -> Result<&Arc<RunTables>> {
        self.runs.get(run).ok_or_else(|| {
            StoreError::Unavailable(format!("the read store has no run {} (any more)", run.0))
        })
    }

    /// All runs, each with the revision at which its tables were made.
    pub(super) fn made(&self) -> HashMap<RunId, u64> {
        self.runs.iter().map(|(run, tables)| (run.clone(), tables.made)).collect()
    }

    /// At which revision the tables of a run were made.
    pub(super) fn made_of(&self, run: &RunId) -> Option<u64> {
        self.runs.get(run).map(|tables| tables.made)
    }

    /// The view is known by its address, which stays its own while the map holds it.
    pub(super) fn view(&self, run: &RunId, view: &Arc<View>) -> Result<Arc<ViewOrRollup>> {
        let key = (Arc::as_ptr(view) as usize, run.clone());
        {
            let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, table)) = views.get(&key) {
                return Ok(table.clone());
            }
        }
        let run = &self.run(run)?.run;
        if !run.views.iter().any(|(name, hash)| *name == view.name && *hash == view.hash) {
            let name = &view.name;
            return Err(StoreError::Unavailable(format!(
                "run {} does not feed view {name} as it is defined here",
                run.id.0
            )));
        }
        let table = Arc::new(ViewOrRollup::new(view, run, &self.stored));
        let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
        Ok(views.entry(key).or_insert((view.clone(), table)).1.clone())
    }

    /// Who owns the pointers of a run's fold, or of one of its views; `None` for a view that the
    /// run does not feed.
    pub(super) fn owner(&self, run: &Run, view: Option<&str>) -> Option<Arc<str>> {
        let Some(view) = view else { return self.owner_of(&of_run(Kind::State, run)) };
        let (name, hash) = run.views.iter().find(|(name, _)| **name == *view)?;
        [Kind::View, Kind::Rollup]
            .iter()
            .find_map(|kind| self.owner_of(&of_definition(*kind, name, hash, &run.fold_hash)))
    }

    fn owner_of(&self, table: &str) -> Option<Arc<str>> {
        self.stored.made.get(table).map(|made| owner(table, *made))
    }
}
