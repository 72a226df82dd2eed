//! The store in a CQL database, from settings.

use read_store::StoreError;
use read_store::cql::{CqlConfig, CqlStore};
use service::config::CqlArgs;
use service::process::Failure;
use service::retry::{self, retry};

use crate::STARTING;
use crate::reach::Part;

/// Opens the store.
pub async fn open_store(args: &CqlArgs, dev: bool) -> Result<CqlStore, Failure> {
    let config = cql_config(args, dev);
    part(args).wait().await?;
    let opened = retry(STARTING, async || {
        CqlStore::open(config.clone()).await.map_err(|error| match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the read store is not ready yet: trying again");
                retry::Failure::Passing(error)
            }
            lasting => retry::Failure::Lasting(lasting),
        })
    });
    opened.await.map_err(|error| match error {
        StoreError::Refused(_) => Failure::input(error),
        other => unusable(args, &other),
    })
}

/// Opens a store that is there, to be read beside the services; makes nothing and waits for nobody.
pub async fn existing_store(args: &CqlArgs, dev: bool) -> Result<CqlStore, Failure> {
    part(args).look().await.map_err(Failure::unreachable)?;
    CqlStore::open_existing(cql_config(args, dev)).await.map_err(|error| unusable(args, &error))
}

fn part(args: &CqlArgs) -> Part<'_> {
    let addresses = args.nodes.iter().map(String::as_str).collect();
    let setting = "--cql (FOLDLINE_CQL_NODES)";
    Part { name: "the database", setting, port: 9042, addresses }
}

/// Somebody takes connections, and that is all.
fn unusable(args: &CqlArgs, error: &StoreError) -> Failure {
    let nodes = args.nodes.join(",");
    Failure::unreachable(format!("the database at {nodes} can't be used: {error}"))
}

fn cql_config(args: &CqlArgs, dev: bool) -> CqlConfig {
    CqlConfig {
        nodes: args.nodes.clone(),
        keyspace: args.keyspace.clone(),
        local_dc: args.local_dc.clone(),
        replication: args.replication,
        dev,
    }
}
