//! The projector as a program of its own: settings, and the parts that they make.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use event_log::Log;
use event_log::kafka::{Group, KafkaLog};
use model::Model;
use parts::{CLOSING, open_log, open_store, same_history};
use read_store::cql::CqlStore;
use read_store::{Reader, StoreError};
use service::Health;
use service::config::{CqlArgs, KafkaArgs, LogArgs, ProcessArgs, SchemasArgs};
use service::process::{Differs, Failure, note};
use service::retry::{self, Policy, retry};
use service::serve::{Serving, serve_admin};
use service::telemetry::Metrics;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::generation::{PrepareError, prepare_with};
use crate::projector::{Projector, RunError};
use crate::status::StatusHandle;

/// Most events of one batch: a row of a shared store is written by itself, so a batch takes its
/// time, and what is read meanwhile is as old as the last mark.
pub const BATCH_EVENTS: usize = 500;
/// How long log and store may be out of reach while tables are made ready.
const PREPARING: Policy = Policy {
    first: Duration::from_millis(200),
    most: Duration::from_secs(5),
    deadline: Some(Duration::from_secs(60)),
};

/// Events from Kafka, rows into a CQL database.
#[derive(Parser, Debug)]
#[command(name = "projector", version, max_term_width = 100)]
pub struct Settings {
    #[command(flatten)]
    schemas: SchemasArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    cql: CqlArgs,
    #[command(flatten)]
    process: ProcessArgs,
    /// Log lines
    #[command(flatten)]
    pub log: LogArgs,
}

const DIFFERS: Differs = Differs {
    required: &[
        ("brokers", "Kafka brokers, host:port separated by commas"),
        ("nodes", "Database nodes, host:port separated by commas"),
    ],
    defaults: &[("admin", "127.0.0.1:9091")],
};

/// What runs.
pub struct Running {
    log: Arc<KafkaLog>,
    serving: Serving,
    projecting: Projecting,
}

/// A projector at work.
pub struct Projecting {
    /// How it is doing.
    pub status: StatusHandle,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), RunError>>,
}

impl Settings {
    /// Reads the command line and the variables.
    pub fn read() -> Settings {
        service::process::settings(DIFFERS)
    }

    /// Opens the parts, makes the tables ready, joins the projectors and projects.
    pub async fn build(&self) -> Result<Running, Failure> {
        self.process.check()?;
        let model = Arc::new(parts::load(&self.schemas.schemas)?);
        let metrics = Metrics::install().map_err(Failure::unreachable)?;
        // A fill may take long, and whoever watches over the process must see that it lives.
        let health = Arc::new(Health::default());
        health.starting("connecting to Kafka and the database");
        let serving = serve_admin(&self.process.admin, health.clone(), metrics)?;
        let dev = self.process.dev;
        let store = open_store(&self.cql, dev).await?;
        let log = open_log(&self.kafka, &model, dev, "").await?;
        same_history(&log, &store.reader()).await?;
        prepare(&model, &log, &store, &mut telling(&health)).await?;
        let projecting = join(&model, &log, &store).await?;
        watch(&health, projecting.status.clone(), store.reader());
        health.started();
        Ok(Running { log, serving, projecting })
    }
}

