//! Not connected yet.

use std::sync::Arc;

use async_trait::async_trait;

use crate::batch::{Batch, StateRow};
use crate::catalog::{Catalog, RunId};
use crate::store::{StoreError, Writer};

use super::CqlConfig;

pub(super) struct CqlWriter {
    config: Arc<CqlConfig>,
}

impl CqlWriter {
    pub(super) fn new(config: Arc<CqlConfig>) -> CqlWriter {
        CqlWriter { config }
    }

    fn unreachable<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::Unavailable(format!("{:?} can't be reached yet", self.config.nodes)))
    }
}

#[async_trait]
impl Writer for CqlWriter {
    async fn migrate(
        &mut self,
        _model: &Arc<model::Model>,
        _catalog: &Catalog,
    ) -> Result<Catalog, StoreError> {
        self.unreachable()
    }

    async fn states(
        &mut self,
        _run: &RunId,
        _aggregate: &str,
        _ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError> {
        self.unreachable()
    }

    async fn parked_views(
        &mut self,
        _run: &RunId,
    ) -> Result<Vec<(Arc<str>, Arc<str>)>, StoreError> {
        self.unreachable()
    }

    async fn unpark(
        &mut self,
        _run: &RunId,
        _view: Option<&str>,
        _id: &str,
    ) -> Result<(), StoreError> {
        self.unreachable()
    }

    async fn apply(&mut self, _batch: Batch) -> Result<(), StoreError> {
        self.unreachable()
    }
}
