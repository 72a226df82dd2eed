//! The API page, in a real browser.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use foldline_tests::{World, repository};

const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

fn browser() -> Result<&'static str> {
    BROWSERS
        .into_iter()
        .find(|name| {
            let found = Command::new(name).arg("--version").stdout(Stdio::null()).status();
            found.is_ok_and(|status| status.success())
        })
        .context("this test drives Chromium: install the package `chromium`")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_page_shows_the_calls_of_the_model_in_a_browser() -> Result<()> {
    let world = World::start(repository("schemas"))?;
    let profile = tempfile::tempdir()?;
    let output = Command::new(browser()?)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(["--virtual-time-budget=20000", "--dump-dom"])
        .arg(world.url("/docs"))
        .stderr(Stdio::null())
        .output()?;
    let page = String::from_utf8_lossy(&output.stdout);
    for expected in ["/orders/place", "/views/orders-by-customer", "/timesheets/{id}/log-hours"] {
        ensure!(page.contains(expected), "the page does not show {expected}:\n{page}");
    }
    Ok(())
}
