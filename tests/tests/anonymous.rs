//! With authentication off nobody is told apart: no `read` and no `allow` is tested, and whoever
//! calls is `anonymous`.

use anyhow::{Result, ensure};
use foldline_tests::{World, repository};
use serde_json::json;

const SHEET: &str = "/timesheets/ann:2026-W47";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_anonymous_caller_may_do_and_see_everything() -> Result<()> {
    let world = World::start(repository("schemas"))?;
    let begin = json!({"employee": "ann", "rate": "50"});
    let opened = world.post(&format!("{SHEET}/open"), &begin).await?;
    ensure!(opened.status == 201, "`allow` by the input was tested: {opened:?}");
    let hours = json!({"entries": [{"project": "site", "day": "2026-11-16", "hours": "8"}]});
    let logged = world.post(&format!("{SHEET}/log-hours"), &hours).await?;
    ensure!(logged.status == 200, "`allow` by the state was tested: {logged:?}");
    ensure!(world.post(&format!("{SHEET}/submit"), &json!({})).await?.status == 200);
    let refused = world.post(&format!("{SHEET}/submit?dry_run=true"), &json!({})).await?;
    ensure!(refused.status == 409, "{refused:?}");
    let values = &refused.json["values"];
    ensure!(*values == json!({"state.stage": "submitted"}), "values are for readers: {refused:?}");
    let approved = world.post(&format!("{SHEET}/approve"), &json!({})).await?;
    ensure!(approved.status == 200, "`allow` by roles was tested: {approved:?}");
    let at = approved.header("foldline-position").unwrap_or_default();
    let state = world.get_at(SHEET, at).await?;
    ensure!(state.json["state"]["approver"] == "anonymous", "{state:?}");
    for path in [
        format!("{SHEET}/history"),
        format!("{SHEET}?version=1"),
        "/timesheets?id=ann:2026-W47".to_owned(),
    ] {
        let seen = world.get_at(&path, at).await?;
        ensure!(seen.status == 200 && seen.json["items"] != json!([]), "{path}: {seen:?}");
    }
    let rows = world.get_at("/views/timesheets-by-employee?employee=ann", at).await?;
    ensure!(rows.json["items"][0]["stage"] == "approved", "a row's `allow` was tested: {rows:?}");
    world.verify()
}
