//! States, histories, and what is said of their age, over HTTP.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use actix_web::http::Method;
use read_store::Position;
use serde_json::{Value as Json, json};
use support::World;

#[actix_web::test]
async fn a_state_shows_what_is_asked_for_and_in_nested_records() {
    let mut world = World::new().await;
    let data = json!({"box": {"width": 2, "height": 3}, "tags": ["x"], "weight": "2.50"});
    world.put("ann:2026~W47@b.c", data).await;
    let seen = world.get("/items/ann%3A2026~W47%40b.c").await;
    assert_eq!((seen.status, seen.json()["id"].clone()), (200, json!("ann:2026~W47@b.c")));
    assert_eq!(seen.header("etag"), Some("\"1\""));
    assert_eq!(seen.json()["state"]["weight"], "2.50");
    let some = world.get("/items/ann:2026~W47@b.c?fields=box.width,since").await;
    assert_eq!(some.json()["state"], json!({"since": "2026-11-21", "box": {"width": 2}}));
    for fields in ["", "box.depth", "owner.name", "size,,since", "box."] {
        let seen = world.get(&format!("/items/ann:2026~W47@b.c?fields={fields}")).await;
        assert_eq!(seen.code(), (400, "invalid-value".to_owned()), "{fields}");
    }
    for id in ["a%2Fb", "a%20b", "..", ".", "%ff", "%", "", &"x".repeat(129)] {
        let seen = world.get(&format!("/items/{id}")).await;
        assert_eq!(seen.code(), (400, "invalid-id".to_owned()), "{id}");
    }
}

#[actix_web::test]
async fn what_is_not_there_is_not_there_as_of_a_position() {
    let mut world = World::new().await;
    world.put("a", json!({})).await;
    let now = world.position(world.last());
    for path in ["/items/b", "/items/b/history", "/items/a?version=9"] {
        let seen = world.get_with(path, &[("foldline-min-position", &now)]).await;
        assert_eq!(seen.status, 404, "{path}");
        assert_eq!(seen.header("foldline-position"), Some(&*now), "{path}");
    }
}

#[actix_web::test]
async fn a_stream_asked_for_its_head_names_no_length() {
    let mut world = World::new().await;
    world.put("a", json!({})).await;
    let ndjson = [("accept", "application/x-ndjson")];
    let (request, payload) = actix_web::test::TestRequest::default()
        .method(Method::HEAD)
        .uri("/views/all-items")
        .insert_header(ndjson[0])
        .to_http_parts();
    let answer = world.front.answer(request, payload).await;
    assert_eq!(answer.headers().get("content-type").unwrap(), ndjson[0].1);
    assert!(answer.headers().contains_key("foldline-position"));
    let size = actix_web::body::MessageBody::size(answer.body());
    assert_eq!(size, actix_web::body::BodySize::None);
}

#[actix_web::test]
async fn several_states_are_at_most_a_hundred() {
    let mut world = World::new().await;
    world.put("a1", json!({})).await;
    world.put("a2", json!({"size": 2})).await;
    let seen = world.get("/items?id=a2&id=no&id=a%31&id=a2&fields=size").await;
    assert_eq!(
        seen.json(),
        json!({"items": [
            {"id": "a2", "version": 1, "state": {"size": 2}},
            {"id": "a1", "version": 1, "state": {"size": 1}},
        ]})
    );
    assert!(seen.header("foldline-position").is_some());
    let ids = |count: usize| (0..count).map(|n| format!("id=x{n}")).collect::<Vec<_>>().join("&");
    assert_eq!(world.get(&format!("/items?{}", ids(100))).await.text, "{\"items\":[]}");
    let many = world.get(&format!("/items?{}", ids(101))).await;
    assert_eq!(many.code(), (400, "invalid-value".to_owned()));
    for (query, status, code) in [
        ("", 404, "unknown-view"),
        ("fields=size", 404, "unknown-view"),
        ("id=", 400, "invalid-id"),
        ("id=a1&limit=3", 400, "unsupported-query"),
        ("id=a1&fields=size&fields=note", 400, "unsupported-query"),
        ("id=a1&fields=nope", 400, "invalid-value"),
    ] {
        let seen = world.get(&format!("/items?{query}")).await;
        assert_eq!(seen.code(), (status, code.to_owned()), "{query}");
    }
}

/// An item put, changed twice, removed, and put again.
async fn lived() -> World {
    let mut world = World::new().await;
    world.append("a1", 1, "ItemPut", &support::item(json!({"size": 8}))).await;
    world.append("a1", 2, "ItemSplit", &json!({"by": 2})).await;
    world.append("a1", 3, "ItemSplit", &json!({"by": 2})).await;
    world.append("a1", 4, "ItemGone", &json!({})).await;
    world.append("a1", 5, "ItemPut", &support::item(json!({"size": 5}))).await;
    world.settle().await;
    world
}

