//! `foldline bench`: measures a running system, or, without one, starts servers of its own and
//! compares them with a bare handler in the same run.

mod bare;
mod client;
mod drive;
mod large;
mod process;
#[cfg(all(feature = "kafka", feature = "cql"))]
mod real;
mod report;
mod scenarios;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use service::config::{CqlArgs, KafkaArgs};

use client::Connection;
use drive::{Outcome, Scenario, Until, drive};
use process::Server;
use report::{Report, Row};

use crate::cli::say;
use scenarios::{BareGet, BarePost, GetState, ListView, Place};

/// The settings of `foldline bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// A running system that serves the `orders` example, such as 127.0.0.1:8080; left out, the
    /// benchmark starts its own on an empty folder
    #[arg(long)]
    target: Option<SocketAddr>,
    /// The folder with the `orders` example
    #[arg(long, default_value = "schemas", env = "FOLDLINE_SCHEMAS")]
    schemas: PathBuf,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Also write this many orders and measure memory, streaming, restart and refill
    #[arg(long, default_value_t = 0)]
    large: u64,
    /// Measure the three services on this broker instead
    #[command(flatten)]
    kafka: KafkaArgs,
    /// And on this database
    #[command(flatten)]
    cql: CqlArgs,
    /// Settle for one broker and one database node
    #[arg(long, env = "FOLDLINE_DEV", value_parser = service::config::switch)]
    dev: bool,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Serve the bare handler that everything is compared with
    #[arg(long, hide = true)]
    serve_bare: bool,
    /// Serve the bare handler whose reads are the ones of the real parts
    #[arg(long, hide = true)]
    serve_bare_read: bool,
}

/// Runs the benchmark and prints its table.
pub async fn run(args: BenchArgs) -> Result<()> {
    if args.serve_bare || args.serve_bare_read {
        return serve_bare(&args).await;
    }
    let mut report = Report::default();
    let measured = measure_all(&args, &mut report).await;
    // What was measured before a failure is told too.
    say(&if args.json { serde_json::to_string_pretty(&report)? } else { report.table() });
    measured
}

async fn measure_all(args: &BenchArgs, report: &mut Report) -> Result<()> {
    let time = Duration::from_secs(args.seconds.max(1));
    match args.target {
        Some(address) => measure(address, time, None, report).await?,
        None if args.kafka.brokers.is_some() || !args.cql.nodes.is_empty() => {
            measure_real(args, time, report).await?;
        }
        None => measure_own(args, time, report).await?,
    }
    if args.large > 0 {
        large::measure(&args.schemas, args.large, report).await?;
    }
    Ok(())
}

#[cfg(all(feature = "kafka", feature = "cql"))]
async fn serve_bare(args: &BenchArgs) -> Result<()> {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    if !args.serve_bare_read {
        return bare::serve(address).await;
    }
    bare::serve_read(address, real::state_read(&args.cql, args.dev).await?).await
}

#[cfg(not(all(feature = "kafka", feature = "cql")))]
async fn serve_bare(_: &BenchArgs) -> Result<()> {
    bare::serve(SocketAddr::from(([127, 0, 0, 1], 0))).await
}

#[cfg(all(feature = "kafka", feature = "cql"))]
async fn measure_real(args: &BenchArgs, time: Duration, report: &mut Report) -> Result<()> {
    ensure!(
        args.kafka.brokers.is_some() && !args.cql.nodes.is_empty(),
        "the real parts are both needed: --kafka and --cql"
    );
    let (kafka, cql) = (args.kafka.clone(), args.cql.clone());
    let parts = real::RealArgs { kafka, cql, dev: args.dev };
    real::measure(&parts, &args.schemas, time, report).await
}

#[cfg(not(all(feature = "kafka", feature = "cql")))]
async fn measure_real(_: &BenchArgs, _: Duration, _: &mut Report) -> Result<()> {
    anyhow::bail!("this binary was built without the real parts: build it with --all-features")
}

/// What the bare handler reaches in this run, per second.
#[derive(Clone, Copy)]
struct Yardstick {
    post: f64,
    get: f64,
}

async fn measure_own(args: &BenchArgs, time: Duration, report: &mut Report) -> Result<()> {
    let bare = Server::bare()?;
    let post = timed(
        report,
        "bare actix-web POST, 64 connections",
        (bare.address, 64, time),
        Arc::new(BarePost::new()),
        None,
        "",
    )
    .await?;
    let get = timed(
        report,
        "bare actix-web GET, 64 connections",
        (bare.address, 64, time),
        Arc::new(BareGet),
        None,
        "",
    )
    .await?;
    let yardstick = Yardstick { post: post.per_second(), get: get.per_second() };
    drop(bare);
    let data = tempfile::tempdir()?;
    let server = Server::foldline(&args.schemas, data.path())?;
    report.add(Row::plain(
        "start on an empty folder".into(),
        format!("{:.2} s", server.started_in.as_secs_f64()),
        "< 2 s",
    ));
    measure(server.address, time, Some(yardstick), report).await
}

