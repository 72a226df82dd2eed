//! Configuration: flags, then environment, then defaults; each concern declares its own.
//!
//! The groups are flattened into the command lines of the binaries that need them, so `--help`
//! shows every setting with its variable and default.

mod advertise;
mod checks;
mod size;
mod switch;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub use checks::{ConfigError, secret};
pub use size::Size;
pub use switch::switch;

use crate::front::Origins;

/// Where the domain is declared.
#[derive(Args, Clone, Debug)]
pub struct SchemasArgs {
    /// Folder of the domain: Avro schemas and model.yaml files
    #[arg(long, env = "FOLDLINE_SCHEMAS", default_value = "schemas", value_name = "DIR")]
    pub schemas: PathBuf,
}

/// Where the data is: a directory, or Kafka and a CQL database.
#[derive(Args, Clone, Debug)]
pub struct DataArgs {
    /// Directory of the embedded log and read store
    #[arg(long, env = "FOLDLINE_DATA", default_value = ".foldline", value_name = "DIR")]
    pub data: PathBuf,
    /// The log, where it is on Kafka
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The read store, where it is in a CQL database
    #[command(flatten)]
    pub cql: CqlArgs,
}

/// The log on Kafka.
#[derive(Args, Clone, Debug)]
pub struct KafkaArgs {
    /// Kafka brokers, host:port separated by commas; without them everything is embedded
    #[arg(long = "kafka", env = "FOLDLINE_KAFKA_BROKERS", value_name = "BROKERS")]
    pub brokers: Option<String>,
    /// What names of topics and groups begin with
    #[arg(
        long,
        env = "FOLDLINE_TOPIC_PREFIX",
        default_value = "foldline",
        value_name = "NAME",
        value_parser = prefix
    )]
    pub topic_prefix: String,
    /// Partitions of each aggregate type, fixed once its topic is made; embedded there is one
    #[arg(
        long,
        env = "FOLDLINE_PARTITIONS",
        default_value_t = 12,
        value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub partitions: u32,
}

/// The read store in a CQL database.
#[derive(Args, Clone, Debug)]
pub struct CqlArgs {
    /// Database nodes, host:port separated by commas
    #[arg(long = "cql", env = "FOLDLINE_CQL_NODES", value_delimiter = ',', value_name = "NODES")]
    pub nodes: Vec<String>,
    /// Keyspace of the tables; it is made where it is not there
    #[arg(
        long = "cql-keyspace",
        env = "FOLDLINE_CQL_KEYSPACE",
        default_value = "foldline",
        value_name = "NAME"
    )]
    pub keyspace: String,
    /// Data centre that is read and written; left out, the one of the first node that answers
    #[arg(long = "cql-local-dc", env = "FOLDLINE_CQL_LOCAL_DC", value_name = "NAME")]
    pub local_dc: Option<String>,
    /// Copies of each row in the local data centre; left out 3, or 1 with --dev
    #[arg(long = "cql-replication", env = "FOLDLINE_CQL_REPLICATION", value_name = "COUNT")]
    pub replication: Option<u32>,
}

/// The public and the admin port.
#[derive(Args, Clone, Debug)]
pub struct ListenArgs {
    /// Address of the APIs
    #[arg(long, env = "FOLDLINE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub listen: String,
    /// What every process has
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Origins whose pages may call, separated by commas
    #[arg(long, env = "FOLDLINE_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub cors_origins: Vec<String>,
}

/// The admin port, and how strict a process is.
#[derive(Args, Clone, Debug)]
pub struct ProcessArgs {
    /// Address of health and metrics
    #[arg(
        long,
        env = "FOLDLINE_ADMIN_LISTEN",
        default_value = "127.0.0.1:9090",
        value_name = "ADDR"
    )]
    pub admin: String,
    /// Settle for what a laptop has: one broker, one database node, pages of this machine may call
    #[arg(long, env = "FOLDLINE_DEV", value_parser = switch)]
    pub dev: bool,
    /// Listen beyond this machine although nobody is asked who they are
    #[arg(long, env = "FOLDLINE_INSECURE", value_parser = switch)]
    pub insecure: bool,
}

