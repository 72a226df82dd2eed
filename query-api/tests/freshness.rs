//! Read-your-writes, the cache, and stores that fail, over HTTP.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use actix_web::http::Method;
use proptest::prelude::*;
use read_store::Position;
use serde_json::json;
use support::World;
use uuid::Uuid;

const MINIMUM: &str = "foldline-min-position";
const NDJSON: (&str, &str) = ("accept", "application/x-ndjson");

#[actix_web::test]
async fn a_minimum_that_is_no_position_of_this_stream_is_refused() {
    for mut world in [World::new().await, World::keeping().await] {
        world.put("a1", json!({})).await;
        let other = Position::start(Uuid::from_u128(8)).to_text();
        for path in ["/items/a1", "/items?id=a1", "/items/a1/history", "/views/all-items"] {
            assert_eq!(world.get(path).await.status, 200, "fills the cache");
            for (sent, code) in [
                ("", "invalid-position"),
                ("garbage", "invalid-position"),
                ("\u{e9}", "invalid-position"),
                (&other, "unknown-position"),
            ] {
                let seen = world.get_with(path, &[(MINIMUM, sent)]).await;
                assert_eq!(seen.code(), (400, code.to_owned()), "{path} {sent}");
            }
            let lines = world.get_with("/views/all-items", &[NDJSON, (MINIMUM, &other)]).await;
            assert_eq!(lines.code(), (400, "unknown-position".to_owned()));
        }
    }
}

#[actix_web::test]
async fn a_minimum_is_waited_for_until_it_is_there() {
    let mut world = World::new().await;
    world.put("a1", json!({"size": 8})).await;
    let next = world.position(world.last() + 1);
    let now = [(MINIMUM, next.as_str()), ("prefer", "wait=0")];
    for path in ["/items/a1", "/views/all-items", "/views/totals?owner=ann", "/items/a1/history"] {
        let seen = world.get_with(path, &now).await;
        assert_eq!(seen.code(), (503, "not-yet-visible".to_owned()), "{path}");
        assert_eq!(seen.json()["position"], world.position(world.last()));
        assert_eq!(seen.header("retry-after"), Some("1"));
    }
    // Not settled: the answer itself has to wait for the projector.
    world.append("a1", 2, "ItemSplit", &json!({"by": 2})).await;
    let patient = [(MINIMUM, next.as_str()), ("prefer", "respond-async, wait=10")];
    let seen = world.get_with("/items/a1?fields=size", &patient).await;
    assert_eq!(seen.json()["state"]["size"], 4);
    assert_eq!(seen.header("foldline-position"), Some(next.as_str()));
}

#[actix_web::test]
async fn what_does_not_feed_a_read_is_ignored_and_told_to_its_caller_alone() {
    let mut world = World::keeping().await;
    world.put("a1", json!({})).await;
    let mut minimum = Position::start(world.stream());
    minimum.cover(&("invoice".into(), 3), 900);
    minimum.cover(&("log".into(), 0), world.last());
    let sent = minimum.to_text();
    for _ in 0..2 {
        let seen = world.get_with("/items/a1", &[(MINIMUM, &sent), ("prefer", "wait=0")]).await;
        assert_eq!(seen.header("foldline-position"), Some(sent.as_str()), "it covers the minimum");
        let seen = world.get("/items/a1").await;
        assert_eq!(seen.header("foldline-position"), Some(world.position(world.last()).as_str()));
    }
    let lines = world.get_with("/views/all-items", &[NDJSON, (MINIMUM, &sent)]).await;
    assert_eq!(lines.header("foldline-position"), Some(sent.as_str()));
}

#[actix_web::test]
async fn a_kept_answer_is_served_until_a_later_minimum_is_asked_for() {
    let mut world = World::keeping().await;
    world.put("a1", json!({})).await;
    let old = world.position(world.last());
    for path in ["/views/all-items", "/views/totals?owner=ann", "/items?id=a1&id=a2"] {
        assert_eq!(world.get(path).await.items().len(), 1);
    }
    world.put("a2", json!({"color": "blue"})).await;
    let new = world.position(world.last());
    for path in ["/views/all-items", "/views/totals?owner=ann", "/items?id=a1&id=a2"] {
        let reads = world.store.reads();
        assert_eq!(world.get(path).await.items().len(), 1, "kept");
        let at_old = world.get_with(path, &[(MINIMUM, &old)]).await;
        assert_eq!((at_old.items().len(), world.store.reads()), (1, reads), "kept is new enough");
        let at_new = world.get_with(path, &[(MINIMUM, &new)]).await;
        assert_eq!((at_new.items().len(), world.store.reads()), (2, reads + 1), "read anew");
        assert_eq!(at_new.header("foldline-position"), Some(new.as_str()));
        assert_eq!(world.get(path).await.items().len(), 2, "and kept instead");
        assert_eq!(world.store.reads(), reads + 1);
    }
}

#[actix_web::test]
async fn callers_that_ask_the_same_at_once_cost_one_read() {
    let mut world = World::keeping().await;
    world.put("a1", json!({})).await;
    let reads = world.store.reads();
    let asked = futures::future::join_all((0..20).map(|_| world.get("/views/all-items"))).await;
    assert!(asked.iter().all(|seen| seen.items().len() == 1));
    assert_eq!(world.store.reads(), reads + 1);
    let accepts = ["application/json", "*/*", "application/json, text/plain, */*"];
    for accept in accepts {
        world.get_with("/views/all-items", &[("accept", accept)]).await;
    }
    assert_eq!(world.store.reads(), reads + 1);
    world.get_with("/views/all-items", &[("authorization", "Bearer x")]).await;
    assert_eq!(world.store.reads(), reads + 2, "somebody's own view is nobody else's");
}

