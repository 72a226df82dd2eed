//! Views and rollups over HTTP: what may be asked, in which order it comes, how pages join.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Duration;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rstest::rstest;
use serde_json::{Value as Json, json};
use support::{World, item, model_with};

const COLORS: [&str; 3] = ["red", "green", "blue"];

/// Sixty items of two owners, three colours, few sizes and weights: many rows that tie.
async fn sixty() -> World {
    let mut world = World::new().await;
    for n in 0..60_usize {
        let changes = json!({
            "owner": if n % 3 == 0 { "bob" } else { "ann" },
            "color": COLORS[n % 7 % 3],
            "size": n % 5,
            "weight": format!("{}.{}0", n % 4, n % 10),
            "tags": if n % 2 == 0 { ["x", "y", "x"] } else { ["x"; 3] },
            "note": if n == 4 { json!("é\n") } else { Json::Null },
        });
        world.append(&format!("i{n}"), 1, "ItemPut", &item(changes)).await;
    }
    world.settle().await;
    world
}

#[actix_web::test]
async fn pages_of_any_size_join_to_the_whole_list_both_ways() {
    let world = sixty().await;
    let mut runner = TestRunner::deterministic();
    for path in [
        "/views/items-by-owner?owner=ann",
        "/views/items-by-owner?owner=ann&size=2",
        "/views/items-by-owner?owner=ann&size.gt=0&size.lte=3",
        "/views/all-items?fields=id",
        "/views/all-items?id.gte=i2&id.lt=i5",
        "/views/items-by-color?color=red",
        "/views/items-by-tag?tag=x",
        "/views/puts?",
        "/views/totals?owner=ann",
        "/views/totals?owner=bob&size=1",
        "/views/totals?owner=ann&size.gte=1",
    ] {
        let (down, up) = (format!("{path}&order=desc"), format!("{path}&order=asc"));
        let falling = world.walk(&down, &[1000]).await;
        let mut rising = world.walk(&up, &[1000]).await;
        rising.reverse();
        assert!(falling.len() > 2, "{path}");
        assert_eq!(falling, rising, "{path}");
        rising.reverse();
        for _ in 0..6 {
            let limits = prop::collection::vec(1..20_usize, 1..5);
            let limits = limits.new_tree(&mut runner).unwrap().current();
            assert_eq!(world.walk(&down, &limits).await, falling, "{path} {limits:?}");
            assert_eq!(world.walk(&up, &limits).await, rising, "{path} {limits:?}");
        }
    }
}

#[actix_web::test]
async fn the_declared_order_holds_with_its_mixed_directions_and_ties() {
    let world = sixty().await;
    let all = world.walk("/views/items-by-owner?owner=ann", &[1000]).await;
    let keys: Vec<_> = all
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (
                std::cmp::Reverse(row["size"].as_i64().unwrap()),
                text("color"),
                std::cmp::Reverse(text("id")),
            )
        })
        .collect();
    assert!(keys.is_sorted(), "size falls, color rises, id falls as size does");
    assert_eq!(all.len(), 40);
    assert_eq!(
        world.get("/views/items-by-owner?owner=ann&limit=1").await.text,
        world.get("/views/items-by-owner?owner=ann&limit=1&order=desc").await.text,
    );
    let sums = world.walk("/views/totals?owner=ann", &[1000]).await;
    let items: i64 = sums.iter().map(|sum| sum["items"].as_i64().unwrap()).sum();
    assert_eq!(items, 40);
    assert!(sums.iter().map(|sum| -sum["size"].as_i64().unwrap()).is_sorted());
    let weights = sums[0]["weights"].as_str().unwrap();
    assert_eq!(weights.split_once('.').map(|(_, places)| places.len()), Some(2), "{weights}");
}

