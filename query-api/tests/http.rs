//! The query API over HTTP, on the SQLite store and an example domain.

#![allow(clippy::unwrap_used, reason = "a test helper may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::body::to_bytes;
use actix_web::test::TestRequest;
use foldline_query_api::{QueryApi, QueryConfig};
use model::{Aggregate, Model, ViewKind};
use read_store::batch::{HistoryWrite, RowWrite, StateRow};
use read_store::sqlite::{SqliteStore, SqliteWriter};
use read_store::{Batch, Catalog, Mark, ParkedWrite, Position, Run, RunId, StateWrite, Writer};
use serde_json::{Value as Json, json};
use service::{Front, Origins};
use uuid::Uuid;

const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "00000000-0000-4000-8000-00000000000b";
const STREAM: Uuid = Uuid::from_u128(7);

struct World {
    front: Front,
    writer: SqliteWriter,
    order: Arc<Aggregate>,
    run: RunId,
    offset: i64,
    _directory: tempfile::TempDir,
}

#[derive(Debug)]
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    text: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap()
    }

    fn code(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}

impl World {
    async fn new() -> World {
        World::with_age(Duration::ZERO).await
    }

    async fn with_age(cache_max_age: Duration) -> World {
        let directory = tempfile::tempdir().unwrap();
        let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
        let model = Arc::new(Model::load(&schemas).unwrap());
        let (reader, mut writer) = SqliteStore::open(directory.path()).unwrap();
        let runs = model.aggregates.iter().map(|a| Run {
            id: RunId(format!("run-{}", a.name).into()),
            aggregate: a.name.clone(),
            fold_hash: a.fold_hash,
            views: a.views.iter().map(|v| (v.name.clone(), v.hash)).collect(),
            primary: true,
            live: true,
        });
        let catalog = Catalog { stream: Some(STREAM), runs: runs.collect(), ..Catalog::default() };
        writer.migrate(&model, &catalog).await.unwrap();
        let order = model.aggregate("order").unwrap().clone();
        let config = QueryConfig { cache_max_age, ..QueryConfig::default() };
        let api = QueryApi::new(model, reader, config);
        let front = Front::new(vec![api], b"{}".to_vec(), Origins::default());
        let run = RunId("run-order".into());
        World { front, writer, order, run, offset: -1, _directory: directory }
    }

    /// Writes an order as the projector would, after one event `OrderPlaced`.
    async fn place(&mut self, id: &str, customer: &str, day: u8, parked: bool) {
        self.offset += 1;
        let placed_at = format!("2026-11-{day:02}T10:00:00Z");
        let lines = json!([{"sku": "pen", "qty": 2, "price": 150}]);
        let data =
            json!({"customer": customer, "lines": lines, "total": 300, "placed_at": placed_at});
        let (event, kind) = self.order.event("OrderPlaced").unwrap();
        let data = kind.shape.from_json(&data).unwrap();
        let id: Arc<str> = id.into();
        let state = self.order.fold(None, event, &data, &id, 5).unwrap();
        let mut batch = Batch::default();
        for view in self.order.views.iter().filter(|v| matches!(v.kind, ViewKind::Rows(_))) {
            for row in self.order.rows(view, &id, 1, state.as_ref()).unwrap_or_default() {
                let (run, view, id) = (self.run.clone(), view.clone(), id.clone());
                batch.rows.push(RowWrite {
                    run,
                    view,
                    id,
                    row,
                    always_null: Vec::new(),
                    delete: false,
                    offset: self.offset,
                });
            }
        }
        batch.history.push(HistoryWrite {
            run: self.run.clone(),
            aggregate: "order".into(),
            id: id.clone(),
            version: 1,
            event: "OrderPlaced".into(),
            time: 5,
            data: self.order.write_event(event, &data),
            offset: self.offset,
        });
        let state = state.map(|state| self.order.encode_state(&state).into());
        let parked_from = parked.then_some(self.offset);
        let state = StateRow { version: 1, offset: self.offset, keyed: 0, state, parked_from };
        batch.states.push(StateWrite {
            run: self.run.clone(),
            aggregate: "order".into(),
            id,
            state,
        });
        batch.marks.push(Mark {
            run: self.run.clone(),
            partition: ("log".into(), 0),
            offset: self.offset,
            claim: None,
            seq: 0,
        });
        self.writer.apply(batch).await.unwrap();
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Seen {
        let mut request = TestRequest::get().uri(path);
        for header in headers {
            request = request.insert_header(*header);
        }
        let (request, payload) = request.to_http_parts();
        let answer = self.front.answer(request, payload).await;
        let status = answer.status().as_u16();
        let headers = answer.headers().iter();
        let headers =
            headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect();
        let body = to_bytes(answer.into_body()).await.unwrap();
        Seen { status, headers, text: String::from_utf8(body.to_vec()).unwrap() }
    }

    fn position(&self, offset: i64) -> String {
        let mut position = Position::start(STREAM);
        position.cover(&("log".into(), 0), offset);
        position.to_text()
    }
}

#[actix_web::test]
async fn a_state_has_its_version_as_tag_and_the_marks_as_position() {
    let mut world = World::new().await;
    world.place(A, "ann", 1, false).await;
    let seen = world.get(&format!("/orders/{A}"), &[]).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    assert_eq!((&seen.json()["version"], &seen.json()["state"]["total"]), (&json!(1), &json!(300)));
    assert_eq!(seen.header("etag"), Some("\"1\""));
    assert_eq!(seen.header("foldline-position"), Some(world.position(0).as_str()));
    assert_eq!(seen.header("cache-control"), Some("private, no-cache"));
    for tag in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let again = world.get(&format!("/orders/{A}"), &[("if-none-match", tag)]).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{tag}");
    }
    let fields = world.get(&format!("/orders/{A}?fields=total,lines.sku"), &[]).await;
    assert_eq!(fields.json()["state"], json!({"total": 300, "lines": [{"sku": "pen"}]}));
    let old = world.get(&format!("/orders/{A}?version=1"), &[]).await;
    assert_eq!(old.json(), seen.json());
}

