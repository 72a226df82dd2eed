//! The Store: a Reader for queries and cold loads, a Writer for the projector.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use model::Value;
use model::View;
use model::rows::Amount;

use crate::batch::{Batch, Mark, ParkedWrite, StateRow, UsedKey};
use crate::catalog::{Catalog, RunId};
use crate::query::{Page, PageRequest};

/// Why a store did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached just now: try again.
    #[error("{0}")]
    Unavailable(String),
    /// It refuses for good (a value that it cannot hold, a damaged file).
    #[error("{0}")]
    Refused(String),
    /// The catalog was changed by somebody else meanwhile.
    #[error("the catalog was changed meanwhile")]
    Conflict,
}

/// What stands in the store is not what this program wrote.
pub(crate) fn damaged(what: &str) -> StoreError {
    StoreError::Refused(format!("the read store holds {what} that can't be read"))
}

/// An event as `history` keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The aggregate's version after it.
    pub version: u64,
    /// Event type.
    pub event: Arc<str>,
    /// Milliseconds.
    pub time: i64,
    /// Wire form.
    pub data: Bytes,
}

/// Reads. Marks come first and rows after, so a mark is a true lower bound of what the rows hold.
#[async_trait]
pub trait Reader: Send + Sync + 'static {
    /// The catalog.
    async fn catalog(&self) -> Result<Catalog, StoreError>;

    /// The marks of all runs. Cheap: from memory where the store can know.
    async fn marks(&self) -> Result<Arc<Vec<Mark>>, StoreError>;

    /// Returns when some mark may have moved since the last call of [`Reader::marks`] by anyone,
    /// after about a millisecond to a tenth of a second at the latest: callers loop.
    async fn marks_moved(&self);

    /// One state.
    async fn state(
        &self,
        run: &RunId,
        aggregate: &str,
        id: &str,
    ) -> Result<Option<StateRow>, StoreError>;

    /// Several states, in the order asked for.
    async fn states(
        &self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError>;

    /// The keyed commands that an aggregate remembers, in no order.
    async fn used_keys(
        &self,
        run: &RunId,
        aggregate: &str,
        id: &str,
    ) -> Result<Vec<UsedKey>, StoreError>;

    /// Events of an aggregate with versions above `after`, oldest first, at most `limit`.
    async fn history(
        &self,
        run: &RunId,
        aggregate: &str,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError>;

    /// A page of a view or rollup.
    async fn page(
        &self,
        run: &RunId,
        view: &Arc<View>,
        request: &PageRequest,
    ) -> Result<Page, StoreError>;

    /// A page of states in order of id, for `verify` and refills: `(id, row)` with ids above
    /// `after`.
    async fn scan_states(
        &self,
        run: &RunId,
        aggregate: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>, StoreError>;

    /// A page of all rows of a view's table (or cells of a rollup) in primary key order, for
    /// `verify`; `after` is the last row of the page before (partition key and clustering columns,
    /// all columns of it).
    async fn scan_rows(
        &self,
        run: &RunId,
        view: &Arc<View>,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError>;

    /// What waits in a run: of each id, and of each view (`None` = the fold itself), the first
    /// pointer, which says why. Costs nothing while nothing is parked.
    async fn parked(&self, run: &RunId) -> Result<Vec<ParkedWrite>, StoreError>;

    /// The events of one aggregate that wait because folding it stopped, oldest first, at most
    /// `limit`. Ask after its state row said so: what the row lacks up to the marks is here.
    async fn waiting(
        &self,
        run: &RunId,
        aggregate: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<ParkedWrite>, StoreError>;
}

/// Writes: only the projector has one.
#[async_trait]
pub trait Writer: Send + 'static {
    /// Creates what the runs need (idempotent), forgets what they no longer name, and stores the
    /// catalog if `catalog.revision` is still the stored one.
    async fn migrate(
        &mut self,
        model: &Arc<model::Model>,
        catalog: &Catalog,
    ) -> Result<Catalog, StoreError>;

    /// The states of these ids, for folding.
    async fn states(
        &mut self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError>;

    /// What waits for a single view of this run, as `(view, id)`, each pair once.
    async fn parked_views(&mut self, run: &RunId) -> Result<Vec<(Arc<str>, Arc<str>)>, StoreError>;

    /// Forgets the pointers of one id, once its events have been taken in: those of the fold
    /// (`None`) or of one view.
    async fn unpark(&mut self, run: &RunId, view: Option<&str>, id: &str)
    -> Result<(), StoreError>;

    /// Applies a batch; repeating one that was applied, wholly or in part, changes nothing more:
    /// what belongs to a run whose mark in the batch is not above the stored one is left out.
    /// Cells need a mark of their run beside them.
    async fn apply(&mut self, batch: Batch) -> Result<(), StoreError>;

    /// Forgets what it remembers of the tables, rollup cells above all: somebody else has written
    /// there, as a state row above the caller's own mark shows, or the caller begins anew.
    fn forget(&mut self) {}

    /// The caller is about to read the marks and to go on from there. What it applies from now on
    /// is meant for the tables as they are at this moment: once they were made anew its batches
    /// are not taken, for they begin where it stood in the old ones.
    fn begin(&mut self) {
        self.forget();
    }
}

/// The sums of one rollup cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// One per measure.
    pub amounts: Vec<Amount>,
    /// Hidden count.
    pub rows: i64,
}