/// Where instances reach each other.
#[derive(Args, Clone, Debug)]
pub struct AdvertiseArgs {
    /// URL at which other instances reach this one's commands; left out, made from --listen
    #[arg(long, env = "FOLDLINE_ADVERTISE", value_name = "URL", value_parser = advertise::url)]
    pub advertise: Option<String>,
}

/// Bounds of the command API.
#[derive(Args, Clone, Copy, Debug)]
pub struct CommandArgs {
    /// Largest request body
    #[arg(long, env = "FOLDLINE_MAX_BODY", default_value = "1MiB", value_name = "SIZE")]
    pub max_body: Size,
}

/// The cache of the query API.
#[derive(Args, Clone, Copy, Debug)]
pub struct CacheArgs {
    /// Most memory that cached answers take; 0 turns the cache off
    #[arg(long, env = "FOLDLINE_CACHE_BYTES", default_value = "64MiB", value_name = "SIZE")]
    pub cache_bytes: Size,
    /// How long an answer is kept, in milliseconds; 0 turns the cache off
    #[arg(long, env = "FOLDLINE_CACHE_MAX_AGE_MS", default_value_t = 50, value_name = "MS")]
    pub cache_max_age_ms: u64,
}

/// Log lines.
#[derive(Args, Clone, Debug)]
pub struct LogArgs {
    /// What is logged: a level, or levels by module
    #[arg(long, env = "FOLDLINE_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// How lines look; text on a terminal, else json
    #[arg(long, env = "FOLDLINE_LOG_FORMAT", value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// The two forms of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, an object a line.
    Json,
}

impl ListenArgs {
    /// Whose pages may call.
    pub fn origins(&self) -> Origins {
        let named = self.cors_origins.iter().map(|o| o.trim().trim_end_matches('/').to_owned());
        let named = named.filter(|o| !o.is_empty()).collect();
        Origins { named, loopback: self.process.dev }
    }

    /// Refuses to serve strangers while nobody is asked who they are.
    pub fn check(&self) -> Result<(), ConfigError> {
        checks::stays_home(&self.listen, self.process.insecure)?;
        self.process.check()
    }
}

impl ProcessArgs {
    /// The same for the admin port alone.
    pub fn check(&self) -> Result<(), ConfigError> {
        checks::stays_home(&self.admin, self.insecure)
    }
}

impl AdvertiseArgs {
    /// The URL that others are told, where this process listens on `listen` and reaches the
    /// others as it reaches `brokers`.
    pub fn url(&self, listen: &str, brokers: &str) -> Result<String, ConfigError> {
        match &self.advertise {
            Some(url) => Ok(url.clone()),
            None => advertise::made_from(listen, brokers),
        }
    }
}

impl DataArgs {
    /// Refuses what this binary was built without, and one part without the other.
    pub fn check(&self, has_kafka: bool, has_cql: bool) -> Result<(), ConfigError> {
        let (kafka, cql) = (self.kafka.brokers.is_some(), !self.cql.nodes.is_empty());
        checks::is_built(kafka && !has_kafka, "Kafka", "--kafka", "kafka,cql")?;
        checks::is_built(cql && !has_cql, "CQL databases", "--cql", "kafka,cql")?;
        match (kafka, cql) {
            (true, false) => Err(ConfigError::Missing { given: "--kafka", missing: "--cql" }),
            (false, true) => Err(ConfigError::Missing { given: "--cql", missing: "--kafka" }),
            _ => Ok(()),
        }
    }

    /// Whether the real parts are meant.
    pub fn is_real(&self) -> bool {
        self.kafka.brokers.is_some()
    }
}

/// A prefix of topic names: what Kafka takes.
fn prefix(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    match (1..=100).contains(&text.len()) && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("write 1 to 100 letters, digits, dots, dashes and underscores".to_owned()),
    }
}
