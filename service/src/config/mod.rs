//! Configuration: flags, then environment, then defaults; each concern declares its own.
//!
//! The groups are flattened into the command lines of the binaries that need them, so `--help`
//! shows every setting with its variable and default.

mod checks;
mod size;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

pub use checks::{ConfigError, secret};
pub use size::Size;

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
    /// Kafka brokers, host:port separated by commas; without them everything is embedded
    #[arg(long, env = "FOLDLINE_KAFKA_BROKERS", value_name = "BROKERS")]
    pub kafka: Option<String>,
    /// Database nodes, host:port separated by commas
    #[arg(long, env = "FOLDLINE_CQL_NODES", value_name = "NODES")]
    pub cql: Option<String>,
}

/// The public and the admin port.
#[derive(Args, Clone, Debug)]
pub struct ListenArgs {
    /// Address of the APIs
    #[arg(long, env = "FOLDLINE_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub listen: String,
    /// Address of health and metrics
    #[arg(
        long,
        env = "FOLDLINE_ADMIN_LISTEN",
        default_value = "127.0.0.1:9090",
        value_name = "ADDR"
    )]
    pub admin: String,
    /// Settle for what a laptop has: one broker, one database node, pages of this machine may call
    #[arg(long, env = "FOLDLINE_DEV", value_parser = clap::builder::FalseyValueParser::new())]
    pub dev: bool,
    /// Listen beyond this machine although nobody is asked who they are
    #[arg(long, env = "FOLDLINE_INSECURE", value_parser = clap::builder::FalseyValueParser::new())]
    pub insecure: bool,
    /// Origins whose pages may call, separated by commas
    #[arg(long, env = "FOLDLINE_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub cors_origins: Vec<String>,
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
        Origins { named: named.filter(|o| !o.is_empty()).collect(), loopback: self.dev }
    }

    /// Refuses to serve strangers while nobody is asked who they are.
    pub fn check(&self) -> Result<(), ConfigError> {
        checks::stays_home(&self.listen, self.insecure)?;
        checks::stays_home(&self.admin, self.insecure)
    }
}

impl DataArgs {
    /// Refuses what this binary was built without.
    pub fn check(&self, has_kafka: bool, has_cql: bool) -> Result<(), ConfigError> {
        checks::is_built(self.kafka.is_some() && !has_kafka, "Kafka", "--kafka", "kafka")?;
        checks::is_built(self.cql.is_some() && !has_cql, "CQL databases", "--cql", "cql")
    }
}
