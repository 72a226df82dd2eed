//! The query API as a program of its own: settings, and the parts that they make.

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use model::openapi::Surface;
use parts::open_store;
use service::config::{CacheArgs, CqlArgs, ListenArgs, LogArgs, SchemasArgs};
use service::front::Elsewhere;
use service::process::{Differs, Failure};
use service::serve::{Serving, is_free, serve_admin};
use service::telemetry::Metrics;
use service::{Api, Front, Health};

use crate::elsewhere::elsewhere;
use crate::{QueryApi, QueryConfig};

/// Rows from a CQL database, answers out.
#[derive(Parser, Debug)]
#[command(name = "query-api", version, max_term_width = 100)]
pub struct Settings {
    #[command(flatten)]
    schemas: SchemasArgs,
    #[command(flatten)]
    cql: CqlArgs,
    #[command(flatten)]
    listen: ListenArgs,
    #[command(flatten)]
    cache: CacheArgs,
    /// Log lines
    #[command(flatten)]
    pub log: LogArgs,
}

const DIFFERS: Differs = Differs {
    required: &[("nodes", "Database nodes, host:port separated by commas")],
    defaults: &[("listen", "127.0.0.1:8081"), ("admin", "127.0.0.1:9092")],
};

/// What runs.
pub struct Running {
    serving: Serving,
}

impl Settings {
    /// Reads the command line and the variables.
    pub fn read() -> Settings {
        service::process::settings(DIFFERS)
    }

    /// Opens the store and serves.
    pub async fn build(&self) -> Result<Running, Failure> {
        self.listen.check()?;
        let model = Arc::new(parts::load(&self.schemas.schemas)?);
        let metrics = Metrics::install().map_err(Failure::unreachable)?;
        is_free(&self.listen.listen)?;
        let health = Arc::new(Health::default());
        health.starting("connecting to the database");
        let mut serving = serve_admin(&self.listen.process.admin, health.clone(), metrics)?;
        let store = open_store(&self.cql, self.listen.process.dev).await?;
        let config = QueryConfig {
            cache_bytes: self.cache.cache_bytes.0 as u64,
            cache_max_age: Duration::from_millis(self.cache.cache_max_age_ms),
            topic_per_aggregate: true,
        };
        let queries = QueryApi::new(model.clone(), store.reader(), config);
        let ready = queries.clone();
        health.add("read-store", move || {
            let queries = ready.clone();
            Box::pin(async move { queries.ready().await })
        });
        let surface = Surface { commands: false, queries: true, events: false };
        let openapi = model::openapi::document(&model, surface).to_string().into_bytes();
        let told = Elsewhere(move |path: &str| elsewhere(&model, path));
        // Before the queries, to whom the log's path would be a collection that nobody declared.
        let apis: Vec<Arc<dyn Api>> = vec![Arc::new(told), queries];
        let front = Arc::new(Front::new(apis, openapi, self.listen.origins()));
        serving.open(&self.listen.listen, None, front)?;
        health.started();
        Ok(Running { serving })
    }
}

impl Running {
    /// Says where it listens.
    pub fn announce(&self) {
        self.serving.announce("query-api");
    }

    /// Readiness ends first, then the ports close.
    pub async fn stop(self) {
        self.serving.stop().await;
    }
}
