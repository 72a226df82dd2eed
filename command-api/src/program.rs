//! The command API as a program of its own: settings, and the parts that they make.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use event_log::Log;
use event_log::kafka::{Group, KafkaLog};
use model::Model;
use model::openapi::Surface;
use parts::{CLOSING, open_log, open_store, same_history};
use read_store::Reader;
use service::config::{
    AdvertiseArgs, CommandArgs, ConfigError, CqlArgs, KafkaArgs, ListenArgs, LogArgs, SchemasArgs,
};
use service::front::Elsewhere;
use service::process::{Differs, Failure};
use service::serve::{Serving, is_free, serve_admin, with_port};
use service::telemetry::Metrics;
use service::{Api, Front, Health};

use crate::api::CommandApi;
use crate::config::Config;
use crate::elsewhere::elsewhere;

/// A partition that nobody asks for is let go after this.
const IDLE: Duration = Duration::from_secs(600);
/// A clock this far off the log's would make up times.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
/// Bytes that the states of all partitions may take in memory together.
const STATES: usize = 512 << 20;
/// What each partition may keep whatever their number.
const LEAST_STATES: usize = 8 << 20;

/// Commands in, events on Kafka.
#[derive(Parser, Debug)]
#[command(name = "command-api", version, max_term_width = 100)]
pub struct Settings {
    #[command(flatten)]
    schemas: SchemasArgs,
    #[command(flatten)]
    kafka: KafkaArgs,
    #[command(flatten)]
    cql: CqlArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    advertise: AdvertiseArgs,
    #[command(flatten)]
    command: CommandArgs,
    /// Log lines
    #[command(flatten)]
    pub log: LogArgs,
}

const DIFFERS: Differs = Differs {
    required: &[
        ("brokers", "Kafka brokers, host:port separated by commas"),
        ("nodes", "Database nodes, host:port separated by commas"),
    ],
    defaults: &[],
};

/// What runs.
pub struct Running {
    log: Arc<KafkaLog>,
    commands: Arc<CommandApi>,
    serving: Serving,
}

impl Settings {
    /// Reads the command line and the variables.
    pub fn read() -> Settings {
        service::process::settings(DIFFERS)
    }

    /// Opens the parts, joins the owners and serves.
    pub async fn build(&self) -> Result<Running, Failure> {
        self.listen.check()?;
        let model = Arc::new(parts::load(&self.schemas.schemas)?);
        let metrics = Metrics::install().map_err(Failure::unreachable)?;
        let listen = with_port(&self.listen.listen)?;
        is_free(&listen)?;
        let advertise = self.advertise_url(&listen)?;
        let dev = self.listen.process.dev;
        let health = Arc::new(Health::default());
        health.starting("connecting to Kafka and the database");
        let mut serving = serve_admin(&self.listen.process.admin, health.clone(), metrics)?;
        let reader = open_store(&self.cql, dev).await?.reader();
        let log = open_log(&self.kafka, &model, dev, &advertise).await?;
        same_history(&log, &reader).await?;
        let commands = join(&model, &log, &reader, &advertise, &self.command).await?;
        watch(&health, &commands, &log, &model, reader);
        let surface = Surface { commands: true, queries: false, events: false };
        let openapi = model::openapi::document(&model, surface).to_string().into_bytes();
        let apis: Vec<Arc<dyn Api>> = vec![commands.clone(), others(&model, &log)];
        let front = Arc::new(Front::new(apis, openapi, self.listen.origins()));
        serving.open(&listen, None, front)?;
        health.started();
        Ok(Running { log, commands, serving })
    }

    fn advertise_url(&self, listen: &str) -> Result<String, ConfigError> {
        self.advertise.url(listen, self.kafka.brokers.as_deref().unwrap_or_default())
    }
}

/// What is asked here and answered by others.
fn others(model: &Arc<Model>, log: &KafkaLog) -> Arc<dyn Api> {
    let topics = model.aggregates.iter().map(|aggregate| log.topic(&aggregate.name));
    let (topics, model): (Vec<String>, _) = (topics.collect(), model.clone());
    Arc::new(Elsewhere(move |path: &str| elsewhere(&model, &topics, path)))
}

/// A command API that shares the partitions of a log on Kafka with others.
pub async fn join(
    model: &Arc<Model>,
    log: &Arc<KafkaLog>,
    reader: &Arc<dyn Reader>,
    advertise: &str,
    args: &CommandArgs,
) -> Result<Arc<CommandApi>, Failure> {
    let membership = log.join(Group::Owners).await.map_err(Failure::unreachable)?;
    let partitions = log.partitions().len().max(1);
    let bytes = (STATES / partitions).clamp(LEAST_STATES, 64 << 20);
    let config = Config {
        max_body: args.max_body.0,
        state_bytes: bytes,
        tail_bytes: bytes,
        idle: Some(IDLE),
        clock_tolerance: Some(CLOCK_TOLERANCE),
        advertise: advertise.into(),
        ..Config::default()
    };
    Ok(CommandApi::member(model.clone(), log.clone(), reader.clone(), membership, config))
}

fn watch(
    health: &Health,
    commands: &Arc<CommandApi>,
    log: &Arc<KafkaLog>,
    model: &Arc<Model>,
    reader: Arc<dyn Reader>,
) {
    let (commands, log, model) = (commands.clone(), log.clone(), model.clone());
    health.add("owners", move || {
        let commands = commands.clone();
        Box::pin(async move { commands.ready() })
    });
    health.add("log", move || {
        let log = log.clone();
        Box::pin(async move {
            let Some(first) = log.partitions().into_iter().next() else { return Ok(()) };
            log.head(&first).await.map(drop).map_err(|error| error.to_string())
        })
    });
    health.add("read-store", move || {
        let (model, reader) = (model.clone(), reader.clone());
        Box::pin(async move {
            let catalog = reader.catalog().await.map_err(|error| error.to_string())?;
            let lacks = model.aggregates.iter().find(|aggregate| {
                let of = |run: &&read_store::Run| {
                    run.primary
                        && run.aggregate == aggregate.name
                        && run.fold_hash == aggregate.fold_hash
                };
                !catalog.runs.iter().any(|run| of(&run))
            });
            let missing = |name| format!("no projector has made the tables of {name} yet");
            lacks.map_or(Ok(()), |aggregate| Err(missing(&aggregate.name)))
        })
    });
}

impl Running {
    /// Says where it listens.
    pub fn announce(&self) {
        self.serving.announce("command-api");
    }

    /// Readiness ends first; then partitions are handed over, while calls for others are still
    /// passed on; then the port closes.
    pub async fn stop(self) {
        self.serving.stop_being_ready();
        self.commands.hand_over().await;
        self.serving.stop().await;
        self.log.shutdown(CLOSING).await;
    }
}
