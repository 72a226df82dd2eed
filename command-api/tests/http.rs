//! The HTTP contract of commands, row by row.

mod support;

use rstest::rstest;
use support::{Answer, World};

const TICKET: &str = "0197f000-0000-7000-8000-000000000001";

async fn opened() -> World {
    let world = World::new();
    assert_eq!(world.post("/accounts/a/open", "{}").await.status, 201);
    assert_eq!(world.post("/accounts/a/deposit", r#"{"amount":10}"#).await.status, 200);
    world
}

#[actix_web::test]
async fn a_new_aggregate_answers_201_with_its_place() {
    let world = World::new();
    let answer = world.post("/accounts/a@b:c/open", r#"{"owner":"ann"}"#).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("location"), Some("/accounts/a@b:c"));
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let json = answer.json();
    assert_eq!(json["id"], "a@b:c");
    assert_eq!(json["version"], 1);
    assert_eq!(json["events"], serde_json::json!([{"type": "Opened", "version": 1}]));
    assert_eq!(json["position"].as_str(), answer.header("foldline-position"));
}

#[actix_web::test]
async fn a_command_of_two_events_answers_both() {
    let world = opened().await;
    let answer = world.post("/accounts/a/withdraw", r#"{"amount":3}"#).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"4\"")));
    let events = serde_json::json!([
        {"type": "Withdrawn", "version": 3},
        {"type": "Noted", "version": 4},
    ]);
    assert_eq!(answer.json()["events"], events);
    assert_eq!(answer.header("location"), None);
}

#[actix_web::test]
async fn a_number_that_nothing_holds_does_not_fit() {
    let world = opened().await;
    let answer = world.post("/accounts/a/deposit", r#"{"amount":1e400}"#).await;
    assert_eq!(answer.brief(), (422, "invalid-input".to_owned()), "{}", answer.text);
    assert_eq!(answer.json()["errors"][0]["pointer"], "/amount");
}

#[actix_web::test]
async fn a_made_id_is_a_uuid_in_the_answer_and_in_location() {
    let world = World::new();
    let answer = world.post("/tickets/issue", r#"{"title":"x"}"#).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 7);
    assert_eq!(answer.header("location"), Some(format!("/tickets/{id}").as_str()));
}

#[actix_web::test]
async fn an_id_in_the_path_is_decoded_and_put_in_its_form() {
    let world = World::new();
    let answer = world.post("/accounts/a%40b/open", "{}").await;
    assert_eq!(answer.json()["id"], "a@b");
    let path = format!("/tickets/{}/issue", TICKET.to_uppercase());
    assert_eq!(world.post(&path, r#"{"title":"x"}"#).await.json()["id"], TICKET);
}

#[actix_web::test]
async fn a_success_without_events_keeps_the_version() {
    let world = opened().await;
    let before = world.post("/accounts/a/deposit", r#"{"amount":1}"#).await;
    let answer = world.post("/accounts/a/deposit", r#"{"amount":0}"#).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"3\"")));
    assert_eq!(answer.json()["events"], serde_json::json!([]));
    assert_eq!(answer.header("foldline-position"), before.header("foldline-position"));
}

#[rstest]
#[case::no_collection("/nothing/a/open", "{}", 404, "unknown-collection")]
#[case::no_collection_without_id("/nothing/open", "{}", 404, "unknown-collection")]
#[case::no_command("/accounts/a/fly", "{}", 404, "unknown-command")]
#[case::no_command_without_id("/tickets/fly", "{}", 404, "unknown-command")]
#[case::a_command_that_takes_an_id("/accounts/deposit", "{}", 404, "unknown-command")]
#[case::not_there("/accounts/b/deposit", r#"{"amount":1}"#, 404, "not-found")]
#[case::there("/accounts/a/open", "{}", 409, "already-exists")]
#[case::rule("/accounts/a/withdraw", r#"{"amount":11}"#, 409, "overdrawn")]
#[case::bad_text_id("/accounts/a%20b/open", "{}", 400, "invalid-id")]
#[case::bad_escape("/accounts/%ff/open", "{}", 400, "invalid-id")]
#[case::bad_uuid("/tickets/1/issue", r#"{"title":"x"}"#, 400, "invalid-id")]
#[case::no_json("/accounts/a/deposit", "{\"amount\":", 400, "malformed-json")]
#[case::unknown_field("/accounts/a/deposit", r#"{"amount":1,"b":2}"#, 422, "invalid-input")]
#[case::missing_field("/accounts/a/deposit", "", 422, "invalid-input")]
#[case::expression("/accounts/a/divide", r#"{"amount":0}"#, 422, "expression-failed")]
#[case::nothing("/tickets/issue", r#"{"title":""}"#, 422, "nothing-emitted")]
#[case::parameter("/accounts/a/deposit?dryrun=true", r#"{"amount":1}"#, 400, "unsupported-query")]
#[actix_web::test]
async fn refusals_say_what_is_wrong_and_write_nothing(
    #[case] path: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] code: &str,
) {
    let world = opened().await;
    let before = world.log.events().len();
    let answer = world.post(path, body).await;
    assert_eq!(answer.brief(), (status, code.to_owned()), "{}", answer.text);
    assert_eq!(answer.json()["type"], format!("urn:foldline:{code}"));
    assert_eq!(world.log.events().len(), before);
}

#[rstest]
#[case::right("\"2\"", 200, "")]
#[case::weak("W/\"2\"", 200, "")]
#[case::exists("*", 200, "")]
#[case::old("\"1\"", 412, "version-mismatch")]
#[case::not_yet("\"0\"", 412, "version-mismatch")]
#[case::bare("2", 400, "invalid-header")]
#[actix_web::test]
async fn if_match_decides_only_at_that_version(
    #[case] tag: &str,
    #[case] status: u16,
    #[case] code: &str,
) {
    let world = opened().await;
    let headers = [("if-match", tag)];
    let answer = world.call("/accounts/a/deposit", &headers, r#"{"amount":1}"#).await;
    assert_eq!(answer.brief(), (status, code.to_owned()));
    if status == 412 {
        assert_eq!(answer.json()["version"], 2);
    }
}

#[actix_web::test]
async fn another_type_is_415_and_too_much_is_413() {
    let world = opened().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let answer = world.call("/accounts/a/deposit", &form, r#"{"amount":1}"#).await;
    assert_eq!(answer.brief(), (415, "unsupported-media-type".to_owned()));
    let long = format!(r#"{{"amount":1,"pad":"{}"}}"#, "x".repeat(1 << 20));
    let answer = world.post("/accounts/a/deposit", &long).await;
    assert_eq!(answer.brief(), (413, "too-large".to_owned()));
}

#[actix_web::test]
async fn a_dry_run_tells_and_writes_nothing() {
    let world = opened().await;
    let answer = world.post("/accounts/a/withdraw?dry_run=true", r#"{"amount":4}"#).await;
    let expected = serde_json::json!({
        "dry_run": true, "id": "a", "version": 4,
        "events": [
            {"type": "Withdrawn", "version": 3, "data": {"amount": 4}},
            {"type": "Noted", "version": 4, "data": {}},
        ],
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    let answer = world.post("/accounts/a/withdraw?dry_run=true", r#"{"amount":80}"#).await;
    assert_eq!(answer.brief(), (409, "overdrawn".to_owned()));
    assert_eq!(answer.json()["rule"], "state.balance - input.amount >= 0");
    assert_eq!(answer.json()["values"]["state.balance"], 10);
    assert_eq!(world.log.events().len(), 2);
}

#[actix_web::test]
async fn a_dry_run_neither_finds_nor_uses_a_key() {
    let world = opened().await;
    let key = [("idempotency-key", "k-1")];
    let path = "/accounts/a/deposit?dry_run=true";
    let dry = |body| world.call(path, &key, body);
    assert_eq!(dry(r#"{"amount":1}"#).await.json()["dry_run"], true);
    let real = world.call("/accounts/a/deposit", &key, r#"{"amount":2}"#).await;
    assert_eq!((real.status, real.header("idempotency-replayed")), (200, None));
    assert_eq!(dry(r#"{"amount":2}"#).await.json()["version"], 4, "decided, not repeated");
    assert_eq!(dry(r#"{"amount":3}"#).await.json()["dry_run"], true, "no reused key either");
}

#[actix_web::test]
async fn a_position_covers_the_minimum_that_was_sent() {
    let world = opened().await;
    let first = world.post("/accounts/a/deposit", r#"{"amount":1}"#).await;
    let position = first.header("foldline-position").unwrap().to_owned();
    let headers = [("foldline-min-position", position.as_str())];
    let answer = world.call("/accounts/a/deposit", &headers, r#"{"amount":0}"#).await;
    assert_eq!(answer.header("foldline-position"), Some(position.as_str()));
    let headers = [("foldline-min-position", "nonsense")];
    let answer = world.call("/accounts/a/deposit", &headers, r#"{"amount":0}"#).await;
    assert_eq!(answer.brief(), (400, "invalid-position".to_owned()));
}

#[actix_web::test]
async fn a_trace_context_is_carried_into_the_event() {
    let world = World::new();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    world.call("/accounts/a/open", &[("traceparent", trace)], "{}").await;
    world.call("/accounts/a/deposit", &[("traceparent", "00-x")], r#"{"amount":1}"#).await;
    let events = world.log.events();
    assert_eq!(events[0].traceparent.as_deref(), Some(trace));
    assert_eq!(events[1].traceparent, None);
}

#[actix_web::test]
async fn a_deleted_aggregate_is_gone_and_its_versions_go_on() {
    let world = opened().await;
    assert_eq!(world.post("/accounts/a/close", "").await.json()["version"], 3);
    let gone = world.post("/accounts/a/deposit", r#"{"amount":1}"#).await;
    assert_eq!(gone.code(), "not-found");
    let again = world.post("/accounts/a/open", "{}").await;
    assert_eq!((again.status, again.json()["version"].as_u64()), (201, Some(4)));
}

async fn lines(world: &World, body: &str) -> (Answer, Vec<serde_json::Value>) {
    let headers = [("content-type", "application/x-ndjson")];
    let answer = world.call("/commands", &headers, body).await;
    let lines = answer.text.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    (answer, lines)
}

#[actix_web::test]
async fn a_stream_of_commands_is_answered_line_by_line_in_order() {
    let world = World::new();
    let body = r#"{"aggregate":"account","id":"a","command":"open"}
{"aggregate":"account","id":"a","command":"deposit","input":{"amount":5},"if_match":"\"1\""}

{"aggregate":"account","id":"a","command":"withdraw","input":{"amount":9}}
not json
{"aggregate":"nobody","id":"a","command":"open"}
{"aggregate":"account","id":"a","command":"deposit","input":{"amount":"x"}}
{"aggregate":"ticket","command":"issue","input":{"title":"t"},"key":"k"}
{"aggregate":"account","command":"open"}
{"aggregate":"account","id":"a","command":"deposit","input":{"amount":5},"x":1}"#;
    let (answer, lines) = lines(&world, body).await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let brief: Vec<_> = lines
        .iter()
        .map(|l| (l["line"].as_u64().unwrap(), l["status"].as_u64().unwrap()))
        .collect();
    let expected =
        [(1, 201), (2, 200), (4, 409), (5, 400), (6, 404), (7, 422), (8, 201), (9, 422), (10, 422)];
    assert_eq!(brief, expected, "{}", answer.text);
    assert_eq!(lines[5]["errors"][0]["pointer"], "/input/amount");
    assert_eq!(lines[2]["code"], "overdrawn");
}

#[rstest]
#[case::not_an_object("[]", 422, Some(""))]
#[case::a_name_twice(
    r#"{"aggregate":"account","id":"a","id":"b","command":"open"}"#,
    422,
    Some("/id")
)]
#[case::a_field_twice(
    r#"{"aggregate":"account","id":"a","command":"deposit","input":{"amount":1,"amount":2}}"#,
    422,
    Some("/input")
)]
#[case::too_large_for_any_number(
    r#"{"aggregate":"account","id":"a","command":"deposit","input":{"amount":1e400}}"#,
    422,
    Some("/input/amount")
)]
#[case::a_number_as_id(r#"{"aggregate":"account","id":7,"command":"open"}"#, 422, Some("/id"))]
#[case::half_an_object(r#"{"aggregate":"account","input":{"#, 400, None)]
#[case::no_utf8_escape(
    r#"{"aggregate":"\ud800","id":"a","command":"open"}"#,
    422,
    Some("/aggregate")
)]
#[case::a_plain_version(
    r#"{"aggregate":"account","id":"a","command":"open","if_match":0,"key":null}"#,
    201,
    None
)]
#[actix_web::test]
async fn a_line_that_does_not_fit_says_where(
    #[case] body: &str,
    #[case] status: u64,
    #[case] pointer: Option<&str>,
) {
    let world = World::new();
    let (answer, lines) = lines(&world, body).await;
    assert_eq!(lines[0]["status"].as_u64(), Some(status), "{}", answer.text);
    assert_eq!(lines[0]["errors"][0]["pointer"].as_str(), pointer, "{}", answer.text);
}

#[actix_web::test]
async fn a_long_line_fails_alone() {
    let world = World::new();
    let long = "x".repeat((1 << 20) + 1);
    let body = format!("{long}\n{{\"aggregate\":\"account\",\"id\":\"a\",\"command\":\"open\"}}\n");
    let (_, lines) = lines(&world, &body).await;
    assert_eq!((lines[0]["line"].as_u64(), lines[0]["status"].as_u64()), (Some(1), Some(413)));
    assert_eq!((lines[1]["line"].as_u64(), lines[1]["status"].as_u64()), (Some(2), Some(201)));
}

#[actix_web::test]
async fn thousands_of_lines_on_one_aggregate_stay_in_order() {
    let world = World::new();
    let deposit = r#"{"aggregate":"account","id":"a","command":"deposit","input":{"amount":1}}"#;
    let mut body = r#"{"aggregate":"account","id":"a","command":"open"}"#.to_owned();
    for _ in 0..2_000 {
        body.push('\n');
        body.push_str(deposit);
    }
    let (_, lines) = lines(&world, &body).await;
    let versions: Vec<_> = lines.iter().map(|l| l["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, (1..=2_001).collect::<Vec<_>>());
}
