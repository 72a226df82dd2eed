//! What the driver itself reaches: the limits that a benchmark holds this store against.
//!
//! The same prepared statements on the same tables, each sent by itself and in no order, by as
//! many tasks as keep the database busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use scylla::statement::prepared::PreparedStatement;
use tokio::task::JoinSet;

use super::bound::{Bound, Values};
use super::database::Write;
use super::error::{Result, unavailable};
use super::shared::Shared;
use super::writer::statements;
use crate::batch::Batch;
use crate::catalog::RunId;

/// Statements on their way at a time.
const IN_FLIGHT: usize = 256;

/// The statements of one store.
pub struct Yardstick {
    shared: Arc<Shared>,
}

/// Statements that are made, and not sent.
#[derive(Default)]
pub struct Statements {
    writes: Vec<Write>,
}

impl Statements {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// The one question that answers what the state of an aggregate is.
pub struct StateRead {
    shared: Arc<Shared>,
    statement: Arc<PreparedStatement>,
}

impl Yardstick {
    pub(super) fn new(shared: Arc<Shared>) -> Yardstick {
        Yardstick { shared }
    }

    /// Adds the statements that a batch comes to.
    pub async fn make(&self, batch: &Batch, out: &mut Statements) -> Result<()> {
        out.writes.extend(statements(&self.shared, batch).await?);
        Ok(())
    }

    /// Sends statements until all are sent or the time is over; how many were, and how long it
    /// took.
    pub async fn write(&self, all: Statements, time: Duration) -> Result<(usize, Duration)> {
        let (all, next) = (Arc::new(all), Arc::new(AtomicUsize::new(0)));
        let begun = Instant::now();
        let mut senders = JoinSet::new();
        for _ in 0..IN_FLIGHT {
            let (shared, all, next) = (self.shared.clone(), all.clone(), next.clone());
            senders.spawn(async move {
                let mut sent = 0;
                while begun.elapsed() < time {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(write) = all.writes.get(at) else { break };
                    shared.database.write_alone(write).await?;
                    sent += 1;
                }
                Result::Ok(sent)
            });
        }
        let mut sent = 0;
        while let Some(one) = senders.join_next().await {
            sent += one.map_err(|error| unavailable(&error))??;
        }
        Ok((sent, begun.elapsed()))
    }

    /// The question for the states of a run.
    pub async fn state_read(&self, run: &RunId) -> Result<StateRead> {
        let tables = self.shared.tables_with(run).await?;
        let statement = tables.run(run)?.state.get.get(&self.shared.database).await?.clone();
        Ok(StateRead { shared: self.shared.clone(), statement })
    }
}

impl StateRead {
    /// Asks it; how many cells came back.
    pub async fn ask(&self, id: &str) -> Result<usize> {
        let values = Values(vec![Bound::text(id)]);
        let row = self.shared.database.read_one(&self.statement, &values, |cells| Ok(cells.len()));
        Ok(row.await?.unwrap_or(0))
    }
}
