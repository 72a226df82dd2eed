//! Notes: keys of any text, orders that mix directions, buckets, and pages that meet every row once.

use std::cmp::Reverse;

use anyhow::{Result, ensure};
use foldline_tests::Served;
use serde_json::{Value, json};

use crate::support::{done, nothing, on_both_engines, position, refused, rows, state};

on_both_engines!("tests/domains" / "notes":
    any_text_is_a_key,
    pages_of_mixed_orders_meet_every_row_once,
    doubles_and_files_are_what_was_sent,
);

fn escaped(text: &str) -> String {
    text.bytes().map(|b| format!("%{b:02X}")).collect()
}

async fn any_text_is_a_key(world: &Served) -> Result<()> {
    let long = "x".repeat(1_024);
    let boxes = [
        "", " ", "a b", "a/b", "a+b", "100%", "ü", "\"'", "\u{1}", "a\0b", "😀", "a&b=c", "..",
        &long,
    ];
    let mut at = String::new();
    for (n, name) in boxes.iter().enumerate() {
        let body = json!({"box": name, "text": "t", "tags": [name, "all"], "rank": "0.5"});
        at = position(&done(world, &format!("/notes/n{n}/write"), body).await?);
    }
    for (n, name) in boxes.iter().enumerate() {
        let (name, id) = (escaped(name), json!([[format!("n{n}")]]));
        for path in [format!("/views/notes-in?box={name}"), format!("/views/tags?tag={name}")] {
            ensure!(rows(world, &path, &at, &["id"]).await? == id, "{path}");
        }
        let sums = format!("/views/tags-in-boxes?box={name}&tag={name}");
        ensure!(
            rows(world, &sums, &at, &["notes", "ranks"]).await? == json!([[1, "0.5"]]),
            "{sums}"
        );
    }
    let all = walk(world, "/views/scores-by-box?limit=3", &at, "box").await?;
    let mut expected = boxes.to_vec();
    expected.sort_unstable();
    expected.reverse();
    assert_eq!(json!(all), json!(expected), "by code point, downward");
    let longer = json!({"box": "x".repeat(1_025), "text": "t"});
    refused(world, "/notes/z/write", longer, (413, "too-large")).await?;
    Ok(())
}

async fn pages_of_mixed_orders_meet_every_row_once(world: &Served) -> Result<()> {
    let mut at = String::new();
    for n in 0..12_u32 {
        let mood = ["bright", "dull", "Grim"][n as usize % 3];
        let due = (n % 4 == 0).then(|| format!("2026-11-{:02}", n + 1));
        let rank = format!("{}.5", i64::from(n % 5) - 2);
        let body = json!({"box": "b", "text": "t", "mood": mood, "pinned": n % 2 == 0, "due": due, "rank": rank});
        at = position(&done(world, &format!("/notes/n{n}/write"), body).await?);
    }
    let path = "/views/notes-in?box=b";
    let shown = ["pinned", "mood", "rank", "id"];
    let whole = rows(world, path, &at, &shown).await?;
    let mut order: Vec<Value> = whole.as_array().cloned().unwrap_or_default();
    ensure!(order.len() == 12);
    order.sort_by_key(|row| {
        let rank: f64 = row[2].as_str().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (row[0] == false, text(&row[1]), (rank * 10.0) as i64, Reverse(text(&row[3])))
    });
    assert_eq!(whole, json!(order), "pinned first, then by mood and rank, then by id, downward");
    for limit in [1, 2, 5, 12] {
        for order in ["", "&order=asc"] {
            let paged = walk(world, &format!("{path}&limit={limit}{order}"), &at, "id").await?;
            let mut all: Vec<Value> = rows(world, &format!("{path}{order}"), &at, &["id"])
                .await?
                .as_array()
                .map(|rows| rows.iter().map(|row| row[0].clone()).collect())
                .unwrap_or_default();
            assert_eq!(paged, all, "{limit}{order}");
            all.sort_by_key(ToString::to_string);
            all.dedup();
            assert_eq!(all.len(), 12);
        }
    }
    for (mood, pinned) in [("bright", true), ("dull", false), ("Grim", true)] {
        let path = format!("/views/notes-by-mood?mood={mood}&pinned={pinned}");
        let ids = rows(world, &path, &at, &["id"]).await?;
        let paged = walk(world, &format!("{path}&limit=1"), &at, "id").await?;
        assert_eq!(json!(paged.into_iter().map(|id| json!([id])).collect::<Vec<_>>()), ids);
    }
    let due = rows(world, "/views/due-notes?due.gte=2026-11-05&order=desc", &at, &["due"]).await?;
    assert_eq!(due, json!([["2026-11-09"], ["2026-11-05"]]));
    Ok(())
}

async fn doubles_and_files_are_what_was_sent(world: &Served) -> Result<()> {
    for (score, stored) in
        [(json!(-0.0), json!(-0.0)), (json!(5e-324), json!(5e-324)), (json!(3), json!(3.0))]
    {
        let body = json!({"box": "d", "text": "", "score": score, "rank": "-0.0"});
        let at = position(&done(world, "/notes/d/write", body).await?);
        let seen = state(world, "/notes/d?fields=score,rank", &at).await?;
        assert_eq!(seen, json!({"score": stored, "rank": "0.0"}));
    }
    done(world, "/notes/d/attach", json!({"name": "a/b", "data": "AAE="})).await?;
    refused(world, "/notes/d/attach", json!({"name": "a/b", "data": ""}), (409, "attached"))
        .await?;
    for data in ["AAE", "AA E=", "AAE=="] {
        let body = json!({"name": "c", "data": data});
        refused(world, "/notes/d/attach", body, (422, "invalid-input")).await?;
    }
    let at = position(&done(world, "/notes/d/tear", nothing()).await?);
    assert_eq!(rows(world, "/views/notes-in?box=d", &at, &["id"]).await?, json!([]));
    let sums = rows(world, "/views/scores-by-box?box=d", &at, &["writings", "score"]).await?;
    assert_eq!(sums, json!([[3, 3.0]]), "writings stay");
    Ok(())
}

/// One member of every row, page by page.
async fn walk(world: &Served, path: &str, at: &str, member: &str) -> Result<Vec<Value>> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = world.get_at(&format!("{path}{cursor}"), at).await?;
        let items = answer.json["items"].as_array().cloned().unwrap_or_default();
        seen.extend(items.iter().map(|row| row[member].clone()));
        ensure!(seen.len() < 1_000, "pages without end: {answer:?}");
        match answer.json["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(seen),
        }
    }
}
