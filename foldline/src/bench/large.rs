//! The large part: a million aggregates written, streamed, restarted and refilled.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::client::Connection;
use super::drive::{Until, drive};
use super::process::Server;
use super::report::{Report, Row};
use super::scenarios::{Place, get};
use super::wait_until_projected;

/// Measures memory, streaming, restart and refill on `aggregates` orders.
pub async fn measure(schemas: &Path, aggregates: u64, report: &mut Report) -> Result<()> {
    let data = tempfile::tempdir()?;
    {
        let server = Server::foldline(schemas, data.path())?;
        fill(&server, aggregates, report).await?;
        stream_all(&server, aggregates, report).await?;
    }
    let restarted = Server::foldline(schemas, data.path())?;
    report.add(Row::plain(
        format!("start on a log of {aggregates} events"),
        format!("{:.2} s", restarted.started_in.as_secs_f64()),
        "< 5 s",
    ));
    drop(restarted);
    refill(schemas, data.path(), aggregates, report)
}

async fn fill(server: &Server, aggregates: u64, report: &mut Report) -> Result<()> {
    let outcome =
        drive(server.address, 64, Until::Calls(aggregates), Arc::new(Place::new())).await?;
    wait_until_projected(server.address).await?;
    report.add(Row::plain(
        format!("{aggregates} orders placed over 64 connections"),
        format!("{:.0}/s", outcome.per_second()),
        "",
    ));
    let resident = server.resident_mb().context("no figure for resident memory")?;
    report.add(Row::plain(
        "resident memory after that".into(),
        format!("{resident:.0} MB"),
        "< 500 MB",
    ));
    Ok(())
}

async fn stream_all(server: &Server, aggregates: u64, report: &mut Report) -> Result<()> {
    let before = server.resident_mb().context("no figure for resident memory")?;
    let mut request = Vec::new();
    get("/views/orders-by-status?status=placed", "accept: application/x-ndjson\r\n", &mut request);
    let (mut rows, mut peak, start) = (0_u64, before, Instant::now());
    let mut seen = 0_usize;
    let mut connection = Connection::open(server.address).await?;
    let status = connection
        .stream(&request, |piece| {
            rows += piece.iter().filter(|&&byte| byte == b'{').count() as u64;
            seen += piece.len();
            if seen > 4_000_000 {
                seen = 0;
                peak = peak.max(server.resident_mb().unwrap_or(0.0));
            }
        })
        .await?;
    ensure!(status == 200 && rows > aggregates, "{rows} rows streamed instead of {aggregates}");
    let seconds = start.elapsed().as_secs_f64();
    report.add(Row::plain(
        format!("{aggregates} rows streamed as NDJSON"),
        format!("{:.0} rows/s", rows as f64 / seconds),
        "",
    ));
    report.add(Row::plain(
        "memory added by the stream".into(),
        format!("{:.1} MB", peak - before),
        "< 20 MB",
    ));
    Ok(())
}

/// Starts on a copy of the model in which one view is changed, and takes the time until it serves.
fn refill(schemas: &Path, data: &Path, aggregates: u64, report: &mut Report) -> Result<()> {
    let changed = tempfile::tempdir()?;
    copy_folder(schemas, changed.path())?;
    let file = changed.path().join("orders/model.yaml");
    let text = std::fs::read_to_string(&file)?;
    let new = text.replacen(
        "fields: { sku: it.sku, qty: it.qty }",
        "fields: { sku: it.sku, qty: it.qty, customer: state.customer }",
        1,
    );
    ensure!(new != text, "the example domain has no view lines-by-sku as expected");
    std::fs::write(&file, new)?;
    let server = Server::foldline(changed.path(), data)?;
    let per_second = aggregates as f64 / server.started_in.as_secs_f64();
    report.add(Row::plain(
        "a changed view refilled".into(),
        format!("{per_second:.0} events/s"),
        ">= 100000/s",
    ));
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
