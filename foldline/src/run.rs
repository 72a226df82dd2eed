//! `foldline run`: the embedded default. One process, three services, two SQLite files.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use command_api::CommandApi;
use event_log::Log;
use event_log::sqlite::SqliteLog;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::Model;
use model::openapi::Surface;
use projector::Projector;
use query_api::{QueryApi, QueryConfig};
use read_store::Reader;
use read_store::sqlite::{SqliteStore, SqliteWriter};
use service::config::{
    AdvertiseArgs, CacheArgs, CommandArgs, DataArgs, ListenArgs, LogArgs, SchemasArgs,
};
use service::health::Health;
use service::serve::{CannotListen, Ports, Serving};
use service::telemetry::Metrics;
use service::{Api, Front};
use tokio::sync::{oneshot, watch};

use crate::cli::{Failure, check_parts, note, say};
use crate::events::Events;
use crate::samples;

/// The settings of `foldline run`.
#[derive(clap::Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub schemas: SchemasArgs,
    #[command(flatten)]
    pub data: DataArgs,
    #[command(flatten)]
    pub listen: ListenArgs,
    #[command(flatten)]
    pub advertise: AdvertiseArgs,
    #[command(flatten)]
    pub command: CommandArgs,
    #[command(flatten)]
    pub cache: CacheArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// The parts of the process, in the order in which they start; they stop in reverse.
struct Parts {
    commands: Arc<CommandApi>,
    serving: Serving,
    stop: watch::Sender<bool>,
    projecting: oneshot::Receiver<()>,
}

/// Serves until it is asked to stop.
pub async fn run(args: RunArgs) -> Result<(), Failure> {
    service::telemetry::log(&args.log).map_err(input)?;
    args.listen.check().map_err(input)?;
    check_parts(&args.data)?;
    let model = Arc::new(parts::load(&args.schemas.schemas)?);
    #[cfg(all(feature = "kafka", feature = "cql"))]
    if args.data.is_real() {
        return crate::real::run(&args, &model).await;
    }
    let (log, reader, mut writer) = open(&args.data)?;
    fill(&model, &log, &mut writer, &reader).await?;
    let parts = start(&args, &model, (log, reader, writer))?;
    let data = format!("data in {}", args.data.data.display());
    announce(&args, &model, &parts.serving, &data);
    service::drain::asked_to_stop().await;
    note("stopping");
    parts.stop().await;
    Ok(())
}

type Storage = (Arc<dyn Log>, Arc<dyn Reader>, SqliteWriter);

/// Opens both files and takes the lock, so that no second process serves the same data.
fn open(args: &DataArgs) -> Result<Storage, Failure> {
    let unreachable = |error: &dyn std::fmt::Display| Failure::Unreachable(error.to_string());
    let log = SqliteLog::open(&args.data).map_err(|error| unreachable(&error))?;
    log.lock().map_err(|error| unreachable(&error))?;
    let (reader, writer) = SqliteStore::open(&args.data).map_err(|error| unreachable(&error))?;
    Ok((Arc::new(log), reader, writer))
}

/// Fills what the model newly declares or has changed, before anything is served.
async fn fill(
    model: &Arc<Model>,
    log: &Arc<dyn Log>,
    writer: &mut SqliteWriter,
    reader: &Arc<dyn Reader>,
) -> Result<(), Failure> {
    let mut progress = telling();
    projector::generation::prepare(model, log, writer, reader, &mut progress)
        .await
        .map(drop)
        .map_err(|error| match error {
            projector::generation::PrepareError::Contract(_) => Failure::Input(error.to_string()),
            other => Failure::Unreachable(other.to_string()),
        })
}