#[rstest]
#[case::equality("items-by-owner?owner=ann&size=1&color=red", 1)]
#[case::empty_text("items-by-owner?owner=", 1)]
#[case::empty_text_without_a_sign("items-by-owner?owner", 1)]
#[case::encoded("items-by-owner?owner=J%C3%BCrgen+%26+S%C3%B6hne", 1)]
#[case::plus("items-by-owner?owner=a%2Bb", 1)]
#[case::encoded_name("items-by-owner?%6Fwner=ann", 1)]
#[case::negative("items-by-owner?owner=a%2Bb&size=-3", 1)]
#[case::decimal("items-by-color?color=blue&weight=12.50", 1)]
#[case::fewer_places("items-by-color?color=blue&weight=12.5", 1)]
#[case::decimals_by_value("items-by-color?color=blue&weight.gt=9.99", 1)]
#[case::no_row("items-by-owner?owner=nobody", 0)]
#[case::empty_range("items-by-owner?owner=ann&size.gt=5&size.lt=2", 0)]
#[case::time("puts?time.gte=2026-05-28T20:26:40.001Z", 4)]
#[case::time_with_offset("puts?time.gt=2026-05-28T22:26:40.001%2B02:00", 0)]
#[case::by_id("all-items?id=a1", 1)]
#[actix_web::test]
async fn values_are_written_as_in_json_without_quotes(#[case] query: &str, #[case] rows: usize) {
    let mut world = World::new().await;
    world.put("a1", json!({})).await;
    world.put("a2", json!({"owner": ""})).await;
    world.put("a3", json!({"owner": "Jürgen & Söhne", "color": "blue", "weight": "12.50"})).await;
    world.put("a4", json!({"owner": "a+b", "size": -3})).await;
    let seen = world.get(&format!("/views/{query}")).await;
    assert_eq!(seen.status, 200, "{seen:?}");
    assert_eq!(seen.items().len(), rows, "{seen:?}");
}

#[actix_web::test]
async fn what_is_refused_has_its_code() {
    let world = World::new().await;
    for (query, code) in [
        ("items-by-owner", "unsupported-query"),
        ("items-by-owner?size=1", "unsupported-query"),
        ("items-by-owner?owner=a&owner=b", "unsupported-query"),
        ("items-by-owner?owner=a&limit=1&limit=1", "unsupported-query"),
        ("items-by-owner?owner.gt=a", "unsupported-query"),
        ("items-by-owner?owner=a&color=red", "unsupported-query"),
        ("items-by-owner?owner=a&size.gt=1&color=red", "unsupported-query"),
        ("items-by-owner?owner=a&size.gt=1&color.gt=red", "unsupported-query"),
        ("items-by-owner?owner=a&size.gt=1&size.gte=1", "unsupported-query"),
        ("items-by-owner?owner=a&size=1&size.gt=1", "unsupported-query"),
        ("items-by-owner?owner=a&size.eq=1", "unsupported-query"),
        ("items-by-owner?owner=a&size.gt.lt=1", "unsupported-query"),
        ("items-by-owner?owner=a&weight=1", "unsupported-query"),
        ("items-by-owner?owner=a&size=1&color=red&id=x", "unsupported-query"),
        ("items-by-tag?tag=x&id=a1", "unsupported-query"),
        ("items-by-tag?tag=x&id.gt=a1", "unsupported-query"),
        ("items-by-tag?tag=x&index=1", "unsupported-query"),
        ("puts?version=1", "unsupported-query"),
        ("totals?owner=a&items=1", "unsupported-query"),
        ("totals?owner=a&=1", "unsupported-query"),
        ("all-items?limit=0", "invalid-value"),
        ("all-items?limit=1001", "invalid-value"),
        ("all-items?limit=-1", "invalid-value"),
        ("all-items?limit=%2B5", "invalid-value"),
        ("all-items?limit=", "invalid-value"),
        ("all-items?order=up", "invalid-value"),
        ("all-items?order=", "invalid-value"),
        ("all-items?fields=", "invalid-value"),
        ("all-items?fields=size,nope", "invalid-value"),
        ("all-items?id=%zz", "invalid-value"),
        ("all-items?%ff=1", "invalid-value"),
        ("items-by-owner?owner=a&size=1.5", "invalid-value"),
        ("items-by-owner?owner=a&size=", "invalid-value"),
        ("items-by-owner?owner=a&size=null", "invalid-value"),
        ("items-by-owner?owner=a&size=1&color=pink", "invalid-value"),
        ("items-by-color?color=red&weight=1.234", "invalid-value"),
        ("puts?time.gt=yesterday", "invalid-value"),
        ("all-items?cursor=", "invalid-cursor"),
        ("all-items?cursor=%C3%A9", "invalid-cursor"),
    ] {
        let seen = world.get(&format!("/views/{query}")).await;
        assert_eq!(seen.code(), (400, code.to_owned()), "{query}: {}", seen.text);
        assert_eq!(seen.header("content-type"), Some("application/problem+json"));
    }
    for path in ["/views/nope", "/views", "/views/", "/items"] {
        assert_eq!(world.get(path).await.code(), (404, "unknown-view".to_owned()), "{path}");
    }
    assert_eq!(world.get("/nope").await.code(), (404, "unknown-collection".to_owned()));
}

