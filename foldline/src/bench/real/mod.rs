//! The benchmark of the real parts: the services as processes of their own on Kafka and a CQL
//! database, beside what the same client libraries reach raw in the same run.

mod commands;
mod meters;
mod projection;
mod reads;
mod service;
mod takeover;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::service::config::{CqlArgs, KafkaArgs};
use anyhow::Result;

use super::drive::{Until, drive};
use super::report::Report;
use projection::Wanted;
use world::World;

/// Where the real parts are.
pub struct RealArgs {
    pub kafka: KafkaArgs,
    pub cql: CqlArgs,
    /// Whether one broker and one database node will do.
    pub dev: bool,
}

/// Measures everything on topics and keyspaces of its own.
pub async fn measure(
    args: &RealArgs,
    schemas: &Path,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let orders = World::new(args, schemas).await?;
    let ids = commands::measure(&orders, time, report).await?;
    let wanted = Wanted { what: "projected from a backlog", rows: true, aim: ">= 0.80 of raw" };
    projection::measure(&orders, wanted, time, report).await?;
    reads::measure(&orders, ids, time, report).await?;
    orders.remove().await?;
    coalesced(args, time, report).await?;
    let taken_over = World::new(args, schemas).await?;
    takeover::measure(&taken_over, report).await?;
    taken_over.remove().await
}

/// Ten events on each aggregate of a batch.
async fn coalesced(args: &RealArgs, time: Duration, report: &mut Report) -> Result<()> {
    let schemas = tempfile::tempdir()?;
    meters::write(schemas.path())?;
    let world = World::new(args, schemas.path()).await?;
    let commands = world.start("command-api").await?;
    drive(commands.address, 64, Until::Elapsed(time), Arc::new(meters::Install)).await?;
    drop(commands);
    let wanted = Wanted {
        what: "ten events an aggregate, against raw rows",
        rows: false,
        aim: ">= 3.00 x raw rows",
    };
    projection::measure(&world, wanted, time, report).await?;
    world.remove().await
}

/// The question that the bare handler asks for each read.
pub async fn state_read(cql: &CqlArgs, dev: bool) -> Result<read_store::cql::yardstick::StateRead> {
    let store = parts::open_store(cql, dev).await?;
    let catalog = store.reader().catalog().await?;
    let orders = catalog.runs.iter().find(|run| run.primary && *run.aggregate == *"order");
    let orders = orders.ok_or_else(|| anyhow::anyhow!("the keyspace has no orders"))?;
    Ok(store.yardstick().state_read(&orders.id).await?)
}
