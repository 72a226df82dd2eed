//! Accounts: an overdraft is a floor that no race breaks, a frozen account pays nothing, a closed one is closed.

use anyhow::Result;
use foldline_tests::Served;
use serde_json::{Value, json};

use crate::support::{
    count, done, nothing, on_both_engines, position, race, refused, rows, state, types,
};

on_both_engines!("tests/domains" / "accounts":
    an_account_lives_from_opening_to_erasure,
    withdrawals_at_once_never_break_the_overdraft,
    keys_versions_and_dry_runs_guard_a_withdrawal,
    bad_input_is_told_all_at_once_and_writes_nothing,
    views_answer_ranges_orders_and_pages,
    lines_of_commands_fail_alone,
);

async fn open(
    world: &Served,
    owner: &str,
    overdraft: i64,
    amount: i64,
) -> Result<(String, String)> {
    let body = json!({"owner": owner, "currency": "EUR", "overdraft": overdraft, "opening": {"amount": amount}});
    let answer = done(world, "/accounts/open", body).await?;
    assert_eq!(answer.status, 201);
    let id = answer.json["id"].as_str().expect("an answer has an id").to_owned();
    assert_eq!(answer.header("location"), Some(format!("/accounts/{id}").as_str()));
    Ok((format!("/accounts/{id}"), position(&answer)))
}

async fn an_account_lives_from_opening_to_erasure(world: &Served) -> Result<()> {
    let (account, _) = open(world, "ann", 100, 50).await?;
    let paid = done(world, &format!("{account}/withdraw"), json!({"amount": 150})).await?;
    assert_eq!(types(&paid), ["Withdrawn", "OverdraftUsed"]);
    assert_eq!(paid.json["version"], 4);
    assert_eq!(paid.header("etag"), Some("\"4\""));
    let too_much = (422, "insufficient-funds");
    refused(world, &format!("{account}/withdraw"), json!({"amount": 1}), too_much).await?;
    done(world, &format!("{account}/freeze"), json!({"reason": "a lost card"})).await?;
    refused(world, &format!("{account}/withdraw"), json!({"amount": 1}), (409, "frozen")).await?;
    let back = done(world, &format!("{account}/deposit"), json!({"amount": 100})).await?;
    let seen = state(world, &account, &position(&back)).await?;
    assert_eq!(
        (&seen["balance"], &seen["status"], &seen["frozen_because"]),
        (&json!(0), &json!("frozen"), &json!("a lost card"))
    );
    let frozen =
        rows(world, "/views/frozen-accounts", &position(&back), &["owner", "words"]).await?;
    assert_eq!(frozen, json!([["ann", 3]]));
    let closed = done(world, &format!("{account}/close"), nothing()).await?;
    refused(world, &format!("{account}/deposit"), json!({"amount": 1}), (409, "closed")).await?;
    let day = state(world, &account, &position(&closed)).await?["closed_on"].clone();
    let by_day = format!("/views/closed-by-day?closed_on={}", day.as_str().unwrap_or_default());
    assert_eq!(rows(world, &by_day, &position(&closed), &["owner"]).await?, json!([["ann"]]));
    let erased = done(world, &format!("{account}/erase"), nothing()).await?;
    assert_eq!(world.get_at(&account, &position(&erased)).await?.status, 404);
    assert_eq!(rows(world, &by_day, &position(&erased), &["owner"]).await?, json!([]));
    let history =
        world.get_at(&format!("{account}/history?limit=1000"), &position(&erased)).await?;
    assert_eq!(history.json["items"].as_array().map(Vec::len), Some(8), "{history:?}");
    Ok(())
}

async fn withdrawals_at_once_never_break_the_overdraft(world: &Served) -> Result<()> {
    let (account, _) = open(world, "ann", 20, 50).await?;
    let withdraw = format!("{account}/withdraw");
    let answers = race(world, (0..16).map(|_| (withdraw.clone(), json!({"amount": 10})))).await?;
    assert_eq!(count(&answers, 200, ""), 7, "{answers:?}");
    assert_eq!(count(&answers, 422, "insufficient-funds"), 9, "{answers:?}");
    let last = done(world, &format!("{account}/deposit"), json!({"amount": 1})).await?;
    assert_eq!(state(world, &account, &position(&last)).await?["balance"], -19);
    let flows = "/views/flows?currency=EUR";
    let moved = rows(world, flows, &position(&last), &["type", "n", "moved"]).await?;
    assert_eq!(moved, json!([["Deposited", 2, 51], ["Withdrawn", 7, 70]]));
    Ok(())
}

async fn keys_versions_and_dry_runs_guard_a_withdrawal(world: &Served) -> Result<()> {
    let (account, _) = open(world, "ann", 0, 50).await?;
    let withdraw = format!("{account}/withdraw");
    let ten = json!({"amount": 10});
    let first = world.post_keyed(&withdraw, "k-1", &ten).await?;
    let again =
        world.post_keyed(&withdraw, "\"k-1\"", &json!({"note": null, "amount": 10})).await?;
    assert_eq!((first.status, again.status), (200, 200), "{again:?}");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.json["version"], again.json["version"]);
    let other = world.post_keyed(&withdraw, "k-1", &json!({"amount": 11})).await?;
    assert_eq!((other.status, &other.json["code"]), (422, &json!("idempotency-key-reused")));
    let stale = world.post_with(&withdraw, ("If-Match", "\"2\""), &ten).await?;
    assert_eq!((stale.status, &stale.json["code"]), (412, &json!("version-mismatch")));
    assert_eq!(stale.json["version"], 3);
    let fresh = world.post_with(&withdraw, ("If-Match", "W/\"3\""), &ten).await?;
    assert_eq!(fresh.status, 200, "{fresh:?}");
    let dry = world.post(&format!("{withdraw}?dry_run=true"), &ten).await?;
    assert_eq!((dry.status, &dry.json["dry_run"]), (200, &json!(true)));
    assert_eq!(dry.json["events"][0]["data"]["balance"], 20, "{dry:?}");
    let dry = world.post(&format!("{withdraw}?dry_run=true"), &json!({"amount": 31})).await?;
    assert_eq!((dry.status, &dry.json["code"]), (422, &json!("insufficient-funds")));
    assert_eq!(dry.json["values"]["state.balance"], 30, "{dry:?}");
    assert!(dry.json["rule"].is_string(), "{dry:?}");
    Ok(())
}