#[actix_web::test]
async fn a_failing_store_is_503_and_its_errors_are_not_kept() {
    let mut world = World::keeping().await;
    world.put("a1", json!({})).await;
    for path in ["/items/a1", "/items?id=a1", "/items/a1/history", "/views/all-items", "/items/no"]
    {
        world.store.fail_after(0);
        for headers in [&[][..], &[(MINIMUM, world.position(0).as_str())]] {
            let seen = world.get_with(path, headers).await;
            assert_eq!(seen.code(), (503, "unavailable".to_owned()), "{path}");
            assert!(seen.header("retry-after").is_some());
            assert!(!seen.text.contains("secret"), "{}", seen.text);
        }
        world.store.fail_after(-1);
        assert_ne!(world.get(path).await.status, 503, "{path}");
    }
    assert_eq!(world.get("/items/no").await.status, 404);
    world.put("no", json!({})).await;
    assert_eq!(world.get("/items/no").await.status, 200, "a 404 is not kept");
}

/// A world of so many items, as a stream of whose ids is asked.
async fn many(count: usize) -> World {
    let mut world = World::new().await;
    for n in 0..count {
        world.append(&format!("i{n:05}"), 1, "ItemPut", &support::item(json!({"size": n}))).await;
    }
    world.settle().await;
    world
}

#[actix_web::test]
async fn a_stream_has_every_row_once_in_the_order_asked_for() {
    let world = many(320).await;
    let ids = |text: &str| -> Vec<String> {
        let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
        rows.map(|row: serde_json::Value| row["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = world.get_with("/views/all-items", &[NDJSON]).await;
    assert!(all.text.ends_with("}\n") && !all.broken);
    let rising = ids(&all.text);
    assert!(rising.is_sorted());
    assert_eq!(rising.iter().collect::<BTreeSet<_>>().len(), 320);
    let falling = world.get_with("/views/all-items?order=desc", &[NDJSON]).await;
    assert_eq!(ids(&falling.text), rising.iter().rev().cloned().collect::<Vec<_>>());
    for limit in [1, 99, 100, 101, 320, 1000] {
        let some = world.get_with(&format!("/views/all-items?limit={limit}"), &[NDJSON]).await;
        assert_eq!(ids(&some.text), rising[..limit.min(320)], "{limit}");
    }
    let range = world.get_with("/views/all-items?id.gt=i00300&fields=id", &[NDJSON]).await;
    assert_eq!(range.text.lines().next(), Some("{\"id\":\"i00301\"}"));
    let page = world.get("/views/all-items?limit=5").await.json()["next"].clone();
    let rest = format!("/views/all-items?cursor={}", page.as_str().unwrap());
    assert_eq!(ids(&world.get_with(&rest, &[NDJSON]).await.text), rising[5..]);
    for limit in ["0", "1001", "x"] {
        let seen = world.get_with(&format!("/views/all-items?limit={limit}"), &[NDJSON]).await;
        assert_eq!(seen.code(), (400, "invalid-value".to_owned()));
    }
    assert!(world.store.largest.load(Ordering::SeqCst) <= 1_001, "memory is bounded by pages");
}

#[actix_web::test]
async fn a_stream_that_fails_ends_broken_and_one_that_cannot_begin_is_a_problem() {
    let world = many(320).await;
    world.store.fail_after(1);
    let broken = world.get_with("/views/all-items", &[NDJSON]).await;
    assert_eq!((broken.status, broken.broken), (200, true));
    let lines = broken.text.lines().count();
    assert!(lines > 0 && lines < 320 && broken.text.ends_with("}\n"), "{lines}");
    world.store.fail_after(0);
    let none = world.get_with("/views/all-items", &[NDJSON]).await;
    assert_eq!((none.code(), none.broken), ((503, "unavailable".to_owned()), false));
}

#[actix_web::test]
async fn a_slow_reader_holds_the_store_back() {
    let world = many(320).await;
    let reads = world.store.reads();
    let answer = world.answer(Method::GET, "/views/all-items", &[NDJSON]).await;
    assert_eq!(world.store.reads(), reads + 1, "no more is read than is taken");
    let seen = support::read(answer).await;
    assert_eq!(seen.text.lines().count(), 320);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn no_position_or_cursor_breaks_a_read(texts in prop::collection::vec("[ -~]{0,60}", 30)) {
        actix_web::rt::System::new().block_on(async {
            let mut world = World::keeping().await;
            world.put("a1", json!({})).await;
            for text in texts {
                let headers = [(MINIMUM, text.as_str()), ("prefer", text.as_str())];
                let seen = world.get_with("/items/a1", &headers).await;
                assert_eq!(seen.code(), (400, "invalid-position".to_owned()), "{text}");
                let cursor: String = text.bytes().map(|b| format!("%{b:02x}")).collect();
                for path in ["/views/puts", "/views/all-items", "/items/a1/history"] {
                    let seen = world.get(&format!("{path}?cursor={cursor}")).await;
                    assert_eq!(seen.code(), (400, "invalid-cursor".to_owned()), "{text}");
                }
            }
        });
    }
}
