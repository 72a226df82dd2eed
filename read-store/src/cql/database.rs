//! The database as this store uses it: prepared statements, bounded concurrency, explicit
//! timeouts, quorums of the local data centre. Nothing is retried here beyond what the driver does
//! with an idempotent statement; a caller knows better how long something is worth waiting for.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use futures::stream::{self, StreamExt, TryStreamExt};
use scylla::client::session::Session;
use scylla::deserialize::row::ColumnIterator;
use scylla::response::query_result::QueryResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use super::bound::Values;
use super::error::{Result, unavailable};
use super::statement::{LONGEST_PAUSE, Statement};
use crate::store::StoreError;

/// Reads on their way at a time.
const READS: usize = 512;
/// Writes on their way at a time, of all writers.
const WRITES: usize = 512;
/// Writes on their way at a time, of one batch; or reads of one question.
const AT_ONCE: usize = 128;
/// Rows that come in one answer.
const PAGE_ROWS: i32 = 1_000;
/// One statement may hold so much: below what either database takes by default, with room for a
/// batch's other statements.
const LARGEST: usize = 8 << 20;
/// Writes into one partition go together up to this size and number.
const TOGETHER_BYTES: usize = 32 << 10;
const TOGETHER: usize = 64;
/// Prepared statements kept for pages.
const KEPT: usize = 4_096;

/// A statement that is prepared when first used.
#[derive(Debug)]
pub(super) struct Lazy {
    pub(super) statement: Statement,
    prepared: OnceCell<Arc<PreparedStatement>>,
}

impl Lazy {
    pub(super) fn new(statement: Statement) -> Lazy {
        Lazy { statement, prepared: OnceCell::new() }
    }

    pub(super) async fn get(&self, database: &Database) -> Result<&Arc<PreparedStatement>> {
        self.prepared.get_or_try_init(|| database.prepare(&self.statement)).await
    }
}

/// One write, ready to go.
pub(super) struct Write {
    statement: Arc<PreparedStatement>,
    values: Values,
    size: usize,
    /// What is equal for writes into one partition of one table.
    partition: u64,
}

impl Write {
    /// `partition` is equal for writes into one partition of one table, and hardly ever for others;
    /// what the database refuses for its size is refused at once.
    pub(super) fn new(
        statement: &Arc<PreparedStatement>,
        values: Values,
        partition: u64,
    ) -> Result<Write> {
        let size = values.size();
        if size > LARGEST {
            return Err(StoreError::Refused(format!(
                "a row of {size} bytes is larger than the {LARGEST} that the read store takes"
            )));
        }
        Ok(Write { statement: statement.clone(), values, size, partition })
    }
}

/// One row of an answer: the wire form of each column.
pub(super) type Cells<'r> = [Option<&'r [u8]>];

/// A session within one keyspace.
pub(super) struct Database {
    pub(super) session: Session,
    pub(super) keyspace: String,
    reads: Semaphore,
    writes: Semaphore,
    kept: RwLock<HashMap<Statement, Arc<PreparedStatement>>>,
}

impl Database {
    pub(super) fn new(session: Session, keyspace: String) -> Database {
        Database {
            session,
            keyspace,
            reads: Semaphore::new(READS),
            writes: Semaphore::new(WRITES),
            kept: RwLock::default(),
        }
    }

    pub(super) async fn prepare(&self, statement: &Statement) -> Result<Arc<PreparedStatement>> {
        let mut prepared = self.session.prepare(statement.text()).await?;
        prepared.set_is_idempotent(statement.repeatable());
        prepared.set_page_size(PAGE_ROWS);
        // Apache Cassandra does not tell when a table is altered under a prepared statement.
        prepared.set_use_cached_result_metadata(false);
        Ok(Arc::new(prepared))
    }

