//! Goods: ids of every letter, maps, values that may be null, decimals as keys and orders, and what
//! is deleted and comes back.

use anyhow::{Result, ensure};
use foldline_tests::Served;
use serde_json::json;

use crate::support::{done, nothing, on_both_engines, position, refused, rows, state, types};

on_both_engines!("tests/domains" / "goods":
    ids_are_what_the_client_says_however_they_are_escaped,
    maps_hold_any_key_and_views_find_it,
    a_rollup_is_paged_in_its_declared_order_and_against_it,
    what_is_deleted_comes_back_without_its_past,
);

async fn ids_are_what_the_client_says_however_they_are_escaped(world: &Served) -> Result<()> {
    let long = "0".repeat(128);
    let ids = ["A~b@c:d-e_f.g", "...", "~", "@", "-", "_", "a..b", ":list", long.as_str()];
    for id in ids {
        let escaped: String = id.bytes().map(|b| format!("%{b:02X}")).collect();
        let path = format!("/goods/{escaped}/list");
        let listed = done(world, &path, json!({"title": id})).await?;
        ensure!(listed.json["id"] == id, "{listed:?}");
        let at = position(&listed);
        for path in [format!("/goods/{id}"), format!("/goods/{escaped}")] {
            ensure!(state(world, &path, &at).await?["title"] == id, "{path}");
        }
        let both = format!("/goods?id={escaped}&id=none");
        ensure!(rows(world, &both, &at, &["id"]).await? == json!([[id]]), "{both}");
        refused(
            world,
            &format!("/goods/{id}/list"),
            json!({"title": "x"}),
            (409, "already-exists"),
        )
        .await?;
    }
    for id in ["a%2Fb", "a%20b", "a+b", "%C3%A9", "a%00", "a%zz", "0%F", ""] {
        let path = format!("/goods/{id}");
        let refusal =
            refused(world, &format!("{path}/drop"), nothing(), (400, "invalid-id")).await?;
        ensure!(refusal.json["detail"] != json!(null), "{id}");
    }
    Ok(())
}

async fn maps_hold_any_key_and_views_find_it(world: &Served) -> Result<()> {
    done(world, "/goods/ink/list", json!({"title": "ink", "weight": "0.4"})).await?;
    let offers = json!([
        {"currency": "EUR", "amount": "10.5"},
        {"currency": "€ /%+&=", "amount": "-0.00"},
        {"currency": "", "amount": "9999999999999999.99"},
    ]);
    let priced = done(world, "/goods/ink/price-all", json!({"offers": offers})).await?;
    let at = position(&priced);
    let prices = json!({"EUR": "10.50", "": "9999999999999999.99", "€ /%+&=": "0.00"});
    assert_eq!(state(world, "/goods/ink", &at).await?["prices"], prices);
    for key in ["%E2%82%AC%20%2F%25%2B%26%3D", "%e2%82%ac+/%25%2B%26="] {
        let path = format!("/views/prices?currency={key}");
        assert_eq!(rows(world, &path, &at, &["amount", "id"]).await?, json!([["0.00", "ink"]]));
    }
    let empty = rows(world, "/views/prices?currency=&amount.gt=10", &at, &["amount"]).await?;
    assert_eq!(empty, json!([["9999999999999999.99"]]));
    for (amount, code) in
        [("1.005", "too-precise"), ("1e2", "invalid-format"), ("", "invalid-format")]
    {
        let body = json!({"currency": "EUR", "amount": amount});
        let no = refused(world, "/goods/ink/price", body, (422, "invalid-input")).await?;
        assert_eq!(
            no.json["errors"],
            json!([{
                "pointer": "/amount", "code": code, "message": no.json["errors"][0]["message"],
            }])
        );
    }
    let counts = json!({"counts": {"b": 1, "": 2, "é/☃": -9_007_199_254_740_993_i64}});
    let stocked = done(world, "/goods/ink/stock", counts).await?;
    let at = position(&stocked);
    let far = rows(world, "/views/stock?place=%C3%A9%2F%E2%98%83", &at, &["count"]).await?;
    assert_eq!(far, json!([[-9_007_199_254_740_993_i64]]));
    let light = "/views/light-goods?weight.lte=0.4";
    assert_eq!(rows(world, light, &at, &["weight"]).await?, json!([["0.400"]]));
    Ok(())
}