/// Tells how a fill goes on: a bar on a terminal, else a line a second and one at the end.
pub fn telling() -> impl FnMut(u64, u64) + Send {
    const WHAT: &str = "filling new and changed read models";
    let bar = std::io::stderr().is_terminal().then(|| {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {pos} of {len} records, {eta}");
        let bar = ProgressBar::hidden().with_message(WHAT);
        style.into_iter().for_each(|style| bar.set_style(style));
        bar
    });
    let mut told: Option<Instant> = None;
    move |done, total| {
        let first = told.is_none();
        let soon = told.is_some_and(|told| told.elapsed() < Duration::from_secs(1));
        match &bar {
            _ if total == 0 => {}
            Some(bar) => {
                if first {
                    told = Some(Instant::now());
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
                bar.set_length(total);
                bar.set_position(done);
                if done >= total {
                    // The bar leaves no line end behind, so a plain line takes its place.
                    bar.finish_and_clear();
                    note(&format!("{WHAT}: {done} of {total} records"));
                }
            }
            None if soon && done < total => {}
            None => {
                told = Some(Instant::now());
                note(&format!("{WHAT}: {done} of {total} records"));
            }
        }
    }
}

fn start(
    args: &RunArgs,
    model: &Arc<Model>,
    (log, reader, writer): Storage,
) -> Result<Parts, Failure> {
    let metrics = Metrics::install().map_err(|error| Failure::Unreachable(error.to_string()))?;
    let (stop, stopping) = watch::channel(false);
    let projector = Projector::new(
        Arc::clone(model),
        Arc::clone(&log),
        Arc::clone(&reader),
        Box::new(writer.on_own_thread()),
        projector::Config { inline_events: usize::MAX, ..Default::default() },
    );
    let projected = projector.status_handle();
    let projecting = project(projector, stopping)?;
    let commands = CommandApi::new(
        Arc::clone(model),
        Arc::clone(&log),
        Arc::clone(&reader),
        command_api::Config { max_body: args.command.max_body.0, ..Default::default() },
    );
    let queries = QueryApi::new(Arc::clone(model), reader, query_config(args, false));
    let health = health(&queries, projected);
    let serving = serve(
        args,
        &args.listen.listen,
        Apis { model, commands: &commands, queries, log },
        health,
        metrics,
    )?;
    Ok(Parts { commands, serving, stop, projecting })
}

/// Gives the projector a thread of its own: what it does is work for a processor and writes to a
/// file, and passing batches between threads would cost more than it hides.
fn project(
    projector: Projector,
    stopping: watch::Receiver<bool>,
) -> Result<oneshot::Receiver<()>, Failure> {
    let unreachable = |error: std::io::Error| Failure::Unreachable(error.to_string());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unreachable)?;
    let (ended, projecting) = oneshot::channel();
    let run = move || {
        if let Err(error) = runtime.block_on(projector.run(stopping)) {
            tracing::error!(%error, "the projector ended");
        }
        // Nobody listens any more where the process is going down already.
        let _ = ended.send(());
    };
    std::thread::Builder::new().name("projector".into()).spawn(run).map_err(unreachable)?;
    Ok(projecting)
}

/// The settings of the query API.
pub fn query_config(args: &RunArgs, topic_per_aggregate: bool) -> QueryConfig {
    QueryConfig {
        cache_bytes: args.cache.cache_bytes.0 as u64,
        cache_max_age: Duration::from_millis(args.cache.cache_max_age_ms),
        topic_per_aggregate,
    }
}

/// All that is served on one port.
pub struct Apis<'a> {
    pub model: &'a Arc<Model>,
    pub commands: &'a Arc<CommandApi>,
    pub queries: Arc<QueryApi>,
    pub log: Arc<dyn Log>,
}

/// Serves all APIs on one port.
pub fn serve(
    args: &RunArgs,
    listen: &str,
    apis: Apis<'_>,
    health: Arc<Health>,
    metrics: Metrics,
) -> Result<Serving, Failure> {
    let Apis { model, commands, queries, log } = apis;
    let events = Arc::new(Events::new(Arc::clone(model), log));
    let apis: Vec<Arc<dyn Api>> = vec![commands.clone(), queries, events];
    let surface = Surface { commands: true, queries: true, events: true };
    let openapi = model::openapi::document(model, surface).to_string().into_bytes();
    let front = Arc::new(Front::new(apis, openapi, args.listen.origins()));
    let admin = args.listen.process.admin.clone();
    let ports = Ports { public: listen.to_owned(), admin, workers: None };
    service::serve::serve(&ports, front, health, metrics).map_err(|error| cannot_listen(&error))
}

pub fn health(queries: &Arc<QueryApi>, projected: projector::StatusHandle) -> Arc<Health> {
    let health = Arc::new(Health::default());
    let queries = Arc::clone(queries);
    health.add("read-store", move || {
        let queries = Arc::clone(&queries);
        Box::pin(async move { queries.ready().await })
    });
    health.add("projector", move || {
        let status = projected.get();
        Box::pin(async move {
            let wrong =
                status.partitions.iter().find_map(|p| p.stopped.clone().or(p.unavailable.clone()));
            wrong.map_or(Ok(()), Err)
        })
    });
    health
}

impl Parts {
    /// No new requests, then no new commands, then the projector, which may leave events for the
    /// next start.
    async fn stop(self) {
        self.serving.stop().await;
        self.commands.drain().await;
        // The receiver is gone only if the projector has ended already.
        let _ = self.stop.send(true);
        let _ = self.projecting.await;
    }
}

/// Says where it listens and what to try.
pub fn announce(args: &RunArgs, model: &Model, serving: &Serving, parts: &str) {
    let Some(address) = serving.public.first() else { return };
    let base = format!("http://{address}");
    say(&format!("Foldline listens on {base} (page: {base}/docs)"));
    if let Some(admin) = serving.admin.first() {
        say(&format!("health and metrics on http://{admin} (/livez /readyz /metrics)"));
    }
    say(&format!("{parts}; authentication is off, so everybody may do everything"));
    say("\nTry:");
    for line in samples::curl_lines(model, &args.schemas.schemas, &base) {
        say(&format!("  {line}"));
    }
}

fn cannot_listen(error: &CannotListen) -> Failure {
    let hint = "free the address, or choose others with --listen and --admin";
    Failure::Unreachable(format!("{error}: {hint}"))
}

fn input(error: impl std::fmt::Display) -> Failure {
    Failure::Input(error.to_string())
}
