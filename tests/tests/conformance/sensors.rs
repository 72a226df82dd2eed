//! Sensor readings: views and rollups of events, which outlive what they tell of.

use anyhow::Result;
use foldline_tests::Served;
use serde_json::json;

use crate::support::{done, nothing, on_both_engines, position, refused, rows, state, types};

on_both_engines!("tests/domains" / "sensors":
    readings_are_kept_and_summed,
    the_rows_of_events_outlive_their_sensor,
);

async fn readings_are_kept_and_summed(world: &Served) -> Result<()> {
    let install = json!({"site": "north pole", "max": 30});
    done(world, "/sensors/s:1/install", install.clone()).await?;
    refused(world, "/sensors/s:1/install", install, (409, "installed")).await?;
    let read = "/sensors/s:1/read";
    let first = json!({"value": 1, "at": "2026-03-01T23:30:00-02:00", "tags": {"by": "hand"}});
    done(world, read, first).await?;
    done(world, read, json!({"value": 2.5, "at": "2026-03-02T10:00:00Z"})).await?;
    let test = json!({"value": 0.1, "at": "2026-03-02T11:00:00.120Z", "tags": {"test": ""}});
    done(world, read, test).await?;
    let alarm = json!({"value": 31.25, "at": "2026-03-03T00:00:00Z"});
    let alarm = done(world, read, alarm).await?;
    assert_eq!(types(&alarm), ["ReadingTaken", "AlarmRaised"]);
    let at = position(&alarm);
    let readings = "/views/readings?sensor=s:1&day=2026-03-02";
    let columns = ["taken", "value", "tags"];
    let seen = rows(world, readings, &at, &columns).await?;
    let expected = json!([
        ["2026-03-02T11:00:00.12Z", 0.1, {"test": ""}],
        ["2026-03-02T10:00:00Z", 2.5, {}],
        ["2026-03-02T01:30:00Z", 1.0, {"by": "hand"}],
    ]);
    assert_eq!(seen, expected);
    let some = format!("{readings}&taken.gt=2026-03-02T02:30:00%2B01:00&order=asc&limit=1");
    assert_eq!(rows(world, &some, &at, &["value"]).await?, json!([[2.5]]));
    let good = "/views/good-readings?site=north+pole";
    let good = rows(world, good, &at, &["exact", "fahrenheit"]).await?;
    assert_eq!(good, json!([[1000, 33.8], [2500, 36.5], [31250, 88.25]]));
    let sums = "/views/sums-by-day?site=north%20pole";
    let sums = rows(world, sums, &at, &["day", "n", "exact", "total"]).await?;
    let third = json!(["2026-03-03", 1, 31250, 31.25]);
    assert_eq!(sums, json!([third, ["2026-03-02", 3, 3600, 3.6]]));
    let mean = rows(world, "/views/sensors?site=north+pole", &at, &["mean", "highest"]).await?;
    assert_eq!(mean, json!([[8.7125, 31.25]]));
    Ok(())
}

async fn the_rows_of_events_outlive_their_sensor(world: &Served) -> Result<()> {
    done(world, "/sensors/s/install", json!({"site": "lab"})).await?;
    let many = done(world, "/sensors/s/read-many", json!({"values": [1, 2, -300, 4]})).await?;
    assert_eq!(types(&many).len(), 4);
    let seen = state(world, "/sensors/s", &position(&many)).await?;
    assert_eq!(seen["last"], json!([2.0, -300.0, 4.0]));
    let none = done(world, "/sensors/s/read-many", json!({"values": []})).await?;
    assert_eq!(types(&none).len(), 0);
    let infinite = json!({"value": 1e308});
    done(world, "/sensors/s/read", json!({"value": 1e15})).await?;
    refused(world, "/sensors/s/read", infinite, (422, "expression-failed")).await?;
    done(world, "/sensors/s/remove", nothing()).await?;
    refused(world, "/sensors/s/read", json!({"value": 1}), (404, "not-found")).await?;
    let back = done(world, "/sensors/s/install", json!({"site": "lab"})).await?;
    assert_eq!(back.json["version"], 8, "{back:?}");
    let at = position(&back);
    let log = rows(world, "/views/site-log?site=lab", &at, &["type", "installed"]);
    let expected = json!([["Installed", true], ["SensorRemoved", false], ["Installed", true]]);
    assert_eq!(log.await?, expected);
    let good = rows(world, "/views/good-readings?site=lab", &at, &["id"]).await?;
    assert_eq!(good.as_array().map(Vec::len), Some(4), "{good}");
    assert_eq!(state(world, "/sensors/s", &at).await?["count"], 0);
    Ok(())
}