#[actix_web::test]
async fn an_old_version_is_folded_from_the_history() {
    let world = lived().await;
    for (version, size) in [(1, Some(8)), (2, Some(4)), (3, Some(2)), (4, None), (5, Some(5))] {
        let seen = world.get(&format!("/items/a1?version={version}&fields=size")).await;
        match size {
            Some(size) => {
                let expected = json!({"id": "a1", "version": version, "state": {"size": size}});
                assert_eq!(seen.json(), expected);
                assert_eq!(seen.header("etag"), Some(format!("\"{version}\"").as_str()));
            }
            None => assert_eq!(seen.code(), (404, "not-found".to_owned())),
        }
    }
    for (version, status, code) in [
        ("0", 404, "no-such-version"),
        ("6", 404, "no-such-version"),
        ("18446744073709551615", 404, "no-such-version"),
        ("18446744073709551616", 400, "invalid-value"),
        ("-1", 400, "invalid-value"),
        ("%2B1", 400, "invalid-value"),
        ("", 400, "invalid-value"),
    ] {
        let seen = world.get(&format!("/items/a1?version={version}")).await;
        assert_eq!(seen.code(), (status, code.to_owned()), "{version}");
    }
    let twice = world.get("/items/a1?version=1&version=2").await;
    assert_eq!(twice.code(), (400, "unsupported-query".to_owned()));
}

#[actix_web::test]
async fn at_most_ten_thousand_events_are_folded_for_an_old_version() {
    let mut world = World::new().await;
    world.append("a1", 1, "ItemPut", &support::item(json!({"size": 8}))).await;
    for from in 0..10 {
        let (id, split) = (("a1", 2 + from * 1_000), json!({"by": 1}));
        world.append_times(1_000, id, "ItemSplit", &split).await;
    }
    world.settle().await;
    assert_eq!(world.get("/items/a1").await.json()["version"], 10_001);
    assert_eq!(world.get("/items/a1?version=10000").await.json()["version"], 10_000);
    let much = world.get("/items/a1?version=10001").await;
    assert_eq!(much.code(), (413, "too-large".to_owned()));
    assert_eq!(world.walk("/items/a1/history", &[1000]).await.len(), 10_001);
}

