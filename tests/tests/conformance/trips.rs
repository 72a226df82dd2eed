//! Trips: one command makes events for each of several lists, and rows are made of lists in states.

use anyhow::{Context, Result, ensure};
use foldline_tests::Served;
use serde_json::json;

use crate::support::{done, nothing, on_both_engines, position, refused, rows, state, types};

on_both_engines!("tests/domains" / "trips":
    one_command_makes_events_for_each_of_several_lists,
    a_branch_by_event_type_fills_one_column,
);

async fn one_command_makes_events_for_each_of_several_lists(world: &Served) -> Result<()> {
    let stops = json!([
        {"place": "Oslo", "at": "2026-12-01T08:00:00+01:00", "nights": 1},
        {"place": "Bergen", "at": "2026-12-31T23:30:00-01:00", "nights": 2},
        {"place": "Oslo", "at": "2027-01-05T12:00:00.5Z"},
    ]);
    let plan = json!({"traveller": "ann", "stops": stops});
    let planned = done(world, "/trips/plan", plan).await?;
    let made =
        ["Planned", "StopAdded", "StopAdded", "StopAdded", "LegAdded", "LegAdded", "NightsBooked"];
    assert_eq!(types(&planned), made);
    let at = position(&planned);
    let id = planned.json["id"].as_str().context("a made id")?;
    let seen = state(world, &format!("/trips/{}", id.to_uppercase()), &at).await?;
    let legs = json!([
        {"from": "Oslo", "to": "Bergen", "day": "2027-01-01"},
        {"from": "Bergen", "to": "Oslo", "day": "2027-01-05"},
    ]);
    assert_eq!((&seen["legs"], &seen["budget"]), (&legs, &json!(null)));
    assert_eq!(seen["stops"][1]["at"], "2027-01-01T00:30:00Z");
    let leg = rows(world, "/views/legs?from=Bergen&day=2027-01-05", &at, &["to"]).await?;
    assert_eq!(leg, json!([["Oslo"]]));
    let arrivals = "/views/arrivals-by-month?to=Oslo&month.gte=2027-01";
    assert_eq!(rows(world, arrivals, &at, &["month", "arrivals"]).await?, json!([["2027-01", 1]]));
    let early = "/views/trips-by-traveller?traveller=ann&starts=2026-12-01T07:00:00Z";
    let trips = rows(world, early, &at, &["nights", "places", "left"]).await?;
    assert_eq!(trips, json!([[3, ["Oslo", "Bergen", "Oslo"], null]]));
    let off = done(world, &format!("/trips/{id}/call-off"), nothing()).await?;
    assert_eq!(rows(world, arrivals, &position(&off), &["month"]).await?, json!([]));
    refused(world, &format!("/trips/{id}/call-off"), nothing(), (409, "is-off")).await?;
    let short = json!({"traveller": "ann", "stops": []});
    refused(world, "/trips/plan", short, (422, "too-short")).await?;
    Ok(())
}

async fn a_branch_by_event_type_fills_one_column(world: &Served) -> Result<()> {
    let stop =
        |place: &str, day: u8| json!({"place": place, "at": format!("2026-12-0{day}T00:00:00Z")});
    let plan = json!({"traveller": "bob", "budget": "10", "stops": [stop("a", 1), stop("b", 2)]});
    let planned = done(world, "/trips/plan", plan).await?;
    let id = planned.json["id"].as_str().context("a made id")?;
    let spend = format!("/trips/{id}/spend");
    done(world, &spend, json!({"amount": "4.00", "on": "2099-01-01"})).await?;
    done(world, &spend, json!({"amount": "6", "on": "2099-01-02", "note": ""})).await?;
    let over = json!({"amount": "0.01", "on": "2099-01-02"});
    refused(world, &spend, over.clone(), (409, "over-budget")).await?;
    let dry = refused(world, &format!("{spend}?dry_run=true"), over, (409, "over-budget")).await?;
    let values = json!({"input.amount": "0.01", "state.budget": "10.00", "state.spent": "10.00"});
    ensure!(dry.json["values"] == values, "{dry:?}");
    let off = done(world, &format!("/trips/{id}/call-off"), nothing()).await?;
    let at = position(&off);
    let path = "/views/spending?currency=EUR";
    let spent = json!([["6.00", ""], ["4.00", "-"], ["0.00", "unknown"]]);
    assert_eq!(rows(world, path, &at, &["amount", "why"]).await?, spent);
    let last = rows(world, &format!("{path}&order=asc&limit=1"), &at, &["amount"]).await?;
    assert_eq!(last, json!([["0.00"]]));
    let days = rows(world, "/views/spending-by-day?day.lt=2099-01-02", &at, &["amount"]).await?;
    assert_eq!(days, json!([["4.00"]]));
    Ok(())
}
