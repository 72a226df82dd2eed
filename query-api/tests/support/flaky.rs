//! A store that fails, forgets and counts on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use model::{Value, View};
use read_store::batch::{Mark, ParkedWrite, StateRow, UsedKey};
use read_store::store::StoredEvent;
use read_store::{Catalog, Page, PageRequest, Reader, RunId, StoreError};

type Result<T> = std::result::Result<T, StoreError>;

/// A reader around the real one.
pub struct Flaky {
    pub inner: Arc<dyn Reader>,
    /// Reads of rows that still succeed; negative = all do.
    pub left: AtomicI64,
    /// Reads of rows so far.
    pub reads: AtomicUsize,
    /// Most rows that a page was asked for.
    pub largest: AtomicUsize,
}

impl Flaky {
    pub fn new(inner: Arc<dyn Reader>) -> Flaky {
        Flaky {
            inner,
            left: AtomicI64::new(-1),
            reads: AtomicUsize::default(),
            largest: AtomicUsize::default(),
        }
    }

    /// Lets so many reads of rows succeed and no more.
    pub fn fail_after(&self, reads: i64) {
        self.left.store(reads, Ordering::SeqCst);
    }

    /// Reads of rows so far.
    pub fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    async fn read(&self) -> Result<()> {
        // Another caller may run meanwhile, as with any store behind a network.
        tokio::task::yield_now().await;
        self.reads.fetch_add(1, Ordering::SeqCst);
        match self.left.load(Ordering::SeqCst) {
            0 => Err(StoreError::Unavailable("secret of the store".to_owned())),
            left if left < 0 => Ok(()),
            left => {
                self.left.store(left - 1, Ordering::SeqCst);
                Ok(())
            }
        }
    }
}

#[async_trait]
impl Reader for Flaky {
    async fn catalog(&self) -> Result<Catalog> {
        self.inner.catalog().await
    }

    async fn marks(&self) -> Result<Arc<Vec<Mark>>> {
        self.inner.marks().await
    }

    async fn marks_moved(&self) {
        self.inner.marks_moved().await;
    }

    async fn state(&self, run: &RunId, aggregate: &str, id: &str) -> Result<Option<StateRow>> {
        self.read().await?;
        self.inner.state(run, aggregate, id).await
    }

    async fn states(
        &self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>> {
        self.read().await?;
        self.inner.states(run, aggregate, ids).await
    }

    async fn used_keys(&self, run: &RunId, aggregate: &str, id: &str) -> Result<Vec<UsedKey>> {
        self.inner.used_keys(run, aggregate, id).await
    }

    async fn history(
        &self,
        run: &RunId,
        aggregate: &str,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        self.read().await?;
        self.inner.history(run, aggregate, id, after, limit).await
    }

    async fn page(&self, run: &RunId, view: &Arc<View>, request: &PageRequest) -> Result<Page> {
        self.read().await?;
        self.largest.fetch_max(request.limit, Ordering::SeqCst);
        self.inner.page(run, view, request).await
    }

    async fn scan_states(
        &self,
        run: &RunId,
        aggregate: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>> {
        self.inner.scan_states(run, aggregate, after, limit).await
    }

    async fn scan_rows(
        &self,
        run: &RunId,
        view: &Arc<View>,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>> {
        self.inner.scan_rows(run, view, after, limit).await
    }

    async fn parked(&self, run: &RunId) -> Result<Vec<ParkedWrite>> {
        self.inner.parked(run).await
    }

    async fn waiting(
        &self,
        run: &RunId,
        aggregate: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<ParkedWrite>> {
        self.inner.waiting(run, aggregate, id, limit).await
    }
}
