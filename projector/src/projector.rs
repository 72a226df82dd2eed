//! The projector as a service: a task and a writer for each partition that is given to it, until
//! it is told to stop.
//!
//! Partitions come and go as the group of projectors decides. A task that is stopped, or that works
//! on for a moment beside its successor, does no harm: what it writes is what the successor writes.
//! What it remembers goes with it, so nothing old is remembered when a partition comes back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_log::{Alone, Log, Membership, PartitionId};
use model::{Aggregate, Model};
use read_store::batch::StateRow;
use read_store::{Batch, Catalog, Reader, RunId, StoreError, Writer};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use crate::batch::ActiveRun;
use crate::config::Config;
use crate::follow::{Follower, Parts};
use crate::generation::active_runs;
use crate::status::{Status, StatusHandle};

/// Why the projector can't start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The catalog can't be read.
    #[error("the catalog can't be read: {0}")]
    Catalog(StoreError),
    /// What is remembered may be of rows whose deletion the database has forgotten by now.
    #[error("this process stood still for {0} s, so what it remembers is too old to go on with")]
    StoodStill(i64),
}

/// A process that stood still for longer begins anew. Deletions are forgotten by the database after
/// a day, and a write from before one would bring its row back. Where batches are atomic nothing
/// old is written, so a machine may sleep for as long as it likes.
const LONGEST_PAUSE_MS: i64 = 20 * 3_600_000;

impl Config {
    fn stood_still(&self, passed_ms: i64) -> Result<(), RunError> {
        match passed_ms > LONGEST_PAUSE_MS && !self.atomic {
            true => Err(RunError::StoodStill(passed_ms / 1_000)),
            false => Ok(()),
        }
    }
}

/// Makes writers: each partition has one of its own.
pub trait Writers: Send + Sync + 'static {
    /// A writer that remembers nothing yet.
    fn writer(&self) -> Box<dyn Writer>;
}

impl<F: Fn() -> Box<dyn Writer> + Send + Sync + 'static> Writers for F {
    fn writer(&self) -> Box<dyn Writer> {
        self()
    }
}

/// Feeds every run of the catalog that this model can feed.
pub struct Projector {
    model: Arc<Model>,
    log: Arc<dyn Log>,
    reader: Arc<dyn Reader>,
    writers: Arc<dyn Writers>,
    membership: Arc<dyn Membership>,
    config: Config,
    status: StatusHandle,
}

impl Projector {
    /// The only projector of a store with one writer, whose catalog
    /// [`crate::generation::prepare`] has made ready.
    pub fn new(
        model: Arc<Model>,
        log: Arc<dyn Log>,
        reader: Arc<dyn Reader>,
        writer: Box<dyn Writer>,
        config: Config,
    ) -> Projector {
        let alone = Arc::new(Alone::new(log.partitions()));
        let shared: SharedWriter = SharedWriter(Arc::new(Mutex::new(writer)));
        let writers = move || -> Box<dyn Writer> { Box::new(shared.clone()) };
        Projector::member(model, log, reader, Arc::new(writers), alone, config)
    }

    /// One of several projectors, which feeds the partitions that the group gives it.
    pub fn member(
        model: Arc<Model>,
        log: Arc<dyn Log>,
        reader: Arc<dyn Reader>,
        writers: Arc<dyn Writers>,
        membership: Arc<dyn Membership>,
        config: Config,
    ) -> Projector {
        let status = StatusHandle::default();
        Projector { model, log, reader, writers, membership, config, status }
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// A handle that outlives the call of [`Projector::run`].
    pub fn status_handle(&self) -> StatusHandle {
        self.status.clone()
    }

    /// Projects until `shutdown` turns true or its sender is gone, then leaves the group.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) -> Result<(), RunError> {
        let catalog = self.reader.catalog().await.map_err(RunError::Catalog)?;
        let mut assigned = self.membership.assigned();
        let mut tasks = Tasks { parts: &self, catalog, running: BTreeMap::new() };
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut seen = (self.config.clock)();
        loop {
            let wanted = assigned.borrow_and_update().clone();
            tasks.stop_unless(|partition| wanted.contains(partition)).await;
            wanted.iter().for_each(|partition| tasks.start(partition));
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|stop| *stop) => break,
                changed = assigned.changed() => if changed.is_err() { break },
                _ = second.tick() => {
                    let before = std::mem::replace(&mut seen, (self.config.clock)());
                    self.config.stood_still(seen - before)?;
                    self.status.show_lags(seen);
                }
            }
        }
        tasks.stop_unless(|_| false).await;
        self.membership.leave().await;
        Ok(())
    }
}

