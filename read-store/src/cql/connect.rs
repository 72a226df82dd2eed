//! Connecting, and what every keyspace has.
//!
//! Apache Cassandra gives a table that two nodes create at the same time two identities, and they
//! disagree for good. So all definitions go to one node, the one with the lowest id of those that
//! are up, which takes one after the other; the catalog's lock keeps two migrations apart beyond
//! that.

use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::{
    DefaultPolicy, LoadBalancingPolicy, NodeIdentifier, SingleTargetLoadBalancingPolicy,
};
use scylla::statement::unprepared::Statement as Unprepared;
use scylla::statement::{Consistency, SerialConsistency};
use uuid::Uuid;

use super::config::CqlConfig;
use super::database::Database;
use super::error::{Result, damaged};
use super::fixed;
use super::statement::{Statement, create_keyspace, without_tablets};
use super::table::catalog;
use crate::store::StoreError;

/// For a node to take a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// For a statement, the driver's retries included.
const REQUEST: Duration = Duration::from_secs(5);
/// For a definition, until all nodes agree on it.
const DEFINE: Duration = Duration::from_secs(60);

const DATA_CENTER: &str = "SELECT data_center FROM system.local";
const KEYSPACE: &str = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
const TABLES: &str = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";
/// Each database has a table of its own for the settings of the node that is asked.
const COMMIT_LOG: &str = "SELECT value FROM system_views.settings WHERE name = ?";
const COMMIT_LOG_OF_SCYLLA: &str = "SELECT value FROM system.config WHERE name = ?";
const COMMIT_LOG_SYNC: &str = "commitlog_sync";
/// What the database is asked about itself.
#[cfg(test)]
pub(super) const QUESTIONS: [&str; 5] =
    [DATA_CENTER, KEYSPACE, TABLES, COMMIT_LOG, COMMIT_LOG_OF_SCYLLA];

pub(super) async fn open(config: &CqlConfig) -> Result<Database> {
    let (database, data_center) = connect(config).await?;
    let keyspace = create_keyspace(&config.keyspace, &data_center, config.copies());
    if !database.has_keyspace().await? {
        database.define_keyspace(&keyspace).await?;
    }
    database.session.use_keyspace(&config.keyspace, false).await?;
    fixed::make(&database).await?;
    catalog::begin(&database).await?;
    Ok(database)
}

pub(super) async fn open_existing(config: &CqlConfig) -> Result<Database> {
    let (database, _) = connect(config).await?;
    let absent = || StoreError::Refused(format!("there is no keyspace {}", config.keyspace));
    if !database.has_keyspace().await? {
        return Err(absent());
    }
    database.session.use_keyspace(&config.keyspace, false).await?;
    if !fixed::are_there(&database).await? {
        return Err(absent());
    }
    Ok(database)
}

/// Connects to the nodes of one data centre, and says which.
async fn connect(config: &CqlConfig) -> Result<(Database, String)> {
    config.check()?;
    let data_center = match &config.local_dc {
        Some(name) => name.clone(),
        None => first_data_center(config).await?,
    };
    let session = session(config, Some(&data_center)).await?;
    enough_nodes(&session, config, &data_center)?;
    if !config.dev {
        commit_logs(&session, &data_center).await.into_iter().try_for_each(keeps_writes)?;
    }
    Ok((Database::new(session, config.keyspace.clone()), data_center))
}

async fn session(config: &CqlConfig, data_center: Option<&str>) -> Result<Session> {
    let mut policy = DefaultPolicy::builder().token_aware(true).permit_dc_failover(false);
    if let Some(name) = data_center {
        policy = policy.prefer_datacenter(name.to_owned());
    }
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(REQUEST))
        .load_balancing_policy(policy.build())
        .build();
    let session = SessionBuilder::new()
        .known_nodes(&config.nodes)
        .default_execution_profile_handle(profile.into_handle())
        .connection_timeout(CONNECT)
        .schema_agreement_timeout(DEFINE)
        .tcp_nodelay(true)
        .fetch_schema_metadata(true)
        .keyspaces_to_fetch([config.keyspace.clone()]);
    Ok(session.build().await?)
}

/// The data centre of the node that answers first.
async fn first_data_center(config: &CqlConfig) -> Result<String> {
    let session = session(config, None).await?;
    let result = session.query_unpaged(DATA_CENTER, ()).await?;
    let rows = result.into_rows_result()?;
    let row = rows.first_row::<(String,)>().map_err(|_| damaged("a data centre"))?;
    Ok(row.0)
}

