//! The same calls on the real parts: the log on Kafka, the read store in a CQL database.

use std::sync::Arc;

use command_api::CommandApi;
use event_log::kafka::KafkaLog;
use model::Model;
use parts::CLOSING;
use projector::program::Projecting;
use query_api::QueryApi;
use service::config::DataArgs;
use service::process::{DEADLINE, within};
use service::serve::{Serving, with_port};
use service::telemetry::Metrics;

use crate::cli::{Failure, Owners, System, note};
use crate::run::{Apis, RunArgs, announce, health, query_config, serve, telling};

/// Opens log and store to be read.
pub async fn open(data: &DataArgs, model: Arc<Model>, dev: bool) -> Result<System, Failure> {
    let log = parts::existing_log(&data.kafka, &model, dev).await?;
    let reader = parts::existing_store(&data.cql, dev).await?.reader();
    parts::same_history(&log, &reader).await?;
    let table = Arc::clone(&log);
    let owners: Owners = Arc::new(move |partition| table.owner(partition));
    Ok(System { model, log, reader, owners: Some(owners) })
}

/// All three services in one process. Others like it, and services of their own, may run beside
/// it.
pub async fn run(args: &RunArgs, model: &Arc<Model>) -> Result<(), Failure> {
    let mut running = start(args, model).await?;
    let brokers = args.data.kafka.brokers.as_deref().unwrap_or_default();
    let parts =
        format!("log on Kafka at {brokers}, read store at {}", args.data.cql.nodes.join(","));
    announce(args, model, &running.serving, &parts);
    let outcome = tokio::select! {
        () = service::drain::asked_to_stop() => Ok(()),
        failure = running.projecting.broken() => Err(failure.into()),
    };
    note("stopping");
    within(DEADLINE, running.stop()).await;
    outcome
}

/// The parts of the process.
struct Running {
    log: Arc<KafkaLog>,
    commands: Arc<CommandApi>,
    projecting: Projecting,
    serving: Serving,
}

async fn start(args: &RunArgs, model: &Arc<Model>) -> Result<Running, Failure> {
    let metrics = Metrics::install().map_err(|error| Failure::Unreachable(error.to_string()))?;
    let listen = with_port(&args.listen.listen).map_err(service::process::Failure::from)?;
    service::serve::is_free(&listen).map_err(service::process::Failure::from)?;
    service::serve::is_free(&args.listen.process.admin).map_err(service::process::Failure::from)?;
    let brokers = args.data.kafka.brokers.as_deref().unwrap_or_default();
    let advertise = args.advertise.url(&listen, brokers);
    let advertise = advertise.map_err(|error| Failure::Input(error.to_string()))?;
    let dev = args.listen.process.dev;
    let store = parts::open_store(&args.data.cql, dev).await?;
    let log = parts::open_log(&args.data.kafka, model, dev, &advertise).await?;
    let reader = store.reader();
    parts::same_history(&log, &reader).await?;
    projector::program::prepare(model, &log, &store, &mut telling()).await?;
    let projecting = projector::program::join(model, &log, &store).await?;
    let commands =
        command_api::program::join(model, &log, &reader, &advertise, &args.command).await?;
    let queries = QueryApi::new(model.clone(), reader, query_config(args, true));
    let health = health(&queries, projecting.status.clone());
    let owners = commands.clone();
    health.add("owners", move || {
        let owners = owners.clone();
        Box::pin(async move { owners.ready() })
    });
    let apis = Apis { model, commands: &commands, queries, log: log.clone() };
    let serving = serve(args, &listen, apis, health, metrics)?;
    Ok(Running { log, commands, projecting, serving })
}

impl Running {
    /// Readiness ends first, then partitions are handed over, then the ports close.
    async fn stop(self) {
        self.serving.stop_being_ready();
        self.commands.hand_over().await;
        self.projecting.stop().await;
        self.serving.stop().await;
        self.log.shutdown(CLOSING).await;
    }
}
