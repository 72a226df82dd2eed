//! Stopping, and other processes on the same data.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use foldline_tests::{World, eventually, order, read, repository};

/// Places orders until the service is gone; every answer must be one that a stop may give.
async fn place_until_gone(
    http: reqwest::Client,
    url: String,
    done: Arc<AtomicUsize>,
) -> Result<Vec<String>> {
    let mut placed = Vec::new();
    loop {
        let Ok(answer) = read(http.post(&url).json(&order(1))).await else { return Ok(placed) };
        match answer.status {
            201 => placed.push(answer.json["id"].as_str().unwrap_or_default().to_owned()),
            503 if answer.json["code"] == "unavailable" => {}
            _ => anyhow::bail!("a stopping service answered {answer:?}"),
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_answers_what_it_took() -> Result<()> {
    let mut world = World::start(repository("schemas"))?;
    let done = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (http, url) = (world.client().clone(), world.url("/orders/place"));
            tokio::spawn(place_until_gone(http, url, Arc::clone(&done)))
        })
        .collect();
    eventually(async || Ok((done.load(Ordering::Relaxed) > 200).then_some(()))).await?;
    world.terminate()?;
    let status = world.ended().await?;
    ensure!(status.code() == Some(0), "the process ended with {status}");
    let mut placed = Vec::new();
    for client in clients {
        placed.extend(client.await??);
    }
    world.restart()?;
    let events = world.events().await?;
    for id in &placed {
        let of_id = events.iter().filter(|event| event["id"] == **id).count();
        ensure!(of_id == 1, "{id} was acknowledged and is there {of_id} times");
    }
    // What nobody was answered was not begun: a stop waits for the answers.
    ensure!(events.len() == placed.len(), "{} events, {} answers", events.len(), placed.len());
    world.verify()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_is_refused_and_readers_are_not() -> Result<()> {
    let world = World::start(repository("schemas"))?;
    let placed = world.post("/orders/place", &order(1)).await?;
    ensure!(placed.status == 201, "{placed:?}");

    let listen = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let second = world.foldline(&[&["run"], &listen[..]].concat())?;
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    ensure!(second.status.code() == Some(3), "{}: {said}", second.status);
    ensure!(said.contains("another process"), "it does not say why: {said}");

    world.verify()?;
    let status = world.foldline(&["status", "--json"])?;
    ensure!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let status: serde_json::Value = serde_json::from_slice(&status.stdout)?;
    ensure!(status["partitions"].as_array().is_some_and(|p| !p.is_empty()), "{status}");
    let tail = world.foldline(&["tail"])?;
    let said = String::from_utf8_lossy(&tail.stdout).into_owned();
    ensure!(tail.status.success() && said.contains("OrderPlaced"), "{said}");

    let more = world.post("/orders/place", &order(1)).await?;
    ensure!(more.status == 201, "the first process no longer writes: {more:?}");
    Ok(())
}