#[actix_web::test]
async fn wrong_questions_get_their_codes() {
    let mut world = World::new().await;
    world.place(A, "ann", 1, false).await;
    for (path, status, code) in [
        ("/nothings/1", 404, "unknown-collection"),
        ("/views/nothing", 404, "unknown-view"),
        ("/orders", 404, "unknown-view"),
        ("/orders/no-uuid", 400, "invalid-id"),
        (&format!("/orders/{B}"), 404, "not-found"),
        (&format!("/orders/{B}/history"), 404, "not-found"),
        (&format!("/orders/{A}?version=2"), 404, "no-such-version"),
        (&format!("/orders/{A}?version=0"), 404, "no-such-version"),
        (&format!("/orders/{A}?version=x"), 400, "invalid-value"),
        (&format!("/orders/{A}?fields=nope"), 400, "invalid-value"),
        (&format!("/orders/{A}?nope=1"), 400, "unsupported-query"),
        (&format!("/orders/{A}/history?cursor=zzz"), 400, "invalid-cursor"),
        ("/views/orders-by-customer", 400, "unsupported-query"),
        ("/views/orders-by-customer?customer=a&customer=b", 400, "unsupported-query"),
        ("/views/orders-by-customer?customer=a&total=3", 400, "unsupported-query"),
        ("/views/orders-by-customer?customer=a&id.gt=3", 400, "unsupported-query"),
        ("/views/orders-by-customer?customer.gt=a", 400, "unsupported-query"),
        ("/views/orders-by-customer?customer=a&placed_at=soon", 400, "invalid-value"),
        ("/views/orders-by-customer?customer=a&limit=0", 400, "invalid-value"),
        ("/views/orders-by-customer?customer=a&limit=1001", 400, "invalid-value"),
        ("/views/orders-by-customer?customer=a&order=up", 400, "invalid-value"),
        ("/views/orders-by-customer?customer=a&fields=nope", 400, "invalid-value"),
        ("/views/orders-by-customer?customer=%ff", 400, "invalid-value"),
        ("/views/orders-by-customer?customer=a&cursor=AAAA", 400, "invalid-cursor"),
    ] {
        let seen = world.get(path, &[]).await;
        assert_eq!(seen.code(), (status, code.to_owned()), "{path}: {}", seen.text);
    }
}

#[actix_web::test]
async fn a_refusal_prints_the_yaml_that_would_allow_the_question() {
    let world = World::new().await;
    let seen = world.get("/views/orders-by-customer?customer=a&region=eu", &[]).await;
    let detail = seen.json()["detail"].as_str().unwrap().to_owned();
    for part in [
        "views:\n  orders-by-customer-by-customer-region:\n",
        "    key: [customer, region]\n    sort: [-placed_at]\n",
        "region: state.region",
    ] {
        assert!(detail.contains(part), "{part:?} in {detail}");
    }
    let list = world.get("/orders", &[]).await;
    assert!(
        list.json()["detail"].as_str().unwrap().contains("views:\n  all-orders:\n    sort: [id]")
    );
}

