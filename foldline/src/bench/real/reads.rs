//! Reads through the query API, beside a bare handler that makes the same prepared read.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::world::World;
use crate::bench::client::Connection;
use crate::bench::drive::{Until, drive};
use crate::bench::process::Server;
use crate::bench::report::{Report, Row};
use crate::bench::scenarios::{BareGet, GetState, get};

const CONNECTIONS: usize = 64;
/// How many of the ids are read.
const IDS: usize = 20_000;
/// How long is looked for ids that can be read.
const LOOKED_FOR: Duration = Duration::from_secs(15);

/// Measures reads of `ids`, of which those are taken that are projected.
pub async fn measure(
    world: &World,
    ids: Vec<String>,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    let queries = world.start("query-api").await?;
    let ids = projected(queries.address, ids).await?;
    let one = ids[..1].to_vec();
    let read = Server::bare_read(&world.settings())?;
    let scattered = Arc::new(GetState::new(ids));
    let bare = drive(read.address, CONNECTIONS, Until::Elapsed(time), scattered.clone()).await?;
    let foldline = drive(queries.address, CONNECTIONS, Until::Elapsed(time), scattered).await?;
    drop(read);
    report.add(Row::of("bare actix-web with the same prepared read", &bare, ""));
    report.add(Row {
        ratio: Some(foldline.per_second() / bare.per_second()),
        ..Row::of("point reads through query-api", &foldline, ">= 0.80")
    });
    let server = Server::bare()?;
    let bare = drive(server.address, CONNECTIONS, Until::Elapsed(time), Arc::new(BareGet)).await?;
    drop(server);
    let cached = Arc::new(GetState::new(one));
    let foldline = drive(queries.address, CONNECTIONS, Until::Elapsed(time), cached).await?;
    report.add(Row::of("bare actix-web GET, 64 connections", &bare, ""));
    report.add(Row {
        ratio: Some(foldline.per_second() / bare.per_second()),
        ..Row::of("point reads from the cache of query-api", &foldline, ">= 0.80")
    });
    Ok(())
}

/// The ids whose states can be read.
async fn projected(address: std::net::SocketAddr, ids: Vec<String>) -> Result<Vec<String>> {
    let mut connection = Connection::open(address).await?;
    let mut found = Vec::with_capacity(IDS);
    let mut request = Vec::new();
    let begun = Instant::now();
    for id in ids {
        request.clear();
        get(&format!("/orders/{id}"), "", &mut request);
        if connection.call(&request).await?.status == 200 {
            found.push(id);
        }
        if found.len() == IDS || begun.elapsed() > LOOKED_FOR {
            break;
        }
    }
    ensure!(!found.is_empty(), "no order has been projected");
    Ok(found)
}