#[rstest]
#[case("items-by-owner", "size=1")]
#[case("items-by-owner", "owner=ann&color=red")]
#[case("items-by-owner", "owner=ann&weight.gt=0.50")]
#[case("items-by-owner", "owner.gte=a")]
#[case("items-by-owner", "owner=ann&note=hello")]
#[case("items-by-owner", "owner=ann&since.lt=2027-01-01")]
#[case("items-by-owner", "id=a1")]
#[case("items-by-owner", "")]
#[case("all-items", "owner=ann&size.gt=0&order=desc&limit=3")]
#[case("items-by-color", "heavy=false")]
#[case("items-by-tag", "tag=x&owner=ann")]
#[case("puts", "owner=ann&time.gte=2026-01-01T00:00:00Z")]
#[case("puts", "color=red")]
#[case("totals", "size=1")]
#[case("totals", "color=red&size.gte=1")]
#[case("totals", "owner=ann&weight.gt=0.10")]
#[case("shares", "share.lt=5")]
#[actix_web::test]
async fn a_refusal_prints_a_declaration_that_allows_just_that(
    #[case] view: &str,
    #[case] query: &str,
) {
    let world = World::new().await;
    let detail = world.get(&format!("/views/{view}?{query}")).await.detail();
    assert!(detail.contains("This would allow it, at"), "{detail}");
    let (_, yaml) = detail.split_once("views:\n").unwrap_or_else(|| panic!("no YAML: {detail}"));
    let model = model_with(yaml).unwrap_or_else(|errors| panic!("{errors}\n{yaml}"));
    let name = yaml.lines().next().unwrap().trim().trim_end_matches(':');
    let mut world = World::with(Duration::ZERO, model).await;
    world.put("a1", json!({"note": "hello", "tags": ["x"]})).await;
    let seen = world.get(&format!("/views/{name}?{query}")).await;
    assert_eq!((seen.status, seen.items().len()), (200, 1), "{seen:?}\n{yaml}");
}

#[rstest]
#[case("items-by-owner?owner=a&size.gt=1&weight.gt=2", "key: [owner]\n    sort: [-size, color]")]
#[case("items-by-owner?owner=a&size.gt=1&size.gte=2", "sort: [-size, color]")]
#[case("items-by-owner?owner=a&owner=b", "key: [owner]")]
#[case("totals?owner=a&sizes.gt=1", "key: [owner]\n    sort: [-size, color]")]
#[case("puts?size=1&version=3", "key: [size]")]
#[actix_web::test]
async fn a_refusal_says_where_no_declaration_helps(#[case] query: &str, #[case] part: &str) {
    let world = World::new().await;
    let detail = world.get(&format!("/views/{query}")).await.detail();
    assert!(detail.contains("No declaration allows all of that"), "{detail}");
    let (_, yaml) = detail.split_once("views:\n").unwrap_or_else(|| panic!("no YAML: {detail}"));
    assert!(yaml.contains(part), "{yaml}");
    model_with(yaml).unwrap_or_else(|errors| panic!("{errors}\n{yaml}"));
}

#[actix_web::test]
async fn a_collection_without_ids_prints_four_lines_that_declare_a_list() {
    let world = World::new().await;
    let detail = world.get("/items").await.detail();
    let (_, yaml) = detail.split_once("views:\n").unwrap();
    assert_eq!(yaml.lines().count(), 3);
    let other = yaml.replace("all-items", "whole-list");
    model_with(&format!("{other}\n")).unwrap_or_else(|errors| panic!("{errors}"));
}