async fn measure(
    address: SocketAddr,
    time: Duration,
    yardstick: Option<Yardstick>,
    report: &mut Report,
) -> Result<()> {
    let (post, get) = (yardstick.map(|y| y.post), yardstick.map(|y| y.get));
    visible(address, report).await?;
    let place = Arc::new(Place::new());
    timed(
        report,
        "durable commands, 64 connections",
        (address, 64, time),
        Arc::clone(&place),
        post,
        ">= 0.30, p99 < 20 ms",
    )
    .await?;
    behind(address, report).await?;
    timed(
        report,
        "durable commands, 512 connections",
        (address, 512, time),
        Arc::clone(&place),
        post,
        ">= 0.30",
    )
    .await?;
    behind(address, report).await?;
    let ids = place.ids();
    let one = ids.first().cloned().context("no order was placed")?;
    timed(
        report,
        "point reads, scattered ids",
        (address, 64, time),
        Arc::new(GetState::new(ids)),
        get,
        ">= 0.50",
    )
    .await?;
    timed(
        report,
        "point reads from the cache",
        (address, 64, time),
        Arc::new(GetState::new(vec![one])),
        get,
        ">= 0.80",
    )
    .await?;
    timed(
        report,
        "views, pages of 20 rows",
        (address, 64, time),
        Arc::new(ListView),
        get,
        ">= 0.30",
    )
    .await?;
    Ok(())
}

async fn timed(
    report: &mut Report,
    what: &str,
    (address, connections, time): (SocketAddr, usize, Duration),
    scenario: Arc<impl Scenario>,
    yardstick: Option<f64>,
    aim: &'static str,
) -> Result<Outcome> {
    let outcome = drive(address, connections, Until::Elapsed(time), scenario).await?;
    report.add(Row {
        what: what.into(),
        figure: format!("{:.0}/s", outcome.per_second()),
        p50_ms: Some(outcome.percentile_ms(50.0)),
        p99_ms: Some(outcome.percentile_ms(99.0)),
        ratio: yardstick.map(|bare| outcome.per_second() / bare),
        aim,
    });
    Ok(outcome)
}

/// From the acknowledgement of an order until a read that asks for its position answers, one at a
/// time.
async fn visible(address: SocketAddr, report: &mut Report) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    let place = Place::new();
    let mut latencies = Histogram::<u64>::new_with_bounds(1, 60_000_000, 3)?;
    for call in 0..500 {
        let start = place_and_read_back(&mut connection, &place, call).await?;
        latencies.saturating_record(start.elapsed().as_micros() as u64);
    }
    let p50 = latencies.value_at_percentile(50.0) as f64 / 1_000.0;
    report.add(Row {
        what: "acknowledged to visible, one at a time".into(),
        figure: format!("{p50:.2} ms"),
        p50_ms: Some(p50),
        p99_ms: Some(latencies.value_at_percentile(99.0) as f64 / 1_000.0),
        ratio: None,
        aim: "median < 5 ms",
    });
    Ok(())
}

async fn place_and_read_back(
    connection: &mut Connection,
    place: &Place,
    call: u64,
) -> Result<Instant> {
    let mut request = Vec::new();
    place.request(1, call, &mut request);
    let answer = connection.call(&request).await?;
    place.check(1, call, &answer)?;
    let acknowledged = Instant::now();
    let position = answer.header("foldline-position").context("no Foldline-Position")?.to_owned();
    let id = scenarios::id_of(answer.body)?.to_owned();
    request.clear();
    let minimum = format!("foldline-min-position: {position}\r\n");
    scenarios::get(&format!("/orders/{id}"), &minimum, &mut request);
    let answer = connection.call(&request).await?;
    ensure!(answer.status == 200, "what was acknowledged is not visible: {}", answer.status);
    Ok(acknowledged)
}

/// How far the read model is behind when the load ends: the time until it has caught up.
async fn behind(address: SocketAddr, report: &mut Report) -> Result<()> {
    let start = Instant::now();
    wait_until_projected(address).await?;
    report.add(Row::plain(
        "  read model caught up after the load in".into(),
        format!("{:.0} ms", start.elapsed().as_secs_f64() * 1_000.0),
        "",
    ));
    Ok(())
}

/// Places one more order and reads it back, however long that takes.
async fn wait_until_projected(address: SocketAddr) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    let place = Place::new();
    let mut request = Vec::new();
    place.request(0, u64::MAX / 2, &mut request);
    let answer = connection.call(&request).await?;
    let position = answer.header("foldline-position").context("no Foldline-Position")?.to_owned();
    let id = scenarios::id_of(answer.body)?.to_owned();
    let headers = format!("foldline-min-position: {position}\r\nprefer: wait=10\r\n");
    for _ in 0..30 {
        request.clear();
        scenarios::get(&format!("/orders/{id}"), &headers, &mut request);
        if connection.call(&request).await?.status == 200 {
            return Ok(());
        }
    }
    anyhow::bail!("the read model did not catch up within 300 seconds")
}
