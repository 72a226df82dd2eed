//! Making the tables ready for a model before anything is served from them.

use std::sync::Arc;
use std::time::Duration;

use event_log::{Log, ReadError};
use model::Model;
use read_store::{Batch, Catalog, ParkedWrite, Reader, Run, StoreError, Writer};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::runs;
use crate::batch::{ActiveRun, Stop};
use crate::config::Config;
use crate::follow::{Failure, Follower, Parts};
use crate::projector::feeds;
use crate::status::StatusHandle;

/// How often the catalog may change under one's hands.
const MOST_ATTEMPTS: usize = 20;
/// How long to leave it to whoever changed it.
const AFTER_CONFLICT: Duration = Duration::from_millis(100);

/// How a fill goes on: offsets done and offsets in all.
pub type Progress<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// Why the tables can't be made ready.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The tables were filled from another log.
    #[error(
        "the tables were filled from log {stored}, but this is log {found}: bring back the log \
         that belongs to them, or remove the read store to have it filled anew"
    )]
    OtherLog {
        /// What the catalog remembers.
        stored: Uuid,
        /// What the log says.
        found: Uuid,
    },
    /// The model no longer fits what was written under it.
    #[error("the model does not fit the data:\n{}", .0.join("\n"))]
    Contract(Vec<String>),
    /// The log holds something that stops projection.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// The store failed.
    #[error("the read store: {0}")]
    Store(#[from] StoreError),
    /// The log failed.
    #[error("the log: {0}")]
    Log(#[from] ReadError),
    /// Log or store could not be reached while filling.
    #[error("could not go on filling: {0}")]
    Unavailable(String),
}

/// Reconciles the catalog with the model and fills what is new or changed, up to the log's end at
/// the time of the call. Broken off at any place, it goes on from there when called again.
pub async fn prepare(
    model: &Arc<Model>,
    log: &Arc<dyn Log>,
    writer: &mut dyn Writer,
    reader: &Arc<dyn Reader>,
    progress: Progress<'_>,
) -> Result<Catalog, PrepareError> {
    prepare_with(&Config::default(), model, log, writer, reader, progress).await
}

/// [`prepare`] with bounds of one's own. Others may do the same at the same time: whoever finds the
/// catalog changed looks again, and what was filled twice was filled with the same.
pub async fn prepare_with(
    config: &Config,
    model: &Arc<Model>,
    log: &Arc<dyn Log>,
    writer: &mut dyn Writer,
    reader: &Arc<dyn Reader>,
    progress: Progress<'_>,
) -> Result<Catalog, PrepareError> {
    for _ in 1..MOST_ATTEMPTS {
        match attempt(config, model, log, writer, reader, progress).await {
            Err(PrepareError::Store(StoreError::Conflict)) => {
                tracing::info!("the catalog was changed meanwhile: looking again");
                tokio::time::sleep(AFTER_CONFLICT).await;
            }
            done => return done,
        }
    }
    attempt(config, model, log, writer, reader, progress).await
}

async fn attempt(
    config: &Config,
    model: &Arc<Model>,
    log: &Arc<dyn Log>,
    writer: &mut dyn Writer,
    reader: &Arc<dyn Reader>,
    progress: Progress<'_>,
) -> Result<Catalog, PrepareError> {
    let mut stored = reader.catalog().await?;
    check_stream(&stored, log.stream())?;
    model.check_against(&stored.contracts).map_err(PrepareError::Contract)?;
    stored.stream = Some(log.stream());

    let wanted = runs::filling(model, &stored);
    if runs::differs(&wanted, &stored) {
        stored = writer.migrate(model, &runs::only_live(&stored)).await?;
    }
    let wanted = Catalog { revision: stored.revision, ..wanted };
    let mut catalog = writer.migrate(model, &wanted).await?;

    if catalog.runs.iter().any(|run| !run.live) {
        let parts = Filling { config, log, reader };
        parts.fill(runs::active_runs(model, &catalog), writer, progress).await?;
        if config.atomic {
            parts.hand_over_parked(&catalog, writer).await?;
        }
        let mut live = runs::live(model, &catalog, config.atomic);
        live.contracts = model.contracts();
        catalog = writer.migrate(model, &live).await?;
    } else if catalog.contracts != model.contracts() {
        let renewed = Catalog { contracts: model.contracts(), ..catalog };
        catalog = writer.migrate(model, &renewed).await?;
    }
    Ok(catalog)
}

fn check_stream(catalog: &Catalog, found: Uuid) -> Result<(), PrepareError> {
    match catalog.stream {
        Some(stored) if stored != found => Err(PrepareError::OtherLog { stored, found }),
        _ => Ok(()),
    }
}

/// What a fill works with, beside the writer.
struct Filling<'a> {
    config: &'a Config,
    log: &'a Arc<dyn Log>,
    reader: &'a Arc<dyn Reader>,
}

