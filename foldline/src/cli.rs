//! The calls of the command line and their exit codes.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use model::Model;
use service::config::{DataArgs, LogArgs, SchemasArgs};

use crate::{bench, check, new, run, status, tail, verify};

/// Declare a domain in Avro and YAML; get a command API, an event log, a projector and a query API
/// for it.
#[derive(Parser, Debug)]
#[command(name = "foldline", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    call: Call,
}

#[derive(Subcommand, Debug)]
enum Call {
    /// Serve a domain: commands, projector and queries in one process
    Run(run::RunArgs),
    /// Load a folder and say every error in it, or what it offers
    Check(FolderArgs),
    /// Run the given/when/then tests of a folder
    Test(FolderArgs),
    /// Write a small working aggregate folder to start from
    New(NewArgs),
    /// Print the OpenAPI document of a folder
    Openapi(FolderArgs),
    /// Print the JSON Schema of model.yaml or of the test files, for editors
    Schema(SchemaArgs),
    /// Recompute all read models from the log and compare
    Verify(SystemArgs),
    /// Show how far the read models are, and what is set aside
    Status(SystemArgs),
    /// Print the event stream as JSON lines
    Tail(tail::TailArgs),
    /// Measure a running system, or one that is started for it
    Bench(bench::BenchArgs),
}

/// A folder, by position or by setting.
#[derive(clap::Args, Debug)]
struct FolderArgs {
    /// The folder; left out, it is the one of --schemas
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    schemas: SchemasArgs,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
struct NewArgs {
    /// Its name in kebab-case, such as gift-card
    name: String,
    #[command(flatten)]
    schemas: SchemasArgs,
}

#[derive(clap::Args, Debug)]
struct SchemaArgs {
    /// Which files the schema is for
    #[arg(value_enum, default_value_t = SchemaOf::Model)]
    of: SchemaOf,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum SchemaOf {
    /// model.yaml
    Model,
    /// tests/*.yaml
    Test,
}

/// A system: its domain and its data.
#[derive(clap::Args, Clone, Debug)]
pub struct SystemArgs {
    #[command(flatten)]
    schemas: SchemasArgs,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    log: LogArgs,
    /// Settle for one broker and one database node
    #[arg(long, env = "FOLDLINE_DEV", value_parser = service::config::switch)]
    dev: bool,
    /// Print JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Why a call did not do what it was asked to; each has its exit code.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The answer is "no" (1).
    #[error("{0}")]
    No(String),
    /// The input is wrong (2).
    #[error("{0}")]
    Input(String),
    /// A part could not be reached (3).
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Failure::No(_) => 1,
            Failure::Input(_) => 2,
            Failure::Unreachable(_) => 3,
        }
    }
}

impl From<service::process::Failure> for Failure {
    fn from(failure: service::process::Failure) -> Failure {
        match failure {
            service::process::Failure::Input(text) => Failure::Input(text),
            service::process::Failure::Unreachable(text) => Failure::Unreachable(text),
        }
    }
}

/// Reads the command line, makes the call, and says how it went.
pub async fn main() -> ExitCode {
    match call(Cli::parse().call).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                note(&format!("foldline: {text}"));
            }
            ExitCode::from(failure.code())
        }
    }
}

async fn call(call: Call) -> Result<(), Failure> {
    match call {
        Call::Run(args) => run::run(args).await,
        Call::Check(args) => check::check(&args.folder(), args.json),
        Call::Test(args) => check::test(&args.folder(), args.json),
        Call::New(args) => create(&args),
        Call::Openapi(args) => check::openapi(&args.folder()),
        Call::Schema(SchemaArgs { of: SchemaOf::Model }) => {
            say(&check::pretty(&model::editor::model_schema()));
            Ok(())
        }
        Call::Schema(SchemaArgs { of: SchemaOf::Test }) => {
            say(&check::pretty(&model::editor::test_schema()));
            Ok(())
        }
        Call::Verify(args) => verify::verify(&args.open().await?, args.json).await,
        Call::Status(args) => status::status(&args.open().await?, args.json).await,
        Call::Tail(args) => tail::tail(args).await,
        Call::Bench(args) => {
            bench::run(args).await.map_err(|error| Failure::Unreachable(format!("{error:#}")))
        }
    }
}

fn create(args: &NewArgs) -> Result<(), Failure> {
    let written = new::write(&args.schemas.schemas, &args.name)
        .map_err(|error| Failure::Input(format!("{error:#}")))?;
    let folder = args.schemas.schemas.display();
    for file in &written {
        say(&format!("wrote {folder}/{file}"));
    }
    say(&format!("next: foldline test {folder}, then foldline run --schemas {folder}"));
    Ok(())
}

impl FolderArgs {
    fn folder(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| self.schemas.schemas.clone())
    }
}

/// A system's model, log and read store, opened to be read beside a running process.
pub struct System {
    /// The model.
    pub model: Arc<Model>,
    /// The log.
    pub log: Arc<dyn event_log::Log>,
    /// The read store.
    pub reader: Arc<dyn read_store::Reader>,
    /// Where the owner of a partition takes commands, where there may be several.
    pub owners: Option<Owners>,
}

/// Who owns a partition, as last heard.
pub type Owners = Arc<dyn Fn(&event_log::PartitionId) -> Option<Arc<str>> + Send + Sync>;

impl SystemArgs {
    /// Opens what is there; makes nothing.
    pub async fn open(&self) -> Result<System, Failure> {
        service::telemetry::log(&self.log).map_err(|error| Failure::Input(error.to_string()))?;
        check_parts(&self.data)?;
        let model = Arc::new(parts::load(&self.schemas.schemas)?);
        #[cfg(all(feature = "kafka", feature = "cql"))]
        if self.data.is_real() {
            return crate::real::open(&self.data, model, self.dev).await;
        }
        let folder = &self.data.data;
        let absent = |error: &dyn std::fmt::Display| {
            Failure::Unreachable(format!("no system to read in {}: {error}", folder.display()))
        };
        let log = event_log::sqlite::SqliteLog::open_existing(folder).map_err(|e| absent(&e))?;
        let reader =
            read_store::sqlite::SqliteStore::open_read_only(folder).map_err(|e| absent(&e))?;
        Ok(System { model, log: Arc::new(log), reader, owners: None })
    }
}

/// Refuses parts that this binary was built without.
pub fn check_parts(data: &DataArgs) -> Result<(), Failure> {
    let (kafka, cql) = (cfg!(feature = "kafka"), cfg!(feature = "cql"));
    data.check(kafka, cql).map_err(|error| Failure::Input(error.to_string()))
}

/// Answers go to standard output.
#[allow(clippy::print_stdout, reason = "the program's answer")]
pub fn say(text: &str) {
    use std::io::Write;
    // A reader that went away (`| head`) is no failure of ours.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// What is not the answer goes to standard error.
pub fn note(text: &str) {
    eprintln!("{text}");
}