#[actix_web::test]
async fn a_cursor_fits_its_own_question_only() {
    let world = sixty().await;
    let first = world.get("/views/items-by-owner?owner=ann&limit=3").await;
    let cursor = first.json()["next"].as_str().unwrap().to_owned();
    for other in [
        "items-by-owner?owner=bob",
        "items-by-owner?owner=ann&order=asc",
        "items-by-owner?owner=ann&size=2",
        "items-by-owner?owner=ann&size.gt=2",
        "totals?owner=ann",
        "items-by-color?color=red",
        "puts?",
        "all-items?",
    ] {
        let seen = world.get(&format!("/views/{other}&cursor={cursor}")).await;
        assert_eq!(seen.code(), (400, "invalid-cursor".to_owned()), "{other}");
    }
    let same = format!("/views/items-by-owner?owner=ann&limit=7&fields=size&cursor={cursor}");
    assert_eq!(world.get(&same).await.items().len(), 7, "limit and fields may change");
    let cut = format!("/views/items-by-owner?owner=ann&cursor={}", &cursor[..cursor.len() - 4]);
    assert_eq!(world.get(&cut).await.code(), (400, "invalid-cursor".to_owned()));
    let changed =
        model_with("").map(|_| "  more:\n    sort: [id]\n    fields: { size: state.size }\n");
    let other = World::with(Duration::ZERO, model_with(changed.unwrap()).unwrap()).await;
    let seen = other.get(&format!("/views/items-by-owner?owner=ann&cursor={cursor}")).await;
    assert_eq!(seen.status, 200, "a new view beside it changes nothing");
}

#[actix_web::test]
async fn fields_leave_out_all_but_the_id() {
    let world = sixty().await;
    let row = |path: &str| {
        let path = path.to_owned();
        let world = &world;
        async move { world.get(&path).await.items()[0].clone() }
    };
    let one = row("/views/items-by-owner?owner=ann&limit=1&fields=weight,%20note").await;
    assert_eq!(one.as_object().unwrap().keys().collect::<Vec<_>>(), ["id", "note", "weight"]);
    let id = row("/views/all-items?limit=1&fields=id").await;
    assert_eq!(id, json!({"id": "i0"}));
    let sum = row("/views/totals?owner=ann&limit=1&fields=sizes,color").await;
    assert_eq!(sum.as_object().unwrap().keys().collect::<Vec<_>>(), ["color", "sizes"]);
    let all = world.get("/views/items-by-owner?owner=ann&limit=1").await.text;
    assert!(all.starts_with("{\"items\":[{\"id\":"), "{all}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn no_query_string_breaks_a_view(queries in prop::collection::vec(query(), 40)) {
        actix_web::rt::System::new().block_on(async {
            let mut world = World::new().await;
            world.put("a1", json!({})).await;
            for query in queries {
                for view in ["items-by-owner", "all-items", "totals", "puts"] {
                    let seen = world.get(&format!("/views/{view}?{query}")).await;
                    assert!(matches!(seen.status, 200 | 400), "{query}: {seen:?}");
                }
                let seen = world.get(&format!("/items/a1?{query}")).await;
                assert!(matches!(seen.status, 200 | 400 | 404), "{query}: {seen:?}");
                let seen = world.get(&format!("/items/a1/history?{query}")).await;
                assert!(matches!(seen.status, 200 | 400), "{query}: {seen:?}");
            }
        });
    }
}

/// Query strings that look likely, and some that do not.
fn query() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "owner", "size", "size.gt", "size.lte", "color", "id", "id.lt", "limit", "cursor", "order",
        "fields", "version", "time.gt", "a.b", ".gt", "$index", "%00", "x%",
    ]);
    let value = prop_oneof![
        Just("ann".to_owned()),
        Just("3".to_owned()),
        Just("-9223372036854775808".to_owned()),
        Just("desc".to_owned()),
        "[a-zA-Z0-9_-]{0,40}",
        "[A-Za-z0-9%&=.+_~!*'()-]{0,12}",
    ];
    let pair = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&"))
}
