//! The Writer: one connection, one transaction per batch.
//!
//! Why a repeated batch does nothing: rows, cells, states and the marks commit together, so a
//! stored mark says that everything up to it is in the tables. What belongs to a run whose mark in
//! the batch is not above the stored one is therefore left out, and a batch of nothing else opens
//! no transaction.

mod apply;
mod migrate;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::Connection;

use super::checkpoint::Checkpointer;
use super::error::Result;
use super::shared::Shared;
use super::table::parked;
use crate::batch::{Batch, StateRow};
use crate::catalog::{Catalog, RunId};
use crate::store::{StoreError, Writer};

/// Batches of up to so many writes are applied on the calling thread.
const SMALL: usize = 32;

/// Writes of the SQLite store.
pub struct SqliteWriter {
    // Shared with the blocking pool, so that a call that is dropped half way loses nothing.
    inner: Arc<Mutex<Inner>>,
    inline: usize,
}

struct Inner {
    connection: Connection,
    shared: Arc<Shared>,
    checkpointer: Checkpointer,
}

impl SqliteWriter {
    pub(super) fn new(connection: Connection, shared: Arc<Shared>) -> Result<SqliteWriter> {
        let checkpointer = Checkpointer::start(shared.clone())?;
        let inner = Inner { connection, shared, checkpointer };
        Ok(SqliteWriter { inner: Arc::new(Mutex::new(inner)), inline: SMALL })
    }

    /// For a caller that has a thread of its own: every call runs there, however long it takes.
    pub fn on_own_thread(self) -> SqliteWriter {
        SqliteWriter { inline: usize::MAX, ..self }
    }

    async fn run<T: Send + 'static>(
        &self,
        writes: usize,
        work: impl FnOnce(&mut Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if writes <= self.inline {
            return work(&mut lock(&self.inner));
        }
        let inner = self.inner.clone();
        let task = tokio::task::spawn_blocking(move || work(&mut lock(&inner)));
        task.await.map_err(|error| StoreError::Unavailable(error.to_string()))?
    }
}

/// After a panic too: its transaction was rolled back when it was dropped.
fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Writer for SqliteWriter {
    async fn migrate(&mut self, model: &Arc<model::Model>, catalog: &Catalog) -> Result<Catalog> {
        let (model, catalog) = (model.clone(), catalog.clone());
        self.run(usize::MAX, move |inner| inner.migrate(&model, catalog)).await
    }

    async fn states(
        &mut self,
        run: &RunId,
        _aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>> {
        let (run, ids) = (run.clone(), ids.to_vec());
        self.run(ids.len(), move |inner| inner.states(&run, &ids)).await
    }

    async fn parked_views(&mut self, run: &RunId) -> Result<Vec<(Arc<str>, Arc<str>)>> {
        let waiting = parked::list(&lock(&self.inner).connection, run)?;
        Ok(waiting.into_iter().filter_map(|write| Some((write.view?, write.id))).collect())
    }

    async fn unpark(&mut self, run: &RunId, view: Option<&str>, id: &str) -> Result<()> {
        let inner = lock(&self.inner);
        parked::forget_id(&inner.connection, run, view, id)?;
        inner.shared.pool.committed();
        inner.shared.set_parked(parked::any(&inner.connection)?);
        Ok(())
    }

    async fn apply(&mut self, batch: Batch) -> Result<()> {
        let writes = batch.rows.len()
            + batch.cells.len()
            + batch.history.len()
            + batch.commands.len()
            + batch.states.len()
            + batch.parked.len();
        self.run(writes, move |inner| inner.apply(&batch, writes)).await
    }
}

impl Inner {
    /// One transaction around all, so that the file is locked once.
    fn states(&mut self, run: &RunId, ids: &[Arc<str>]) -> Result<Vec<Option<StateRow>>> {
        let tables = self.shared.tables();
        let run = tables.run(run)?;
        let transaction = self.connection.transaction()?;
        ids.iter().map(|id| run.state.get(&transaction, id)).collect()
    }
}

#[cfg(test)]
mod tests;
