//! The Reader: every answer is one question to the database, but for pages that go on from a
//! cursor or are spread over buckets.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use futures::future::try_join_all;
use model::{Value, View};

use super::error::Result;
use super::shared::{RunTables, Shared, ViewOrRollup};
use super::{pages, poll};
use crate::batch::{Mark, ParkedWrite, StateRow, UsedKey};
use crate::catalog::{Catalog, RunId};
use crate::query::{Page, PageRequest};
use crate::store::{Reader, StoreError, StoredEvent};

/// Reads of the CQL store.
pub(super) struct CqlReader {
    shared: Arc<Shared>,
}

impl CqlReader {
    pub(super) fn new(shared: Arc<Shared>) -> CqlReader {
        CqlReader { shared }
    }

    async fn run(&self, run: &RunId) -> Result<Arc<RunTables>> {
        Ok(self.shared.tables_with(run).await?.run(run)?.clone())
    }

    /// The table of a view; the catalog is read anew where the run does not feed it yet.
    async fn view(&self, run: &RunId, view: &Arc<View>) -> Result<Arc<ViewOrRollup>> {
        match self.shared.tables_with(run).await?.view(run, view) {
            Ok(table) => Ok(table),
            Err(_) => self.shared.refresh().await?.view(run, view),
        }
    }

    /// How many partitions feed a run, as far as is known.
    fn sources(&self, run: &RunId) -> usize {
        let marks = self.shared.known_marks();
        let mine = marks.iter().filter(|mark| mark.run == *run);
        mine.map(|mark| &mark.partition).collect::<BTreeSet<_>>().len()
    }
}

#[async_trait]
impl Reader for CqlReader {
    async fn catalog(&self) -> Result<Catalog> {
        Ok(self.shared.refresh().await?.catalog().clone())
    }

    async fn marks(&self) -> Result<Arc<Vec<Mark>>> {
        if !self.shared.polled.load(Ordering::Acquire) {
            self.shared.poll().await?;
        }
        Ok(self.shared.known_marks())
    }

    async fn marks_moved(&self) {
        poll::moved(&self.shared).await;
    }

    async fn state(&self, run: &RunId, _aggregate: &str, id: &str) -> Result<Option<StateRow>> {
        self.run(run).await?.state.get(&self.shared.database, id).await
    }

    async fn states(
        &self,
        run: &RunId,
        _aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>> {
        self.run(run).await?.state.get_each(&self.shared.database, ids).await
    }

    async fn used_keys(&self, run: &RunId, _aggregate: &str, id: &str) -> Result<Vec<UsedKey>> {
        self.run(run).await?.commands.list(&self.shared.database, id).await
    }

    async fn history(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        self.run(run).await?.history.list(&self.shared.database, id, after, limit).await
    }

    async fn page(&self, run: &RunId, view: &Arc<View>, request: &PageRequest) -> Result<Page> {
        let table = self.view(run, view).await?;
        if request.key.len() != table.layout().key.len() {
            return Err(StoreError::Refused("a page needs every column of the key".into()));
        }
        pages::page(&self.shared.database, &table, request, self.sources(run)).await
    }

    async fn scan_states(
        &self,
        run: &RunId,
        _aggregate: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        self.run(run).await?.state.scan(&self.shared.database, after, limit).await
    }

    async fn scan_rows(
        &self,
        run: &RunId,
        view: &Arc<View>,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>> {
        let table = self.view(run, view).await?;
        pages::walk(&self.shared.database, &table, after, limit, self.sources(run)).await
    }

    async fn parked(&self, run: &RunId) -> Result<Vec<ParkedWrite>> {
        if !self.shared.polled.load(Ordering::Acquire) {
            self.shared.poll().await?;
        }
        let tables = self.shared.tables_with(run).await?;
        let tables_of_run = tables.run(run)?;
        if !self.shared.waits(run, tables_of_run.made) {
            return Ok(Vec::new());
        }
        waiting(&self.shared, run, true).await
    }

    /// It may have been parked after the marks were last read, so only the database can tell.
    async fn waiting(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<ParkedWrite>> {
        let tables = self.shared.tables_with(run).await?;
        let Some(owner) = tables.owner(&tables.run(run)?.run, None) else { return Ok(Vec::new()) };
        self.shared.parked.of_id(&self.shared.database, (&owner, id), run, limit).await
    }
}

/// What waits in a run, for its fold too where asked: first the fold's, then by view and id.
pub(super) async fn waiting(shared: &Shared, run: &RunId, fold: bool) -> Result<Vec<ParkedWrite>> {
    let tables = shared.tables_with(run).await?;
    let feeds = &tables.run(run)?.run;
    let mut views: Vec<Option<&Arc<str>>> =
        feeds.views.iter().map(|(name, _)| Some(name)).collect();
    views.extend(fold.then_some(None));
    views.sort();
    let owned = views.into_iter().filter_map(|view| {
        let owner = tables.owner(feeds, view.map(|name| &**name))?;
        Some(async move { shared.parked.list(&shared.database, &owner, run, view).await })
    });
    Ok(try_join_all(owned).await?.into_iter().flatten().collect())
}