/// A task for each partition that is fed here.
struct Tasks<'a> {
    parts: &'a Projector,
    catalog: Catalog,
    running: BTreeMap<PartitionId, Task>,
}

struct Task {
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

impl Tasks<'_> {
    fn start(&mut self, partition: &PartitionId) {
        if self.running.contains_key(partition) {
            return;
        }
        let Projector { model, log, reader, writers, config, status, .. } = self.parts;
        let runs = active_runs(model, &self.catalog);
        let runs: Vec<ActiveRun> =
            runs.into_iter().filter(|run| feeds(&**log, partition, &run.aggregate)).collect();
        let (log, reader, config) = (log.clone(), reader.clone(), config.clone());
        let (status, partition) = (status.clone(), partition.clone());
        let mut writer = writers.writer();
        let (stop, stopping) = watch::channel(false);
        let handle = tokio::spawn({
            let partition = partition.clone();
            async move {
                let writer: Mutex<&mut dyn Writer> = Mutex::new(&mut *writer);
                let parts = Parts { log, reader, writer: &writer, config, status };
                Follower::new(parts, partition, runs).run(stopping).await;
            }
        });
        self.running.insert(partition, Task { stop, handle });
    }

    /// Stops the tasks of all other partitions, and waits until they have ended.
    async fn stop_unless(&mut self, stays: impl Fn(&PartitionId) -> bool) {
        let gone: Vec<_> = self.running.extract_if(.., |partition, _| !stays(partition)).collect();
        for (_, task) in &gone {
            task.stop.send_replace(true);
        }
        for (partition, task) in gone {
            if let Err(error) = task.handle.await {
                tracing::error!(%partition, %error, "the task of a partition broke");
            }
            self.parts.status.remove(&partition);
        }
    }
}

/// Whether a partition can hold events of an aggregate type.
pub(crate) fn feeds(log: &dyn Log, partition: &PartitionId, aggregate: &Aggregate) -> bool {
    log.route(&aggregate.name, "").topic == partition.topic
}

/// The one writer of a store that has no more, for several partitions in turn.
#[derive(Clone)]
struct SharedWriter(Arc<Mutex<Box<dyn Writer>>>);

#[async_trait]
impl Writer for SharedWriter {
    async fn migrate(
        &mut self,
        model: &Arc<Model>,
        catalog: &Catalog,
    ) -> Result<Catalog, StoreError> {
        self.0.lock().await.migrate(model, catalog).await
    }

    async fn states(
        &mut self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError> {
        self.0.lock().await.states(run, aggregate, ids).await
    }

    async fn parked_views(&mut self, run: &RunId) -> Result<Vec<(Arc<str>, Arc<str>)>, StoreError> {
        self.0.lock().await.parked_views(run).await
    }

    async fn unpark(
        &mut self,
        run: &RunId,
        view: Option<&str>,
        id: &str,
    ) -> Result<(), StoreError> {
        self.0.lock().await.unpark(run, view, id).await
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        self.0.lock().await.apply(batch).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_store_that_forgets_deletions_ends_a_projector_that_slept() {
        let (asleep, shared) =
            (LONGEST_PAUSE_MS + 1_000, |atomic| Config { atomic, ..Config::default() });
        assert_eq!(shared(false).stood_still(asleep), Err(RunError::StoodStill(72_001)));
        assert_eq!(shared(false).stood_still(LONGEST_PAUSE_MS), Ok(()));
        assert_eq!(shared(true).stood_still(asleep), Ok(()));
    }
}