impl Filling<'_> {
    async fn fill(
        &self,
        runs: Vec<ActiveRun>,
        writer: &mut dyn Writer,
        progress: Progress<'_>,
    ) -> Result<(), PrepareError> {
        let writer = Mutex::new(writer);
        let partitions = self.log.partitions();
        let heads = partitions.iter().map(|partition| self.log.head(partition));
        let heads = futures::future::try_join_all(heads).await?;
        let total = heads.iter().map(|head| records(head.0)).sum();
        let (mut before, mut furthest) = (0, 0);
        for (partition, head) in partitions.into_iter().zip(heads) {
            let parts = Parts {
                log: self.log.clone(),
                reader: self.reader.clone(),
                writer: &writer,
                config: self.config.clone(),
                status: StatusHandle::default(),
            };
            let fed = runs.iter().filter(|run| feeds(&**self.log, &partition, &run.aggregate));
            let fed: Vec<ActiveRun> = fed.cloned().collect();
            let mut follower = Follower::new(parts, partition, fed);
            let mut told = |mark: i64| {
                // What is appended meanwhile was not counted.
                let done = before + records(mark + 1).min(records(head.0));
                if done > furthest {
                    furthest = done;
                    progress(done, total);
                }
            };
            fill_partition(&mut follower, &mut told).await?;
            before += records(head.0);
        }
        Ok(())
    }

    /// What waits for a view of a shadow run waits for the primary run's view once it joins.
    async fn hand_over_parked(
        &self,
        catalog: &Catalog,
        writer: &mut dyn Writer,
    ) -> Result<(), PrepareError> {
        let mut parked = Vec::new();
        for shadow in catalog.runs.iter().filter(|run| !run.primary) {
            let joins = |run: &&Run| {
                run.primary
                    && run.aggregate == shadow.aggregate
                    && run.fold_hash == shadow.fold_hash
            };
            let Some(primary) = catalog.runs.iter().find(joins) else { continue };
            let waiting = self.reader.parked(&shadow.id).await?;
            let of_views = waiting.into_iter().filter(|pointer| pointer.view.is_some());
            parked
                .extend(of_views.map(|pointer| ParkedWrite { run: primary.id.clone(), ..pointer }));
        }
        if !parked.is_empty() {
            writer.apply(Batch { parked, ..Batch::default() }).await?;
        }
        Ok(())
    }
}

/// How many records an offset stands for; before any there are none.
fn records(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

async fn fill_partition(
    follower: &mut Follower<'_>,
    told: &mut (dyn FnMut(i64) + Send),
) -> Result<(), PrepareError> {
    loop {
        let failure = match follower.restart().await {
            Ok(()) => follower.catch_up(None, told).await,
            Err(failure) => Err(failure),
        };
        let failure = match failure {
            Ok(_) => return Ok(()),
            Err(Failure::Refused(stretch, detail)) => follower.refused(stretch, detail).await.err(),
            Err(other) => Some(other),
        };
        match failure {
            None => {}
            Some(Failure::Stopped(stop)) => return Err(stop.into()),
            Some(Failure::Unavailable(detail) | Failure::Refused(_, detail)) => {
                return Err(PrepareError::Unavailable(detail));
            }
        }
    }
}

/// The runs of a catalog as this model feeds them (for `verify`).
pub(crate) fn served(model: &Model, catalog: &Catalog) -> Vec<ActiveRun> {
    runs::active_runs(model, &runs::only_live(catalog))
}