/// Fewer nodes than copies would answer nothing; saying so beats a timeout.
fn enough_nodes(session: &Session, config: &CqlConfig, data_center: &str) -> Result<()> {
    let state = session.get_cluster_state();
    let here = |node: &&Arc<_>| is_in(node, data_center);
    let nodes = state.get_nodes_info().iter().filter(here).count();
    if nodes == 0 {
        let known: Vec<_> =
            state.get_nodes_info().iter().filter_map(|node| node.datacenter.clone()).collect();
        return Err(StoreError::Refused(format!(
            "no node is in data centre {data_center:?}: the cluster has {known:?}"
        )));
    }
    if nodes < config.copies() as usize {
        return Err(StoreError::Refused(format!(
            "data centre {data_center:?} has {nodes} nodes, too few for {} copies: add nodes, or \
             say that this is development (`--dev`)",
            config.copies()
        )));
    }
    Ok(())
}

/// How each node that is up syncs its commit log, by its address; without those that don't say.
async fn commit_logs(session: &Session, data_center: &str) -> Vec<(String, String)> {
    let state = session.get_cluster_state();
    let nodes = state.get_nodes_info().iter();
    let mut said = Vec::new();
    for node in nodes.filter(|node| is_in(node, data_center) && node.is_connected()) {
        let scylla = node.sharder().is_some();
        let mut question = Unprepared::new(if scylla { COMMIT_LOG_OF_SCYLLA } else { COMMIT_LOG });
        question.set_consistency(Consistency::One);
        question.set_load_balancing_policy(Some(only(node.host_id)));
        let answer = session.query_unpaged(question, (COMMIT_LOG_SYNC,)).await;
        let value = answer.ok().and_then(|answer| {
            let rows = answer.into_rows_result().ok()?;
            rows.first_row::<(String,)>().ok()
        });
        match value {
            Some((value,)) => said.push((node.address.to_string(), value)),
            None => tracing::warn!(node = %node.address, "a node does not say how it syncs"),
        }
    }
    said
}

/// A node that acknowledges what it has not synced forgets it when it is killed.
fn keeps_writes((node, sync): (String, String)) -> Result<()> {
    // One of the databases shows its settings as JSON.
    if sync.trim_matches('"') != "periodic" {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "database node {node} has `commitlog_sync: periodic`, with which it forgets acknowledged \
         writes when it is killed: set `batch` or `group`, or say that this is development \
         (`--dev`)"
    )))
}

/// Asks one node and no other.
fn only(node: Uuid) -> Arc<dyn LoadBalancingPolicy> {
    SingleTargetLoadBalancingPolicy::new(NodeIdentifier::HostId(node), None)
}

fn is_in(node: &scylla::cluster::Node, data_center: &str) -> bool {
    node.datacenter.as_deref() == Some(data_center)
}

impl Database {
    /// Creates or drops; returns when all nodes that are up agree.
    pub(super) async fn define(&self, statement: &Statement) -> Result<()> {
        let mut definition = Unprepared::new(statement.text());
        definition.set_is_idempotent(statement.repeatable());
        definition.set_request_timeout(Some(DEFINE));
        definition.set_load_balancing_policy(self.one_node());
        self.session.query_unpaged(definition, ()).await?;
        Ok(())
    }

    async fn define_keyspace(&self, keyspace: &Statement) -> Result<()> {
        // Only ScyllaDB tells drivers of shards.
        let state = self.session.get_cluster_state();
        if state.get_nodes_info().iter().any(|node| node.sharder().is_some()) {
            match self.define(&without_tablets(keyspace)).await {
                Ok(()) => return Ok(()),
                // Older ones have no tablets, and newer ones may insist on them, which they can.
                Err(error) => tracing::info!(%error, "making the keyspace as the cluster likes it"),
            }
        }
        self.define(keyspace).await
    }

    fn one_node(&self) -> Option<Arc<dyn LoadBalancingPolicy>> {
        let state = self.session.get_cluster_state();
        let up = state.get_nodes_info().iter().filter(|node| node.is_connected());
        let lowest = up.map(|node| node.host_id).min()?;
        Some(only(lowest))
    }

    async fn has_keyspace(&self) -> Result<bool> {
        let found = self.session.query_unpaged(KEYSPACE, (&self.keyspace,)).await?;
        Ok(found.into_rows_result()?.rows_num() > 0)
    }

    /// The names of all tables of the keyspace.
    pub(super) async fn tables(&self) -> Result<Vec<String>> {
        let found = self.session.query_unpaged(TABLES, (&self.keyspace,)).await?;
        let rows = found.into_rows_result()?;
        rows.rows::<(String,)>()?.map(|row| Ok(row?.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_syncs_now_and_then_is_refused_and_told_what_to_set() {
        let node = |sync: &str| keeps_writes(("10.0.0.1:9042".into(), sync.into()));
        for kept in ["batch", "group", "\"batch\""] {
            assert_eq!(node(kept), Ok(()));
        }
        for forgotten in ["periodic", "\"periodic\""] {
            let Err(StoreError::Refused(detail)) = node(forgotten) else { panic!("{forgotten}") };
            assert!(detail.contains("10.0.0.1:9042") && detail.contains("`batch`"), "{detail}");
        }
    }
}