async fn a_rollup_is_paged_in_its_declared_order_and_against_it(world: &Served) -> Result<()> {
    let mut at = String::new();
    for (id, grade, weight) in [("a", "plain", "0.5"), ("b", "fine", "1"), ("c", "rare", "1.001")] {
        let listed = json!({"title": id, "grade": grade, "weight": weight});
        done(world, &format!("/goods/{id}/list"), listed).await?;
        let offers = json!({"offers": [{"currency": "CHF", "amount": "1.11"}]});
        at = position(&done(world, &format!("/goods/{id}/price-all"), offers).await?);
    }
    let path = "/views/prices-by-grade?currency=CHF";
    let shown = ["grade", "heavy", "offers", "worth"];
    let (plain, fine, rare) = (
        json!(["plain", false, 1, "1.11"]),
        json!(["fine", true, 1, "1.11"]),
        json!(["rare", true, 1, "1.11"]),
    );
    let down = json!([rare, plain, fine]);
    assert_eq!(rows(world, path, &at, &shown).await?, down, "grades order as text");
    for (order, expected) in
        [("", json!([rare, plain, fine])), ("&order=asc", json!([fine, plain, rare]))]
    {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = format!("{path}{order}&limit=1{cursor}");
            seen.extend(
                rows(world, &page, &at, &shown).await?.as_array().cloned().unwrap_or_default(),
            );
            let answer = world.get_at(&page, &at).await?;
            let Some(next) = answer.json["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(json!(seen), expected, "{order}");
    }
    let ranged = format!("{path}&grade.gt=fine&limit=1");
    assert_eq!(rows(world, &ranged, &at, &shown).await?, json!([rare]));
    let gone = done(world, "/goods/a/price-all", json!({"offers": []})).await?;
    assert_eq!(rows(world, path, &position(&gone), &shown).await?, json!([rare, fine]));
    Ok(())
}

async fn what_is_deleted_comes_back_without_its_past(world: &Served) -> Result<()> {
    let maker = json!({"name": "Ada", "since": "2026-01-31"});
    let first = json!({"title": "first", "maker": maker, "picture": "AAE="});
    done(world, "/goods/x/list", first).await?;
    done(world, "/goods/x/price", json!({"currency": "EUR", "amount": "1"})).await?;
    let gone = world.post_keyed("/goods/x/drop", "gone", &nothing()).await?;
    let at = position(&gone);
    ensure!(world.get_at("/goods/x", &at).await?.status == 404, "{gone:?}");
    for view in ["/views/goods-by-maker?maker=Ada", "/views/prices?currency=EUR"] {
        assert_eq!(rows(world, view, &at, &["id"]).await?, json!([]));
    }
    let back = done(world, "/goods/x/list", json!({"title": "second"})).await?;
    assert_eq!(
        (back.status, &back.json["version"], types(&back)),
        (201, &json!(4), vec!["Listed"])
    );
    let at = position(&back);
    let now = state(world, "/goods/x", &at).await?;
    assert_eq!(now["prices"], json!({}));
    assert_eq!(
        (&now["maker"], &now["picture"], &now["lives"]),
        (&json!(null), &json!(""), &json!(1))
    );
    let again = world.post_keyed("/goods/x/drop", "gone", &nothing()).await?;
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json["version"], 3);
    let changes = rows(world, "/views/price-changes?good=x", &at, &["currency", "by"]).await?;
    assert_eq!(changes, json!([["EUR", null]]), "what happened stays");
    let before = state(world, "/goods/x?version=2", &at).await?;
    assert_eq!((&before["maker"], &before["prices"]), (&maker, &json!({"EUR": "1.00"})));
    ensure!(world.get_at("/goods/x?version=3", &at).await?.status == 404, "it was deleted then");
    Ok(())
}