#[actix_web::test]
async fn a_history_outlives_its_aggregate_and_joins_page_by_page() {
    let mut world = lived().await;
    world.append("a1", 6, "ItemGone", &json!({})).await;
    world.settle().await;
    assert_eq!(world.get("/items/a1").await.code(), (404, "not-found".to_owned()));
    let all = world.walk("/items/a1/history", &[1000]).await;
    let versions: Vec<_> = all.iter().map(|event| event["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        all[1],
        json!({"type": "ItemSplit", "version": 2, "time": "2026-05-28T20:26:40.002Z",
            "data": {"by": 2}})
    );
    for limits in [&[1][..], &[2], &[4], &[5, 1], &[6]] {
        assert_eq!(world.walk("/items/a1/history", limits).await, all, "{limits:?}");
    }
    let next = world.get("/items/a1/history?limit=2").await.json()["next"].clone();
    let cursor = next.as_str().unwrap();
    world.put("a2", json!({})).await;
    for (path, status, code) in [
        (format!("/items/a2/history?cursor={cursor}"), 400, "invalid-cursor"),
        (format!("/views/all-items?cursor={cursor}"), 400, "invalid-cursor"),
        ("/items/a1/history?limit=0".to_owned(), 400, "invalid-value"),
        ("/items/a1/history?limit=1001".to_owned(), 400, "invalid-value"),
        ("/items/a1/history?order=desc".to_owned(), 400, "unsupported-query"),
        ("/items/never/history".to_owned(), 404, "not-found"),
    ] {
        assert_eq!(world.get(&path).await.code(), (status, code.to_owned()), "{path}");
    }
}

#[actix_web::test]
async fn a_known_tag_is_304_whether_read_or_kept() {
    for mut world in [World::new().await, World::keeping().await] {
        world.put("a1", json!({})).await;
        for (tag, status) in [
            ("\"1\"", 304),
            ("W/\"1\"", 304),
            ("\"0\", \"1\"", 304),
            ("*", 304),
            ("\"2\"", 200),
            ("1", 200),
        ] {
            let seen = world.get_with("/items/a1", &[("if-none-match", tag)]).await;
            assert_eq!(seen.status, status, "{tag}");
            assert_eq!(seen.text.is_empty(), status == 304);
            assert_eq!(seen.header("etag"), Some("\"1\""));
            let position = world.position(world.last());
            assert_eq!(seen.header("foldline-position"), Some(position.as_str()));
        }
        let none = world.get_with("/items/no", &[("if-none-match", "*")]).await;
        assert_eq!(none.status, 404);
    }
}

#[actix_web::test]
async fn head_is_answered_like_get() {
    let mut world = World::keeping().await;
    world.put("a1", json!({})).await;
    for path in ["/items/a1", "/views/all-items", "/items/a1/history"] {
        for _ in 0..2 {
            let head = world.ask(Method::HEAD, path, &[]).await;
            assert_eq!(head.status, 200);
            assert!(head.header("foldline-position").is_some(), "{path}");
        }
    }
    let stream = world.ask(Method::HEAD, "/views/all-items", &[("accept", "application/x-ndjson")]);
    let stream = stream.await;
    assert_eq!((stream.status, stream.text.as_str()), (200, ""));
    assert_eq!(world.ask(Method::HEAD, "/items/no", &[]).await.status, 404);
}

#[actix_web::test]
async fn only_offered_forms_are_answered() {
    let mut world = World::keeping().await;
    world.put("a1", json!({})).await;
    for (path, accept, status, kind) in [
        ("/items/a1", "*/*", 200, "application/json"),
        ("/items/a1", "application/*;q=0.2", 200, "application/json"),
        ("/items/a1", "text/html, */*;q=0.1", 200, "application/json"),
        ("/items/a1", "application/x-ndjson", 406, "application/problem+json"),
        ("/items/a1", "text/event-stream", 406, "application/problem+json"),
        ("/items/a1", "application/json;q=0", 406, "application/problem+json"),
        ("/views/all-items", "text/event-stream", 406, "application/problem+json"),
        ("/views/all-items", "application/x-ndjson", 200, "application/x-ndjson"),
        ("/views/all-items", "application/json", 200, "application/json"),
    ] {
        for _ in 0..2 {
            let seen = world.get_with(path, &[("accept", accept)]).await;
            assert_eq!(
                (seen.status, seen.header("content-type")),
                (status, Some(kind)),
                "{accept}"
            );
        }
    }
}

#[actix_web::test]
async fn a_failing_fold_sets_aside_its_key_and_no_other() {
    let mut world = World::new().await;
    world.put("a1", json!({"size": 8})).await;
    world.put("a2", json!({"size": 3})).await;
    let before = world.last();
    world.append("a1", 2, "ItemSplit", &json!({"by": 0})).await;
    world.settle().await;
    let at = world.position(world.last());
    let (early, late) = (world.position(before), [("foldline-min-position", at.as_str())]);
    let early = [("foldline-min-position", early.as_str())];

    let seen = world.get("/items/a1").await;
    assert_eq!((&seen.json()["parked"], &seen.json()["version"]), (&json!(true), &json!(1)));
    let tagged = world.get_with("/items/a1", &[("if-none-match", "\"1\"")]).await;
    assert_eq!(tagged.status, 200, "its tag proves nothing");
    assert_eq!(world.get_with("/items/a1", &early).await.status, 200);
    for path in ["/items/a1", "/items/a1/history", "/items?id=a2&id=a1"] {
        let seen = world.get_with(path, &late).await;
        assert_eq!(seen.code(), (503, "not-yet-visible".to_owned()), "{path}");
        assert_eq!(seen.header("retry-after"), Some("1"));
    }
    let mut elsewhere = Position::parse(early[0].1).unwrap();
    elsewhere.cover(&("invoice".into(), 0), 900);
    let elsewhere = elsewhere.to_text();
    let seen = world.get_with("/items/a1", &[("foldline-min-position", &elsewhere)]).await;
    assert_eq!(seen.status, 200, "what feeds nothing here does not count");
    let other = world.get_with("/items/a2", &late).await;
    assert_eq!((other.status, &other.json()["parked"]), (200, &Json::Null));
    for view in ["all-items", "puts", "items-by-owner?owner=ann", "totals?owner=ann"] {
        let seen = world.get_with(&format!("/views/{view}"), &late).await;
        assert_eq!((seen.status, seen.header("foldline-parked")), (200, Some("1")), "{view}");
    }
    assert_eq!(world.get("/items/a2").await.header("foldline-parked"), None);
}

#[actix_web::test]
async fn a_failing_row_sets_aside_its_key_for_that_view_only() {
    let mut world = World::new().await;
    world.put("a1", json!({"size": 7})).await;
    world.put("a2", json!({"size": 3})).await;
    let shares = world.get("/views/shares").await;
    assert_eq!((shares.items().len(), shares.header("foldline-parked")), (1, Some("1")));
    let lines = world.get_with("/views/shares", &[("accept", "application/x-ndjson")]).await;
    assert_eq!((lines.text.lines().count(), lines.header("foldline-parked")), (1, Some("1")));
    let all = world.get("/views/all-items").await;
    assert_eq!((all.items().len(), all.header("foldline-parked")), (2, None));
    assert_eq!(world.get("/items/a1").await.json()["parked"], Json::Null);
}
