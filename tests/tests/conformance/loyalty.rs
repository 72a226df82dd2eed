//! Loyalty points: exact decimals, maps, bytes, and members that are forgotten and come again.

use anyhow::Result;
use foldline_tests::Served;
use serde_json::json;

use crate::support::{done, nothing, on_both_engines, position, refused, rows, state, types};

on_both_engines!("tests/domains" / "loyalty":
    points_are_exact_decimals,
    a_forgotten_member_comes_again_at_a_later_version,
);

async fn enrol(world: &Served, id: &str, name: &str) -> Result<String> {
    let body = json!({"name": name, "email": format!("{id}@Example.com")});
    done(world, &format!("/members/{id}/enrol"), body).await?;
    Ok(format!("/members/{id}"))
}

async fn points_are_exact_decimals(world: &Served) -> Result<()> {
    let member = enrol(world, "m-1", "Ann Smith").await?;
    let earn = format!("{member}/earn");
    done(world, &earn, json!({"spent": "0.25", "factor": "0.1", "shop": "tea"})).await?;
    done(world, &earn, json!({"spent": "0.35", "factor": "0.1", "shop": "tea"})).await?;
    let silver = done(world, &earn, json!({"spent": "200"})).await?;
    assert_eq!(types(&silver), ["PointsEarned", "TierReached"]);
    let seen = state(world, &member, &position(&silver)).await?;
    assert_eq!((&seen["points"], &seen["spent"]), (&json!("200.06"), &json!("200.60")));
    assert_eq!(seen["by_shop"], json!({"online": "200.00", "tea": "0.06"}));
    for bad in ["0.123", "1e3", "", "12,5", "10000000000.00"] {
        refused(world, &earn, json!({"spent": bad}), (422, "invalid-input")).await?;
    }
    refused(world, &earn, json!({"spent": 1}), (422, "invalid-input")).await?;
    refused(world, &earn, json!({"spent": "-1"}), (422, "nothing-spent")).await?;
    let voucher = json!({"points": "50.5", "expires": "2126-01-31"});
    let issued = done(world, &format!("{member}/redeem"), voucher).await?;
    let at = position(&issued);
    let vouchers = rows(world, "/views/vouchers?expires=2126-01-31", &at, &["points", "code"]);
    assert_eq!(vouchers.await?, json!([["50.50", "V6"]]));
    let log = "/views/points-log?member=m-1&order=asc";
    let log = rows(world, log, &at, &["type", "points", "left"]).await?;
    assert_eq!(log[0], json!(["PointsEarned", "0.02", "0.02"]), "{log}");
    assert_eq!(log[3], json!(["VoucherIssued", "-50.50", "149.56"]), "{log}");
    let columns = ["tier", "has_email", "members", "points", "half"];
    let tiers = rows(world, "/views/points-by-tier", &at, &columns).await?;
    assert_eq!(tiers, json!([["silver", true, 1, "149.56", "74.780"]]));
    let whales = rows(world, "/views/whales?points=149.56", &at, &["name"]).await?;
    assert_eq!(whales, json!([["SMITH, Ann"]]));
    Ok(())
}

async fn a_forgotten_member_comes_again_at_a_later_version(world: &Served) -> Result<()> {
    let member = enrol(world, "m~2@x", "Bob Jones").await?;
    let again = json!({"name": "Bob Jones"});
    refused(world, &format!("{member}/enrol"), again.clone(), (409, "enrolled")).await?;
    let photo = json!({"photo": "aGVsbG8="});
    let photo = done(world, &format!("{member}/set-photo"), photo).await?;
    let seen = state(world, &member, &position(&photo)).await?;
    assert_eq!((&seen["photo"], &seen["email"]), (&json!("aGVsbG8="), &json!("m~2@x@example.com")));
    let gone = done(world, &format!("{member}/forget"), nothing()).await?;
    assert_eq!(gone.json["version"], 3);
    assert_eq!(world.get_at(&member, &position(&gone)).await?.status, 404);
    refused(world, &format!("{member}/forget"), nothing(), (404, "not-found")).await?;
    let back = done(world, &format!("{member}/enrol"), again).await?;
    assert_eq!(back.json["version"], 4, "{back:?}");
    let seen = state(world, &member, &position(&back)).await?;
    assert_eq!((&seen["photo"], &seen["points"]), (&json!(null), &json!("0.00")));
    let log = "/views/points-log?member=m~2@x";
    let log = rows(world, log, &position(&back), &["type", "left"]).await?;
    assert_eq!(log, json!([["MemberForgotten", null]]));
    Ok(())
}