    /// The prepared form of a statement that is made on the way.
    pub(super) async fn prepared(&self, statement: &Statement) -> Result<Arc<PreparedStatement>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(statement).cloned();
        if let Some(prepared) = kept {
            return Ok(prepared);
        }
        let prepared = self.prepare(statement).await?;
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(statement.clone(), prepared.clone());
        Ok(prepared)
    }

    /// Reads rows, page after page, until `take` says that it has enough (`false`) or no more come.
    pub(super) async fn read(
        &self,
        statement: &PreparedStatement,
        values: &Values,
        mut take: impl FnMut(&Cells<'_>) -> Result<bool>,
    ) -> Result<()> {
        let mut paging = PagingState::start();
        loop {
            let permit = permit(&self.reads).await?;
            let (result, next) =
                self.session.execute_single_page(statement, values, paging).await?;
            drop(permit);
            let more = each_row(result, &mut take)?;
            match next {
                PagingStateResponse::HasMorePages { state } if more => paging = state,
                _ => return Ok(()),
            }
        }
    }

    /// Reads at most one row.
    pub(super) async fn read_one<T>(
        &self,
        statement: &PreparedStatement,
        values: &Values,
        decode: impl Fn(&Cells<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let permit = permit(&self.reads).await?;
        let result = self.session.execute_unpaged(statement, values).await?;
        drop(permit);
        let mut found = None;
        each_row(result, &mut |cells| {
            found = Some(decode(cells)?);
            Ok(false)
        })?;
        Ok(found)
    }

    /// Reads at most one row for each of several questions, in their order.
    pub(super) async fn read_each<T>(
        &self,
        statement: &PreparedStatement,
        questions: Vec<Values>,
        decode: impl Fn(&Cells<'_>) -> Result<T> + Copy,
    ) -> Result<Vec<Option<T>>> {
        stream::iter(questions)
            .map(|values| async move { self.read_one(statement, &values, decode).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Writes all, in no order. Those of one partition go together.
    pub(super) async fn write(&self, writes: Vec<Write>) -> Result<()> {
        self.write_since(SystemTime::now(), writes).await
    }

    /// The same for writes that were made ready at some moment: not after a long pause.
    pub(super) async fn write_since(&self, ready: SystemTime, writes: Vec<Write>) -> Result<()> {
        stream::iter(together(writes))
            .map(|group| self.write_group(ready, group))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// Sends one write by itself, without waiting for its turn.
    #[cfg(feature = "yardstick")]
    pub(super) async fn write_alone(&self, write: &Write) -> Result<()> {
        self.session.execute_unpaged(&write.statement, &write.values).await?;
        Ok(())
    }

    async fn write_group(&self, ready: SystemTime, mut group: Vec<Write>) -> Result<()> {
        let _permit = permit(&self.writes).await?;
        refuse_late(ready, SystemTime::now())?;
        if group.len() == 1
            && let Some(write) = group.pop()
        {
            self.session.execute_unpaged(&write.statement, &write.values).await?;
            return Ok(());
        }
        let mut statements = Vec::with_capacity(group.len());
        let mut values = Vec::with_capacity(group.len());
        for write in group {
            statements.push(BatchStatement::PreparedStatement((*write.statement).clone()));
            values.push(write.values);
        }
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
        batch.set_is_idempotent(true);
        self.session.batch(&batch, values).await?;
        Ok(())
    }

    /// Changes the catalog if it is as expected; whether it was.
    pub(super) async fn change(&self, statement: &Statement, values: &Values) -> Result<bool> {
        let mut prepared = (*self.prepared(statement).await?).clone();
        prepared.set_serial_consistency(Some(SerialConsistency::LocalSerial));
        let result = self.session.execute_unpaged(&prepared, values).await?;
        let mut applied = false;
        each_row(result, &mut |cells| {
            applied = cells.first().copied().flatten().is_some_and(|cell| cell == [1]);
            Ok(false)
        })?;
        Ok(applied)
    }

    /// Reads one row after all changes of the catalog that anyone has begun.
    pub(super) async fn read_settled<T>(
        &self,
        statement: &Statement,
        values: &Values,
        decode: impl Fn(&Cells<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut prepared = (*self.prepared(statement).await?).clone();
        prepared.set_consistency(Consistency::LocalSerial);
        self.read_one(&prepared, values, decode).await
    }
}

/// Refuses to go on with what was begun too long ago.
pub(super) fn refuse_late(begun: SystemTime, now: SystemTime) -> Result<()> {
    match now.duration_since(begun) {
        Ok(passed) if passed > LONGEST_PAUSE => {
            Err(StoreError::Unavailable("this process stood still for too long".into()))
        }
        _ => Ok(()),
    }
}

async fn permit(semaphore: &Semaphore) -> Result<SemaphorePermit<'_>> {
    semaphore.acquire().await.map_err(|error| unavailable(&error))
}

/// Whether `take` wanted every row.
fn each_row(
    result: QueryResult,
    take: &mut impl FnMut(&Cells<'_>) -> Result<bool>,
) -> Result<bool> {
    let rows = result.into_rows_result()?;
    let mut cells = Vec::new();
    for row in rows.rows::<ColumnIterator<'_, '_>>()? {
        cells.clear();
        for column in row? {
            cells.push(column?.slice.map(|slice| slice.as_slice()));
        }
        if !take(&cells)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Groups of writes into one partition, each of bounded size.
fn together(writes: Vec<Write>) -> Vec<Vec<Write>> {
    let mut groups: Vec<Vec<Write>> = Vec::with_capacity(writes.len());
    let mut open: HashMap<u64, (usize, usize)> = HashMap::with_capacity(writes.len());
    for write in writes {
        let (at, size) = open.entry(write.partition).or_insert((usize::MAX, 0));
        let fits = groups
            .get(*at)
            .is_some_and(|group| group.len() < TOGETHER && *size + write.size <= TOGETHER_BYTES);
        if fits {
            *size += write.size;
            groups[*at].push(write);
        } else {
            (*at, *size) = (groups.len(), write.size);
            groups.push(vec![write]);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_write_that_slept_too_long_is_refused_and_a_clock_set_back_is_not_a_pause() {
        let begun = SystemTime::UNIX_EPOCH + 9 * LONGEST_PAUSE;
        assert_eq!(refuse_late(begun, begun + LONGEST_PAUSE), Ok(()));
        assert_eq!(refuse_late(begun, begun - LONGEST_PAUSE), Ok(()));
        let late = refuse_late(begun, begun + LONGEST_PAUSE + Duration::from_secs(1));
        assert!(matches!(late, Err(StoreError::Unavailable(_))));
    }
}