#[actix_web::test]
async fn pages_follow_the_declared_order_and_join_by_cursor() {
    let mut world = World::new().await;
    for day in 1..=5 {
        let id = format!("00000000-0000-4000-8000-00000000000{day}");
        world.place(&id, "ann", day, false).await;
    }
    let days = |seen: &Seen| -> Vec<String> {
        let items = seen.json()["items"].as_array().unwrap().clone();
        items.iter().map(|i| i["placed_at"].as_str().unwrap()[8..10].to_owned()).collect()
    };
    let path = "/views/orders-by-customer?customer=ann&limit=2";
    for (order, expected) in [("", "54321"), ("&order=asc", "12345"), ("&order=desc", "54321")] {
        let (mut all, mut cursor) = (String::new(), String::new());
        loop {
            let seen = world.get(&format!("{path}{order}{cursor}"), &[]).await;
            all.extend(days(&seen).iter().map(|day| day.trim_start_matches('0').to_owned()));
            match seen.json()["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(all, expected, "{order}");
    }
    let next = world.get(path, &[]).await.json()["next"].as_str().unwrap().to_owned();
    for other in
        ["customer=bob", "customer=ann&order=asc", "customer=ann&placed_at.gt=2026-11-02T00:00:00Z"]
    {
        let seen =
            world.get(&format!("/views/orders-by-customer?{other}&cursor={next}"), &[]).await;
        assert_eq!(seen.code(), (400, "invalid-cursor".to_owned()), "{other}");
    }
    let range = "/views/orders-by-customer?customer=ann&placed_at.gt=2026-11-02T10:00:00Z&placed_at.lte=2026-11-04T10:00:00Z";
    assert_eq!(days(&world.get(range, &[]).await), ["04", "03"]);
    let one = world.get("/views/orders-by-customer?customer=ann&limit=1&fields=total", &[]).await;
    let item = json!({"id": "00000000-0000-4000-8000-000000000005", "total": 300});
    assert_eq!(one.json()["items"], json!([item]));
}

#[actix_web::test]
async fn a_stream_has_every_row_unless_limited() {
    let mut world = World::new().await;
    for number in 0..250 {
        world.place(&format!("00000000-0000-4000-8000-{number:012}"), "ann", 3, false).await;
    }
    let ndjson = [("accept", "application/x-ndjson")];
    let all = world.get("/views/orders-by-customer?customer=ann", &ndjson).await;
    assert_eq!(all.header("content-type"), Some("application/x-ndjson"));
    let mut ids: Vec<&str> = all.text.lines().map(|line| &line[7..43]).collect();
    ids.dedup();
    assert_eq!(ids.len(), 250);
    let some = world.get("/views/orders-by-customer?customer=ann&limit=120", &ndjson).await;
    assert_eq!(some.text.lines().count(), 120);
    assert_eq!(world.get(&format!("/orders?id={}", A), &ndjson).await.status, 406);
}

#[actix_web::test]
async fn a_minimum_is_waited_for_and_never_answered_old() {
    let mut world = World::new().await;
    world.place(A, "ann", 1, false).await;
    let path = format!("/orders/{A}");
    let ask = async |world: &World, position: &str, wait: &str| {
        let headers = [("foldline-min-position", position), ("prefer", wait)];
        world.get(&path, &headers).await
    };
    assert_eq!(ask(&world, &world.position(0), "wait=0").await.status, 200);
    let early = ask(&world, &world.position(1), "wait=0").await;
    assert_eq!(early.code(), (503, "not-yet-visible".to_owned()));
    assert_eq!(early.json()["position"], world.position(0));
    assert!(early.header("retry-after").is_some());
    let later = world.position(1);
    world.place(B, "bob", 1, false).await;
    assert_eq!(
        ask(&world, &later, "wait=5").await.header("foldline-position"),
        Some(later.as_str())
    );
    let broken = ask(&world, "garbage!", "wait=0").await;
    assert_eq!(broken.code(), (400, "invalid-position".to_owned()));
    let other = Position::start(Uuid::from_u128(8)).to_text();
    assert_eq!(ask(&world, &other, "wait=0").await.code(), (400, "unknown-position".to_owned()));
}

#[actix_web::test]
async fn a_parked_state_says_so_and_refuses_only_minimums_past_its_place() {
    let mut world = World::with_age(Duration::from_secs(60)).await;
    world.place(B, "bob", 1, false).await;
    world.place(A, "ann", 1, true).await;
    let path = format!("/orders/{A}");
    for headers in [vec![], vec![("if-none-match", "\"1\"")]] {
        let seen = world.get(&path, &headers).await;
        assert_eq!((seen.status, seen.json()["parked"].clone()), (200, json!(true)));
    }
    let (before, at) = (world.position(0), world.position(1));
    assert_eq!(world.get(&path, &[("foldline-min-position", &before)]).await.status, 200);
    let past = world.get(&path, &[("foldline-min-position", &at)]).await;
    assert_eq!(past.code(), (503, "not-yet-visible".to_owned()));
    let mut foreign = Position::start(STREAM);
    foreign.cover(&("invoices".into(), 0), 900);
    let foreign = world.get(&path, &[("foldline-min-position", &foreign.to_text())]).await;
    assert_eq!(foreign.status, 200, "invoices feed nothing here: {}", foreign.text);
    let other = world.get(&format!("/orders/{B}"), &[("foldline-min-position", &at)]).await;
    assert_eq!(other.status, 200);
}

#[actix_web::test]
async fn a_parked_state_refuses_minimums_past_its_place_in_its_own_partition_only() {
    let mut world = World::with_age(Duration::from_secs(60)).await;
    let of = |number| (Arc::from("log"), number);
    let pointer = ParkedWrite {
        run: world.run.clone(),
        aggregate: "order".into(),
        id: A.into(),
        view: None,
        partition: of(0),
        offset: 0,
        version: 1,
        reason: "why".to_owned(),
    };
    world.place(A, "ann", 1, true).await;
    let other = Mark { run: world.run.clone(), partition: of(1), offset: 7, claim: None, seq: 0 };
    let batch = Batch { parked: vec![pointer], marks: vec![other], ..Batch::default() };
    world.writer.apply(batch).await.unwrap();
    for path in [format!("/orders/{A}"), format!("/orders?id={A}")] {
        for (number, status) in [(1, 200), (0, 503)] {
            let mut minimum = Position::start(STREAM);
            minimum.cover(&of(number), 0);
            let seen = world.get(&path, &[("foldline-min-position", &minimum.to_text())]).await;
            assert_eq!(seen.status, status, "{path} {number}");
        }
    }
}

#[actix_web::test]
async fn a_kept_answer_never_serves_a_later_minimum() {
    let mut world = World::with_age(Duration::from_secs(60)).await;
    world.place(A, "ann", 1, false).await;
    let path = "/views/orders-by-customer?customer=ann";
    let count = |seen: Seen| seen.json()["items"].as_array().unwrap().len();
    assert_eq!(count(world.get(path, &[]).await), 1);
    world.place(B, "ann", 2, false).await;
    assert_eq!(count(world.get(path, &[]).await), 1, "kept");
    let minimum = world.position(1);
    let headers = [("foldline-min-position", minimum.as_str())];
    assert_eq!(count(world.get(path, &headers).await), 2, "read anew");
}

#[actix_web::test]
async fn several_states_and_a_history_are_listed() {
    let mut world = World::new().await;
    world.place(A, "ann", 1, false).await;
    let both = world.get(&format!("/orders?id={B}&id={A}&id={A}"), &[]).await;
    let items = both.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.iter().map(|i| i["id"].as_str().unwrap()).collect::<Vec<_>>(), [A]);
    let history = world.get(&format!("/orders/{A}/history"), &[]).await;
    let event = &history.json()["items"][0];
    assert_eq!((&event["type"], &event["version"]), (&json!("OrderPlaced"), &json!(1)));
    assert_eq!(event["time"], "1970-01-01T00:00:00.005Z");
    assert_eq!(history.json()["next"], Json::Null);
}

#[actix_web::test]
async fn the_front_answers_other_methods() {
    let world = World::new().await;
    let ask = async |request: TestRequest| {
        let (request, payload) = request.uri("/views/orders-by-customer").to_http_parts();
        world.front.answer(request, payload).await
    };
    let options = ask(TestRequest::default().method(actix_web::http::Method::OPTIONS)).await;
    assert_eq!(options.status(), 204);
    let post = ask(TestRequest::post()).await;
    assert_eq!(post.status(), 405);
    assert_eq!(post.headers().get("allow").unwrap(), "GET, HEAD, OPTIONS");
}
