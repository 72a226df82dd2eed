//! How long writes stand still when one of two owners ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::service::Service;
use super::world::World;
use crate::bench::client::Connection;
use crate::bench::report::{Report, Row};
use crate::bench::scenarios::order;

/// Writers, enough to meet every partition all the time.
const WRITERS: usize = 48;
/// How long two instances are left to share out and claim the partitions.
const SETTLES: Duration = Duration::from_secs(6);
/// How long is looked for writes that stand still: longer than a session.
const WATCHED: Duration = Duration::from_secs(16);
const AGAIN: Duration = Duration::from_millis(10);
/// A write that is not answered for so long is given up.
const ANSWERS: Duration = Duration::from_secs(30);

/// How an owner ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Killed,
    Asked,
}

/// Measures takeovers on `world`, whose log is to be new.
pub async fn measure(world: &World, report: &mut Report) -> Result<()> {
    let _projector = world.start("projector").await?;
    let survivor = world.start("command-api").await?;
    for (end, what, aim) in [
        (End::Asked, "an owner ends on SIGTERM: longest standstill", "< 1 s"),
        (End::Killed, "an owner is killed: longest standstill", "< 8 s (session + 2 s)"),
    ] {
        let other = world.start("command-api").await?;
        let longest = standstill(&survivor, other, end).await?;
        report.add(Row::plain(what.into(), format!("{:.2} s", longest.as_secs_f64()), aim));
    }
    Ok(())
}

/// The longest time that a write took, from its first try until it was done, among those that ended
/// after the owner did.
async fn standstill(survivor: &Service, mut other: Service, end: End) -> Result<Duration> {
    let (stop, stopped) = watch::channel(false);
    let done = Arc::new(Mutex::new(Vec::new()));
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(write(survivor.address, done.clone(), stopped.clone()));
    }
    tokio::time::sleep(SETTLES).await;
    let ended = Instant::now();
    match end {
        End::Killed => other.kill()?,
        End::Asked => {
            other.ask_to_stop()?;
            other.ended().await?;
        }
    }
    tokio::time::sleep(WATCHED.saturating_sub(ended.elapsed())).await;
    stop.send_replace(true);
    while let Some(writer) = writers.join_next().await {
        writer??;
    }
    let done = done.lock().unwrap_or_else(PoisonError::into_inner);
    let after = done.iter().filter(|(at, _)| *at > ended).map(|(at, took)| {
        // What stood still before does not count.
        (*took).min(*at - ended)
    });
    after.max().context("nothing was written after the owner had ended")
}

type Done = Arc<Mutex<Vec<(Instant, Duration)>>>;

/// Places order after order, each until it is there, and notes when it was and how long it took.
async fn write(
    address: std::net::SocketAddr,
    done: Done,
    stopped: watch::Receiver<bool>,
) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    let mut request = Vec::new();
    while !*stopped.borrow() {
        request.clear();
        order(&format!("/orders/{}/place", Uuid::new_v4()), 1, &mut request);
        let begun = Instant::now();
        loop {
            let answer = tokio::time::timeout(ANSWERS, connection.call(&request)).await;
            let status = answer.context("a write was not answered")??.status;
            // One that was in doubt may be there already.
            if matches!(status, 201 | 409) {
                break;
            }
            ensure!(matches!(status, 429 | 503), "an order was answered with {status}");
            // It counts for as long as it was tried.
            if begun.elapsed() > ANSWERS {
                break;
            }
            tokio::time::sleep(AGAIN).await;
        }
        let taken = (Instant::now(), begun.elapsed());
        done.lock().unwrap_or_else(PoisonError::into_inner).push(taken);
    }
    Ok(())
}
