//! The projector as a service: one task per partition, until it is told to stop.

use std::sync::Arc;

use event_log::Log;
use futures::future::{BoxFuture, join_all};
use model::Model;
use read_store::{Reader, StoreError, Writer};
use tokio::sync::{Mutex, watch};

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
}

/// Feeds every run of the catalog that this model can feed.
pub struct Projector {
    model: Arc<Model>,
    log: Arc<dyn Log>,
    reader: Arc<dyn Reader>,
    writer: Box<dyn Writer>,
    config: Config,
    status: StatusHandle,
}

impl Projector {
    /// A projector of a catalog that [`crate::generation::prepare`] has made ready.
    pub fn new(
        model: Arc<Model>,
        log: Arc<dyn Log>,
        reader: Arc<dyn Reader>,
        writer: Box<dyn Writer>,
        config: Config,
    ) -> Projector {
        Projector { model, log, reader, writer, config, status: StatusHandle::default() }
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// A handle that outlives the call of [`Projector::run`].
    pub fn status_handle(&self) -> StatusHandle {
        self.status.clone()
    }

    /// Projects until `shutdown` turns true or its sender is gone.
    pub async fn run(mut self, shutdown: watch::Receiver<bool>) -> Result<(), RunError> {
        let catalog = self.reader.catalog().await.map_err(RunError::Catalog)?;
        let runs = active_runs(&self.model, &catalog);
        let writer: Mutex<&mut dyn Writer> = Mutex::new(&mut *self.writer);
        let mut followers: Vec<Follower<'_>> = Vec::new();
        for partition in self.log.partitions() {
            let parts = Parts {
                log: self.log.clone(),
                reader: self.reader.clone(),
                writer: &writer,
                config: self.config.clone(),
                status: self.status.clone(),
            };
            followers.push(Follower::new(parts, partition, runs.clone()));
        }
        let mut running: Vec<BoxFuture<'_, ()>> = Vec::new();
        for follower in &mut followers {
            running.push(Box::pin(follower.run(shutdown.clone())));
        }
        join_all(running).await;
        Ok(())
    }
}
