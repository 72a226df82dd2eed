//! Not connected yet.

use std::sync::Arc;

use async_trait::async_trait;
use model::{Value, View};

use crate::batch::{Mark, ParkedWrite, StateRow, UsedKey};
use crate::catalog::{Catalog, RunId};
use crate::query::{Page, PageRequest};
use crate::store::{Reader, StoreError, StoredEvent};

use super::CqlConfig;

pub(super) struct CqlReader {
    config: Arc<CqlConfig>,
}

impl CqlReader {
    pub(super) fn new(config: Arc<CqlConfig>) -> CqlReader {
        CqlReader { config }
    }

    fn unreachable<T>(&self) -> Result<T, StoreError> {
        Err(StoreError::Unavailable(format!("{:?} can't be reached yet", self.config.nodes)))
    }
}

#[async_trait]
impl Reader for CqlReader {
    async fn catalog(&self) -> Result<Catalog, StoreError> {
        self.unreachable()
    }

    async fn marks(&self) -> Result<Arc<Vec<Mark>>, StoreError> {
        self.unreachable()
    }

    async fn marks_moved(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await
    }

    async fn state(
        &self,
        _run: &RunId,
        _aggregate: &str,
        _id: &str,
    ) -> Result<Option<StateRow>, StoreError> {
        self.unreachable()
    }

    async fn states(
        &self,
        _run: &RunId,
        _aggregate: &str,
        _ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError> {
        self.unreachable()
    }

    async fn used_keys(
        &self,
        _run: &RunId,
        _aggregate: &str,
        _id: &str,
    ) -> Result<Vec<UsedKey>, StoreError> {
        self.unreachable()
    }

    async fn history(
        &self,
        _run: &RunId,
        _aggregate: &str,
        _id: &str,
        _after: u64,
        _limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.unreachable()
    }

    async fn page(
        &self,
        _run: &RunId,
        _view: &Arc<View>,
        _request: &PageRequest,
    ) -> Result<Page, StoreError> {
        self.unreachable()
    }

    async fn scan_states(
        &self,
        _run: &RunId,
        _aggregate: &str,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>, StoreError> {
        self.unreachable()
    }

    async fn scan_rows(
        &self,
        _run: &RunId,
        _view: &Arc<View>,
        _after: Option<&[Value]>,
        _limit: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        self.unreachable()
    }

    async fn parked(&self, _run: &RunId) -> Result<Vec<ParkedWrite>, StoreError> {
        self.unreachable()
    }
}
