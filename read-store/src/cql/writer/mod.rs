//! The Writer: every batch as statements that may come late, twice or from several writers.
//!
//! Why a crash between any two statements does no harm: each says what holds as of the offset that
//! is its timestamp, so the highest offset wins wherever two meet. The state rows come after all
//! that follows from their events, and the mark last: what a state row covers is written, and what
//! it does not cover is made again from the log, whatever the bounds of the new batch.

mod apply;
mod cells;
mod migrate;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use super::database::refuse_late;
use super::error::Result;
use super::reader::waiting;
use super::shared::Shared;
use crate::batch::{Batch, StateRow};
use crate::catalog::{Catalog, RunId};
use crate::store::{StoreError, Writer};
#[cfg(feature = "yardstick")]
pub(super) use apply::statements;

/// Writes of the CQL store.
pub(super) struct CqlWriter {
    shared: Arc<Shared>,
    cells: cells::Remembered,
    /// What the caller began with, if it said so.
    began: Option<Began>,
    /// When it last began or applied something.
    alive: SystemTime,
}

/// What the plans of a caller rest on.
struct Began {
    /// When the tables of each run were made.
    made: HashMap<RunId, u64>,
    /// How often the database had been found to hold less than before.
    falls: u64,
}

impl CqlWriter {
    pub(super) fn new(shared: Arc<Shared>) -> CqlWriter {
        CqlWriter {
            shared,
            cells: cells::Remembered::default(),
            began: None,
            alive: SystemTime::now(),
        }
    }
}

#[async_trait]
impl Writer for CqlWriter {
    async fn migrate(&mut self, model: &Arc<model::Model>, catalog: &Catalog) -> Result<Catalog> {
        self.cells.forget();
        migrate::migrate(&self.shared, model, catalog).await
    }

    async fn states(
        &mut self,
        run: &RunId,
        _aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>> {
        let tables = self.shared.tables_with(run).await?;
        tables.run(run)?.state.get_each(&self.shared.database, ids).await
    }

    async fn parked_views(&mut self, run: &RunId) -> Result<Vec<(Arc<str>, Arc<str>)>> {
        let waiting = waiting(&self.shared, run, false).await?;
        Ok(waiting.into_iter().filter_map(|write| Some((write.view?, write.id))).collect())
    }

    async fn unpark(&mut self, run: &RunId, view: Option<&str>, id: &str) -> Result<()> {
        let tables = self.shared.tables_with(run).await?;
        let Some(owner) = tables.owner(&tables.run(run)?.run, view) else { return Ok(()) };
        self.shared.parked.forget_id(&self.shared.database, &owner, id).await
    }

    async fn apply(&mut self, batch: Batch) -> Result<()> {
        // What was planned before a long pause is planned anew, on what is there now.
        refuse_late(self.alive, SystemTime::now())?;
        if let Some(began) = &self.began
            && self.shared.falls().await? != began.falls
        {
            let lost = "the read store holds less than it did: begin anew from its marks";
            return Err(StoreError::Unavailable(lost.to_owned()));
        }
        let made = self.began.as_ref().map(|began| &began.made);
        apply::apply(&self.shared, &mut self.cells, made, batch).await?;
        self.alive = SystemTime::now();
        Ok(())
    }

    fn forget(&mut self) {
        self.cells.forget();
    }

    fn begin(&mut self) {
        self.cells.forget();
        let (made, falls) = (self.shared.tables().made(), self.shared.known_falls());
        self.began = Some(Began { made, falls });
        self.alive = SystemTime::now();
    }
}