async fn bad_input_is_told_all_at_once_and_writes_nothing(world: &Served) -> Result<()> {
    let bad = json!({"owner": 7, "currency": "YEN", "overdraft": "1", "colour": "red"});
    let answer = refused(world, "/accounts/open", bad, (422, "invalid-input")).await?;
    let mut places: Vec<&str> = answer.json["errors"]
        .as_array()
        .map(|errors| errors.iter().filter_map(|error| error["pointer"].as_str()).collect())
        .unwrap_or_default();
    places.sort_unstable();
    assert_eq!(places, ["/colour", "/currency", "/overdraft", "/owner"], "{answer:?}");
    let body = json!({"owner": " ", "currency": "EUR"});
    refused(world, "/accounts/open", body, (422, "no-owner")).await?;
    refused(world, "/accounts/x/deposit", json!({"amount": 1}), (400, "invalid-id")).await?;
    let unknown = "/accounts/0190d9a5-5d00-7000-8000-000000000000/deposit";
    refused(world, unknown, json!({"amount": 1}), (404, "not-found")).await?;
    let close = "/accounts/close";
    let answer = refused(world, close, nothing(), (404, "unknown-command")).await?;
    assert_eq!(answer.json["detail"], "`close` takes an id: send POST /accounts/{id}/close");
    refused(world, "/acounts/open", nothing(), (404, "unknown-collection")).await?;
    let huge = json!({"amount": i64::MAX});
    let (account, _) = open(world, "ann", 0, 5).await?;
    refused(world, &format!("{account}/deposit"), huge, (422, "expression-failed")).await?;
    Ok(())
}

async fn views_answer_ranges_orders_and_pages(world: &Served) -> Result<()> {
    let mut at = String::new();
    for amount in [10, 30, 20] {
        at = open(world, "ann", 5, amount).await?.1;
    }
    let path = "/views/accounts-by-owner?owner=ann&status=open";
    let free = ["balance", "free"];
    assert_eq!(rows(world, path, &at, &free).await?, json!([[30, 35], [20, 25], [10, 15]]));
    let some = format!("{path}&balance.gte=20");
    assert_eq!(rows(world, &some, &at, &free).await?, json!([[30, 35], [20, 25]]));
    let reverse = format!("{path}&order=desc");
    assert_eq!(rows(world, &reverse, &at, &["balance"]).await?, json!([[10], [20], [30]]));
    let page = world.get_at(&format!("{path}&limit=2&fields=balance"), &at).await?;
    let next = page.json["next"].as_str().expect("there is a second page");
    let rest = format!("{path}&limit=2&cursor={next}");
    assert_eq!(rows(world, &rest, &at, &["balance"]).await?, json!([[10]]));
    let buckets = "/views/accounts-by-currency-status?currency=EUR&status=open";
    assert_eq!(
        rows(world, buckets, &at, &["balance"]).await?,
        json!([[20], [30], [10]]),
        "newest first over all buckets"
    );
    let held = rows(world, "/views/holdings", &at, &["currency", "accounts", "balance"]).await?;
    assert_eq!(held, json!([["EUR", 3, 60]]));
    let refused = world.get("/views/accounts-by-owner?status=open").await?;
    assert_eq!((refused.status, &refused.json["code"]), (400, &json!("unsupported-query")));
    Ok(())
}

async fn lines_of_commands_fail_alone(world: &Served) -> Result<()> {
    let id = "0190d9a5-5d00-7000-8000-000000000001";
    let line = |command: &str, input: Value| json!({"aggregate": "account", "id": id, "command": command, "input": input});
    let mut broken = line("withdraw", json!({"amount": 1}));
    broken["if_match"] = json!("\"1\"");
    let sent = [
        line("open", json!({"owner": "ann", "currency": "USD", "opening": null})),
        line("deposit", json!({"amount": 5})),
        line("withdraw", json!({"amount": 6})),
        broken,
        json!({"aggregate": "acount", "id": id, "command": "open"}),
        line("withdraw", json!({"amount": 5})),
        line("close", Value::Null),
    ];
    let told = world.lines(&sent).await?;
    let short: Value = told
        .iter()
        .map(|line| json!([line["line"], line["status"], line["code"], line["version"]]))
        .collect();
    let expected = json!([
        [1, 201, null, 1],
        [2, 200, null, 2],
        [3, 422, "insufficient-funds", null],
        [4, 412, "version-mismatch", 2],
        [5, 404, "unknown-collection", null],
        [6, 200, null, 3],
        [7, 200, null, 4],
    ]);
    assert_eq!(short, expected, "{told:#?}");
    Ok(())
}
