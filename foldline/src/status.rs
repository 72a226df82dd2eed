//! `foldline status`: how far the read models are behind the log, and what is set aside.

use serde_json::{Value, json};

use crate::cli::{Failure, System, say};

/// Prints the lag of each run and partition and the parked ids.
pub async fn status(system: &System, as_json: bool) -> Result<(), Failure> {
    let catalog = system.reader.catalog().await.map_err(unreachable)?;
    let marks = system.reader.marks().await.map_err(unreachable)?;
    let (mut lags, mut parked) = (Vec::new(), Vec::new());
    // All ends are looked for at once.
    let partitions = system.log.partitions();
    futures::future::join_all(partitions.iter().map(|partition| system.log.head(partition))).await;
    for run in &catalog.runs {
        let fed = |partition: &event_log::PartitionId| {
            system.log.route(&run.aggregate, "").topic == partition.topic
        };
        for partition in partitions.iter().filter(|partition| fed(partition)) {
            let mark = marks
                .iter()
                .find(|m| {
                    m.run == run.id && m.partition == (partition.topic.clone(), partition.number)
                })
                .map_or(-1, |m| m.offset);
            lags.push(lag(system, run, partition, mark).await?);
        }
        for pointer in system.reader.parked(&run.id).await.map_err(unreachable)? {
            parked.push(json!({
                "aggregate": &*pointer.aggregate,
                "id": &*pointer.id,
                "view": pointer.view.as_deref(),
                "offset": pointer.offset,
                "reason": pointer.reason,
            }));
        }
    }
    if as_json {
        say(&crate::check::pretty(&json!({ "partitions": lags, "parked": parked })));
    } else {
        print(&lags, &parked, system.owners.is_some());
    }
    Ok(())
}

async fn lag(
    system: &System,
    run: &read_store::Run,
    partition: &event_log::PartitionId,
    mark: i64,
) -> Result<Value, Failure> {
    let head = system.log.head(partition).await.map_err(unreachable)?;
    let next = event_log::Offset(mark + 1);
    let waiting = system.log.read(partition, next, 1).await.map_err(unreachable)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_ms = now.map_or(0, |since| since.as_millis() as i64);
    let behind_s = waiting.first().map_or(0.0, |r| (now_ms - r.time).max(0) as f64 / 1_000.0);
    Ok(json!({
        "aggregate": &*run.aggregate,
        "run": &*run.id.0,
        "live": run.live,
        "partition": partition.to_string(),
        "mark": mark,
        "lag_events": (head.0 - 1 - mark).max(0),
        "lag_s": behind_s,
        "owner": system.owners.as_ref().and_then(|owners| owners(partition)).as_deref(),
    }))
}

fn print(lags: &[Value], parked: &[Value], owned: bool) {
    say(&format!(
        "{:<24} {:<12} {:>12} {:>10} {:>10}{}",
        "aggregate",
        "partition",
        "mark",
        "behind",
        "seconds",
        if owned { "  owner" } else { "" }
    ));
    for lag in lags {
        let text = |name: &str| lag[name].as_str().unwrap_or_default().to_owned();
        let owner = if owned {
            format!("  {}", lag["owner"].as_str().unwrap_or("-"))
        } else {
            String::new()
        };
        let state = if lag["live"] == true { "" } else { "  (being filled)" };
        say(&format!(
            "{:<24} {:<12} {:>12} {:>10} {:>10.1}{owner}{state}",
            text("aggregate"),
            text("partition"),
            lag["mark"].to_string(),
            lag["lag_events"].to_string(),
            lag["lag_s"].as_f64().unwrap_or_default(),
        ));
    }
    match parked {
        [] => say("nothing is parked"),
        some => {
            say(&format!("{} parked:", some.len()));
            for pointer in some {
                say(&format!("  {pointer}"));
            }
        }
    }
}

fn unreachable(error: impl std::fmt::Display) -> Failure {
    Failure::Unreachable(error.to_string())
}