/// Fills what the model newly declares or has changed. What is out of reach is waited for.
pub async fn prepare(
    model: &Arc<Model>,
    log: &Arc<KafkaLog>,
    store: &CqlStore,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<(), Failure> {
    let (log, reader): (Arc<dyn Log>, _) = (log.clone(), store.reader());
    let (mut writer, config) = (store.writer(), shared_store());
    let prepared = retry(PREPARING, async || {
        let done = prepare_with(&config, model, &log, &mut *writer, &reader, progress).await;
        done.map_err(|error| match error {
            PrepareError::Unavailable(_)
            | PrepareError::Log(event_log::ReadError::Unavailable(_))
            | PrepareError::Store(StoreError::Unavailable(_) | StoreError::Conflict) => {
                tracing::warn!(%error, "tables are not ready yet: trying again");
                retry::Failure::Passing(error)
            }
            lasting => retry::Failure::Lasting(lasting),
        })
    });
    prepared.await.map(drop).map_err(|error| match error {
        PrepareError::Contract(_) | PrepareError::OtherLog { .. } => Failure::input(error),
        other => Failure::unreachable(other),
    })
}

/// A projector that shares the partitions of a log on Kafka with others.
pub async fn join(
    model: &Arc<Model>,
    log: &Arc<KafkaLog>,
    store: &CqlStore,
) -> Result<Projecting, Failure> {
    let membership = log.join(Group::Projectors).await.map_err(Failure::unreachable)?;
    let (reader, writers) = (store.reader(), store.clone());
    let writers = Arc::new(move || writers.writer());
    let (model, log) = (model.clone(), log.clone());
    let projector = Projector::member(model, log, reader, writers, membership, shared_store());
    let status = projector.status_handle();
    let (stop, stopping) = watch::channel(false);
    let task = tokio::spawn(projector.run(stopping));
    Ok(Projecting { status, stop, task })
}

/// A store that others write too, and that takes batches piece by piece.
fn shared_store() -> Config {
    Config { atomic: false, batch_events: BATCH_EVENTS, ..Config::default() }
}

/// Says how far a fill is: to who asks, and once a second in the log.
fn telling(health: &Arc<Health>) -> impl FnMut(u64, u64) + Send {
    let (health, mut told): (_, Option<Instant>) = (health.clone(), None);
    move |done, total| {
        const WHAT: &str = "filling new and changed read models";
        health.starting(format!("{WHAT}: {done} of {total} records"));
        let soon = told.is_some_and(|told| told.elapsed() < Duration::from_secs(1));
        if total > 0 && (!soon || done >= total) {
            told = Some(Instant::now());
            tracing::info!(done, total, "{WHAT}");
        }
    }
}

fn watch(health: &Health, projected: StatusHandle, reader: Arc<dyn Reader>) {
    health.add("projector", move || {
        let status = projected.get();
        Box::pin(async move {
            let mut all = status.partitions.into_iter();
            all.find_map(|p| p.stopped.or(p.unavailable)).map_or(Ok(()), Err)
        })
    });
    health.add("read-store", move || {
        let reader = reader.clone();
        Box::pin(async move { reader.catalog().await.map(drop).map_err(|error| error.to_string()) })
    });
}

impl Projecting {
    /// Waits for an end that nobody asked for, and says why it came. To be asked until it answers,
    /// once.
    pub async fn broken(&mut self) -> Failure {
        match (&mut self.task).await {
            Ok(Ok(())) => Failure::Unreachable("the projectors' group was left".to_owned()),
            Ok(Err(error)) => Failure::unreachable(error),
            Err(error) => Failure::unreachable(error),
        }
    }

    /// Ends the tasks and leaves the group. What is under way may be left for whoever is next.
    pub async fn stop(self) {
        // The receiver is gone only if the projector has ended already.
        let _ = self.stop.send(true);
        if self.task.is_finished() {
            return;
        }
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the projector ended"),
            Err(error) => tracing::error!(%error, "the projector broke"),
        }
    }
}

impl Running {
    /// Says where it listens.
    pub fn announce(&self) {
        for address in &self.serving.admin {
            note(&format!(
                "projector: health and metrics on http://{address} (/livez /readyz /metrics)"
            ));
        }
    }

    /// Waits for an end that nobody asked for.
    pub async fn broken(&mut self) -> Failure {
        self.projecting.broken().await
    }

    /// Readiness ends first, then the work, then the admin port.
    pub async fn stop(self) {
        self.serving.stop_being_ready();
        self.projecting.stop().await;
        self.serving.stop().await;
        self.log.shutdown(CLOSING).await;
    }
}
