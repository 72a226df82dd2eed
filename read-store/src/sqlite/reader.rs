//! The Reader. Small reads run where they are called: they take microseconds, and a hop to another
//! thread would cost more. Large ones go to the blocking pool.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::{Value, View};
use rusqlite::Connection;

use super::error::Result;
use super::scan::Scan;
use super::shared::{RunTables, Shared, Tables, ViewOrRollup};
use super::table::{catalog, marks, parked};
use crate::batch::{Mark, ParkedWrite, StateRow, UsedKey};
use crate::catalog::{Catalog, RunId};
use crate::query::{Page, PageRequest, Range};
use crate::store::{Reader, StoreError, StoredEvent};

/// Reads of more rows than this leave the calling thread.
const SMALL: usize = 200;
/// How long [`Reader::marks_moved`] waits at most beside a writer in this process: only a mark that
/// moved just between two calls is seen that late.
const SOON: Duration = Duration::from_millis(20);
/// The same beside another process.
const POLL: Duration = Duration::from_millis(10);

/// Reads of the SQLite store.
pub struct SqliteReader {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
}

impl Inner {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.shared.pool.with(&self.shared.path, self.shared.writes, read)
    }

    /// The tables, read anew where another process may have changed them.
    fn tables(&self, run: &RunId) -> Result<Arc<Tables>> {
        let tables = self.shared.tables();
        if self.shared.writes || tables.run(run).is_ok() {
            return Ok(tables);
        }
        self.catalog()?;
        Ok(self.shared.tables())
    }

    fn catalog(&self) -> Result<Catalog> {
        if self.shared.writes {
            return Ok(self.shared.tables().catalog.clone());
        }
        let catalog = self.with(catalog::get)?;
        if self.shared.tables().catalog != catalog {
            self.shared.set_tables(catalog.clone());
        }
        Ok(catalog)
    }

    fn run(&self, run: &RunId) -> Result<Arc<RunTables>> {
        Ok(self.tables(run)?.run(run)?.clone())
    }

    fn view(&self, run: &RunId, view: &Arc<View>) -> Result<Arc<ViewOrRollup>> {
        self.tables(run)?.view(run, view)
    }

    fn states(&self, run: &RunId, ids: &[Arc<str>]) -> Result<Vec<Option<StateRow>>> {
        let run = self.run(run)?;
        self.with(|on| ids.iter().map(|id| run.state.get(on, id)).collect())
    }

    fn page(&self, run: &RunId, view: &Arc<View>, request: &PageRequest) -> Result<Page> {
        let table = self.view(run, view)?;
        let layout = table.layout();
        if request.key.len() != layout.key {
            return Err(StoreError::Refused("a page needs every column of the key".into()));
        }
        let scan = Scan {
            equal: request.key.iter().chain(&request.prefix).collect(),
            range: &request.range,
            reversed: request.reversed,
            after: request
                .after
                .as_ref()
                .map(|row| row.iter().skip(request.prefix.len()).collect()),
            limit: request.limit.saturating_add(1),
            columns: request.columns.as_deref(),
        };
        let mut rows = self.with(|on| scan.run(on, layout))?;
        let more = rows.len() > request.limit;
        rows.truncate(request.limit);
        Ok(Page { rows, more })
    }

    fn scan_rows(
        &self,
        run: &RunId,
        view: &Arc<View>,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>> {
        let table = self.view(run, view)?;
        let layout = table.layout();
        if after.is_some_and(|row| row.len() != layout.columns.len()) {
            return Err(StoreError::Refused("a scan goes on after a whole row".into()));
        }
        let scan = Scan {
            equal: Vec::new(),
            range: &Range::default(),
            reversed: false,
            after: after.map(|row| layout.primary.iter().map(|(at, _)| &row[*at]).collect()),
            limit,
            columns: None,
        };
        self.with(|on| scan.run(on, layout))
    }
}

impl SqliteReader {
    pub(super) fn new(shared: Arc<Shared>) -> SqliteReader {
        SqliteReader { inner: Arc::new(Inner { shared }) }
    }

    /// Runs a read here if it is small, else on the blocking pool.
    async fn run<T: Send + 'static>(
        &self,
        rows: usize,
        read: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if rows <= SMALL {
            return read(&self.inner);
        }
        let inner = self.inner.clone();
        let task = tokio::task::spawn_blocking(move || read(&inner));
        task.await.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

#[async_trait]
impl Reader for SqliteReader {
    async fn catalog(&self) -> Result<Catalog> {
        self.inner.catalog()
    }

    async fn marks(&self) -> Result<Arc<Vec<Mark>>> {
        if self.inner.shared.writes {
            return Ok(self.inner.shared.marks());
        }
        Ok(Arc::new(self.inner.with(marks::list)?))
    }

    async fn marks_moved(&self) {
        if self.inner.shared.writes {
            let _ = tokio::time::timeout(SOON, self.inner.shared.moved.notified()).await;
        } else {
            tokio::time::sleep(POLL).await;
        }
    }

    async fn state(&self, run: &RunId, _aggregate: &str, id: &str) -> Result<Option<StateRow>> {
        let run = self.inner.run(run)?;
        self.inner.with(|on| run.state.get(on, id))
    }

    async fn states(
        &self,
        run: &RunId,
        _aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>> {
        if ids.len() <= SMALL {
            return self.inner.states(run, ids);
        }
        let (run, ids) = (run.clone(), ids.to_vec());
        self.run(ids.len(), move |inner| inner.states(&run, &ids)).await
    }

    async fn used_keys(&self, run: &RunId, _aggregate: &str, id: &str) -> Result<Vec<UsedKey>> {
        let run = self.inner.run(run)?;
        self.inner.with(|on| run.commands.list(on, id))
    }

    async fn history(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        let (run, id) = (self.inner.run(run)?, id.to_owned());
        let list = move |inner: &Inner| inner.with(|on| run.history.list(on, &id, after, limit));
        self.run(limit, list).await
    }

    async fn page(&self, run: &RunId, view: &Arc<View>, request: &PageRequest) -> Result<Page> {
        if request.limit <= SMALL {
            return self.inner.page(run, view, request);
        }
        let (run, view, request) = (run.clone(), view.clone(), request.clone());
        self.run(request.limit, move |inner| inner.page(&run, &view, &request)).await
    }

    async fn scan_states(
        &self,
        run: &RunId,
        _aggregate: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>> {
        let (run, after) = (self.inner.run(run)?, after.map(str::to_owned));
        let scan =
            move |inner: &Inner| inner.with(|on| run.state.scan(on, after.as_deref(), limit));
        self.run(limit, scan).await
    }

    async fn scan_rows(
        &self,
        run: &RunId,
        view: &Arc<View>,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>> {
        let (run, view, after) = (run.clone(), view.clone(), after.map(<[Value]>::to_vec));
        let scan = move |inner: &Inner| inner.scan_rows(&run, &view, after.as_deref(), limit);
        self.run(limit, scan).await
    }

    async fn parked(&self, run: &RunId) -> Result<Vec<ParkedWrite>> {
        if !self.inner.shared.may_be_parked() {
            return Ok(Vec::new());
        }
        self.inner.with(|on| parked::list(on, run))
    }

    async fn waiting(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<ParkedWrite>> {
        if !self.inner.shared.may_be_parked() {
            return Ok(Vec::new());
        }
        self.inner.with(|on| parked::of_fold(on, run, id, limit))
    }
}
