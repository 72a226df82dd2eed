//! A full disk: nothing more is acknowledged, nothing is lost, and it goes on when there is room.
//!
//! Where this process may mount, the data folder is a small tmpfs. Elsewhere the files of the
//! process are kept from growing, which makes the same writes fail.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use foldline_tests::{Answer, World, eventually, order, repository};

/// A folder on a file system of its own, of 24 MiB.
struct Small(tempfile::TempDir);

impl Small {
    /// `None` where mounting is not permitted.
    fn mount() -> Result<Option<Small>> {
        let folder = tempfile::tempdir()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
            .arg(folder.path())
            .output();
        let done = mounted.is_ok_and(|output| output.status.success());
        Ok(done.then_some(Small(folder)))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it up to its last byte.
    fn fill(&self) -> Result<()> {
        let mut ballast = std::fs::File::create(self.path().join("ballast"))?;
        let piece = [1; 4096];
        while std::io::Write::write_all(&mut ballast, &piece).is_ok() {}
        Ok(())
    }

    fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.path().join("ballast"))?)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily, for a process that was just killed may hold it still.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// What the calls of a test were answered.
#[derive(Default)]
struct Seen {
    count: u64,
    acknowledged: Vec<String>,
    unknown: Vec<u64>,
}

impl Seen {
    /// One more order; true where it was acknowledged.
    async fn place(&mut self, world: &World) -> Result<bool> {
        self.count += 1;
        let answer = send(world, self.count).await?;
        match (answer.status, answer.json["code"].as_str()) {
            (201, _) => self.acknowledged.push(id_of(&answer)),
            (503, Some("unavailable")) => {}
            (503, Some("outcome-unknown")) => self.unknown.push(self.count),
            _ => bail!("a full disk was answered by {answer:?}"),
        }
        Ok(answer.status == 201)
    }

    async fn until_full(&mut self, world: &World) -> Result<()> {
        for _ in 0..20_000 {
            if !self.place(world).await? {
                return Ok(());
            }
        }
        bail!("the disk was never full")
    }

    /// Asks again for what was left open, and compares with the log.
    async fn settle(&mut self, world: &World) -> Result<()> {
        for number in &self.unknown {
            let answer = send(world, *number).await?;
            ensure!(answer.status == 201, "{answer:?}");
            self.acknowledged.push(id_of(&answer));
        }
        let events = world.events().await?;
        let ids: BTreeSet<_> = events.iter().filter_map(|e| e["id"].as_str()).collect();
        ensure!(ids.len() == events.len(), "an order was placed twice");
        for id in &self.acknowledged {
            ensure!(ids.contains(id.as_str()), "{id} was acknowledged and is lost");
        }
        let sure = self.acknowledged.len();
        ensure!(events.len() == sure, "{} events of {sure} acknowledged orders", events.len());
        Ok(())
    }
}

async fn send(world: &World, number: u64) -> Result<Answer> {
    let mut body = order(number);
    // Some weight, so that a few orders fill what is left.
    body["customer"] = format!("c-{number}-{}", "x".repeat(900)).into();
    world.post_keyed("/orders/place", &format!("k-{number}"), &body).await
}

fn id_of(answer: &Answer) -> String {
    answer.json["id"].as_str().unwrap_or_default().to_owned()
}

async fn still_reads(world: &World, first: &str) -> Result<()> {
    let state = world.get(&format!("/orders/{first}")).await?;
    ensure!(state.json["state"]["status"] == "placed", "{state:?}");
    let page = world.get("/views/orders-by-status?status=placed&limit=2").await?;
    ensure!(page.json["items"].as_array().is_some_and(|items| items.len() == 2), "{page:?}");
    Ok(())
}

/// Some orders that are in the read model, before anything goes wrong.
async fn begin(world: &World, seen: &mut Seen) -> Result<String> {
    for _ in 0..5 {
        ensure!(seen.place(world).await?, "nothing is full yet");
    }
    let last = seen.acknowledged.last().context("five orders")?;
    eventually(async || {
        Ok((world.get(&format!("/orders/{last}")).await?.status == 200).then_some(()))
    })
    .await?;
    Ok(seen.acknowledged[0].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_acknowledging_and_loses_nothing() -> Result<()> {
    let Some(disk) = Small::mount()? else { return with_limited_files().await };
    let data = disk.path().join("data");
    let mut world = World::on(repository("schemas"), data)?;
    world.restart()?;
    let mut seen = Seen::default();
    let first = begin(&world, &mut seen).await?;
    for _ in 0..2 {
        disk.fill()?;
        seen.until_full(&world).await?;
        for _ in 0..20 {
            seen.place(&world).await?;
            still_reads(&world, &first).await?;
        }
        disk.free()?;
        // In the same process, without a restart.
        let mut went_on = false;
        for _ in 0..3_000 {
            went_on = seen.place(&world).await?;
            if went_on {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        ensure!(went_on, "there is room again, and nothing is written");
        seen.settle(&world).await?;
        seen.unknown.clear();
        world.verify()?;
    }
    disk.fill()?;
    seen.until_full(&world).await?;
    world.kill()?;
    disk.free()?;
    world.restart()?;
    seen.settle(&world).await?;
    world.verify()
}

async fn with_limited_files() -> Result<()> {
    let mut world = World::start(repository("schemas"))?;
    world.kill()?;
    world.limit_files(Some(2_048));
    world.restart()?;
    let mut seen = Seen::default();
    let first = begin(&world, &mut seen).await?;
    seen.until_full(&world).await?;
    for _ in 0..20 {
        seen.place(&world).await?;
        still_reads(&world, &first).await?;
    }
    world.limit_files(None);
    world.restart()?;
    seen.settle(&world).await?;
    world.verify()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_cannot_grow_stop_acknowledging_and_lose_nothing() -> Result<()> {
    with_limited_files().await
}
