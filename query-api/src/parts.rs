//! The real part of a query API: the store in a CQL database.

use std::time::Duration;

use read_store::StoreError;
use read_store::cql::{CqlConfig, CqlStore};
use service::config::CqlArgs;
use service::process::Failure;
use service::retry::{self, Policy, retry};

/// How long a database that is being started too is waited for.
const STARTING: Policy = Policy {
    first: Duration::from_millis(200),
    most: Duration::from_secs(2),
    deadline: Some(Duration::from_secs(30)),
};

/// Opens the store.
pub async fn open_store(args: &CqlArgs, dev: bool) -> Result<CqlStore, Failure> {
    let config = CqlConfig {
        nodes: args.nodes.clone(),
        keyspace: args.keyspace.clone(),
        local_dc: args.local_dc.clone(),
        replication: args.replication,
        dev,
    };
    let opened = retry(STARTING, async || {
        CqlStore::open(config.clone()).await.map_err(|error| match error {
            StoreError::Unavailable(_) => retry::Failure::Passing(error),
            lasting => retry::Failure::Lasting(lasting),
        })
    });
    opened.await.map_err(|error| match error {
        StoreError::Refused(_) => Failure::input(error),
        other => Failure::unreachable(other),
    })
}
