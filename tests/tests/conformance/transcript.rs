//! The same requests, one after another, on both engines: the answers are compared whole.

use anyhow::{Context, Result, ensure};
use foldline_tests::{Engine, Served};
use reqwest::Method;
use serde_json::{Value, json};

/// Members whose values are of one run alone.
const OF_ONE_RUN: [&str; 8] =
    ["position", "next", "time", "placed_at", "paid_at", "opened_on", "day", "trace_id"];
/// Headers that are part of the contract, and the same in every run.
const HEADERS: [&str; 7] = [
    "content-type",
    "etag",
    "location",
    "allow",
    "idempotency-replayed",
    "cache-control",
    "foldline-parked",
];

/// A request of a script.
struct Ask {
    method: Method,
    path: String,
    header: Option<(&'static str, String)>,
    body: Option<String>,
}

fn post(path: impl Into<String>, body: Value) -> Ask {
    Ask { method: Method::POST, path: path.into(), header: None, body: Some(body.to_string()) }
}

fn get(path: impl Into<String>) -> Ask {
    Ask { method: Method::GET, path: path.into(), header: None, body: None }
}

impl Ask {
    fn with(mut self, name: &'static str, value: impl Into<String>) -> Ask {
        self.header = Some((name, value.into()));
        self
    }

    fn by(mut self, method: Method) -> Ask {
        self.method = method;
        self
    }
}

/// What a request was answered, without what is of one run alone.
async fn asked(served: &Served, ask: &Ask, position: &mut String) -> Result<Value> {
    let base = match ask.method {
        Method::GET | Method::HEAD => served.query_url(&ask.path),
        _ => served.url(&ask.path),
    };
    let mut request = served.client().request(ask.method.clone(), base);
    if let Some(body) = &ask.body {
        request = request.body(body.clone());
        if !matches!(ask.header, Some(("content-type", _))) {
            request = request.header("content-type", "application/json");
        }
    } else if !position.is_empty() {
        request = request.header("foldline-min-position", &*position).header("prefer", "wait=10");
    }
    if let Some((name, value)) = &ask.header {
        request = request.header(*name, value);
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let told: Vec<_> = HEADERS.iter().filter_map(|name| Some((name, text(name)?))).collect();
    if let Some(reached) = text("foldline-position") {
        *position = reached.to_owned();
    }
    let body = answer.text().await?;
    let lines: Vec<Value> = body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!(line)))
        .map(masked)
        .collect();
    Ok(json!([status, told, lines, text("foldline-position").is_some()]))
}

fn masked(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(masked).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let kept = !OF_ONE_RUN.contains(&name.as_str()) || value.is_null();
                (name, if kept { masked(value) } else { json!("…") })
            })
            .collect(),
        plain => plain,
    }
}

async fn run(engine: Engine, domain: &str, script: &[Ask]) -> Result<Vec<Value>> {
    let served = engine.serve("schemas", domain).await?;
    let (mut position, mut answers) = (String::new(), Vec::new());
    for ask in script {
        let answer = asked(&served, ask, &mut position).await;
        answers.push(answer.with_context(|| format!("{} {}", ask.method, ask.path))?);
    }
    served.verify()?;
    Ok(answers)
}

async fn compare(domain: &str, script: &[Ask]) -> Result<()> {
    let alone = run(Engine::Sqlite, domain, script).await?;
    let together = run(Engine::KafkaAndCql, domain, script).await?;
    for (a, b) in script.iter().zip(&alone) {
        eprintln!("{} {} {}", a.method, a.path, b);
    }
    let differing: Vec<_> = script
        .iter()
        .zip(alone.iter().zip(&together))
        .filter(|(_, (one, other))| one != other)
        .map(|(Ask { method, path, .. }, (one, other))| {
            format!("{method} {path}\n  SQLite:        {one}\n  Kafka and CQL: {other}")
        })
        .collect();
    ensure!(differing.is_empty(), "{}", differing.join("\n"));
    Ok(())
}

fn id(number: u32) -> String {
    format!("6f2f6a3e-6a35-4f0b-9d7d-0c8f4a1f2b{number:02x}")
}

fn place(number: u32, customer: &str, price: u64) -> Ask {
    let lines =
        json!([{"sku": "tea", "qty": 2, "price": price}, {"sku": "cup", "qty": 1, "price": 5}]);
    post(format!("/orders/{}/place", id(number)), json!({"customer": customer, "lines": lines}))
}

fn of(number: u32, command: &str, input: Value) -> Ask {
    post(format!("/orders/{}/{command}", id(number)), input)
}

fn commands() -> Vec<Ask> {
    let pay = || of(1, "pay", json!({"amount": 25}));
    vec![
        place(1, "ann", 10),
        place(1, "ann", 10),
        place(2, "ann", 20).with("idempotency-key", "k-1"),
        place(2, "ann", 20).with("idempotency-key", "k-1"),
        place(2, "ann", 21).with("idempotency-key", "k-1"),
        place(3, "", 1).with("if-match", "\"0\""),
        place(3, "", 1).with("if-match", "\"1\""),
        pay().with("if-match", "\"2\""),
        pay().with("if-match", "*"),
        pay(),
        pay().with("idempotency-key", "k-2"),
        of(9, "pay", json!({"amount": 1})),
        of(9, "pay", json!({"amount": 1})).with("if-match", "\"4\""),
        of(2, "pay", json!({"amount": 1})),
        of(2, "pay", json!({"amount": "1"})),
        post("/orders/place", json!({"customer": "c", "lines": []})),
        post("/orders/place", json!({"customer": 7, "lines": [{"sku": "t"}], "more": 1})),
        post("/orders/place?dry_run=true", json!({"customer": "c", "lines": []})),
        post(format!("/orders/{}/ship?dry_run=true", id(1)), json!({"tracking": "t-1"})),
        of(1, "ship", json!({"tracking": "t-1"})),
        of(1, "cancel", json!({"reason": "late"})),
        of(3, "cancel", json!({"reason": "late"})),
        of(3, "cancel", json!({"reason": "late"})),
        of(3, "forget", json!({})),
        of(3, "forget", json!({})),
        get(format!("/orders/{}", id(3))),
        place(3, "bob", 7),
        place(4, "ann", 30),
        post("/ships/place", json!({})),
        of(1, "fly", json!({})),
        post("/orders/not-an-id/place", json!({})),
        place(5, "x", 1).with("content-type", "text/plain"),
        place(5, "x", 1).with("idempotency-key", "two words"),
        place(5, "x", 1).by(Method::PUT),
        place(5, &"x".repeat(2 << 20), 1),
    ]
}

fn lines() -> Ask {
    let line = |number: u32, command: &str, input: Value| json!({"aggregate": "order", "id": id(number), "command": command, "key": format!("l-{number}-{command}"), "input": input});
    let good = json!({"customer": "eve", "lines": [{"sku": "tea", "qty": 1, "price": 4}]});
    let body = [
        line(6, "place", good.clone()),
        line(6, "pay", json!({"amount": 3})),
        line(6, "pay", json!({"amount": 4})),
        line(6, "place", good),
        line(6, "pay", json!({"amount": 5})),
        json!({"aggregate": "ship", "command": "sail"}),
        json!("nonsense"),
    ];
    let text: String = body.iter().map(|line| format!("{line}\n")).collect();
    let mut ask = post("/commands", Value::Null).with("content-type", "application/x-ndjson");
    ask.body = Some(text);
    ask
}

fn reads() -> Vec<Ask> {
    let one = format!("/orders/{}", id(1));
    let customer = "/views/orders-by-customer?customer=ann";
    let status = "/views/orders-by-status?status=placed";
    vec![
        get(&one),
        get(&one).by(Method::HEAD),
        get(&one).with("if-none-match", "\"3\""),
        get(&one).with("if-none-match", "\"2\""),
        get(format!("{one}?fields=status,total")),
        get(format!("{one}?fields=colour")),
        get(format!("{one}?version=1")),
        get(format!("{one}?version=9")),
        get(format!("{one}/history")),
        get(format!("{one}/history?limit=2")),
        get(format!("/orders/{}/history", id(3))),
        get(format!("/orders/{}/history", id(9))),
        get(format!("/orders?id={}&id={}&id={}", id(2), id(9), id(1))),
        get("/orders"),
        get(format!("/orders/{}", id(9))),
        get("/orders/nonsense"),
        get(customer),
        get(format!("{customer}&order=asc&fields=id,total")),
        get(format!("{customer}&limit=1")),
        get(customer).with("accept", "application/x-ndjson"),
        get(format!("{customer}&placed_at.gt=2026-01-01T00:00:00Z")),
        get(format!("{customer}&placed_at.lt=2026-01-01T00:00:00Z")),
        get(format!("{customer}&total=25")),
        get("/views/orders-by-customer"),
        get(format!("{customer}&customer=bob")),
        get(format!("{customer}&limit=0")),
        get(format!("{customer}&cursor=nonsense")),
        get(format!("{customer}&placed_at.gt=yesterday")),
        get("/views/orders-by-customer?customer="),
        get(status),
        get(format!("{status}&order=desc")),
        get("/views/lines-by-sku?sku=tea"),
        get("/views/lines-by-sku?sku=none"),
        get("/views/revenue-by-day"),
        get("/views/none"),
        get(&one).with("foldline-min-position", "yesterday"),
        get(&one).with("accept", "text/html"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_answer_the_same_about_orders() -> Result<()> {
    let mut script = commands();
    script.push(lines());
    script.extend(reads());
    compare("orders", &script).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_engines_answer_the_same_about_timesheets() -> Result<()> {
    let week = "/timesheets/ann:2026-W47";
    let entry = |project: &str, hours: &str, day: &str| json!({"project": project, "hours": hours, "day": day});
    let open = json!({"employee": "ann", "rate": "12.50"});
    let log = json!({"entries": [entry("mill", "7.5", "2026-11-16"), entry("dam", "0.25", "2026-11-17")]});
    let script = vec![
        post(format!("{week}/open"), open.clone()),
        post(format!("{week}/open"), open.clone()),
        post(format!("{week}/open?dry_run=true"), open.clone()),
        post("/timesheets/%C3%A4/open", open.clone()),
        post(format!("{week}/log-hours"), log.clone()),
        post(format!("{week}/log-hours"), json!({"entries": [entry("mill", "25", "2026-11-16")]})),
        post(
            format!("{week}/log-hours"),
            json!({"entries": [entry("mill", "7.123", "2026-11-16")]}),
        ),
        post(format!("{week}/submit"), json!({})),
        post(format!("{week}/log-hours"), log.clone()),
        post(format!("{week}/approve"), json!({"bonus": "0.05"})),
        get(week),
        get(format!("{week}?version=2")),
        get(format!("{week}/history")),
        get("/views/hours-by-project?project=mill"),
        get("/views/hours-by-project?project=mill&day.gte=2026-11-17"),
        get("/views/project-hours-by-month?project=mill"),
        get("/views/timesheets-by-employee?employee=ann"),
        get("/views/approvals"),
        post(format!("{week}/discard"), json!({})),
        post("/timesheets/bob/open", json!({"employee": "bob", "rate": "8"})),
        post("/timesheets/bob/log-hours", log),
        post("/timesheets/bob/discard", json!({})),
        get("/timesheets/bob"),
        get("/views/hours-by-project?project=mill"),
        post("/timesheets/bob/open", json!({"employee": "bob", "rate": "9"})),
        get("/timesheets/bob"),
        get("/timesheets?id=bob&id=ann:2026-W47"),
        get("/views/approvals?order=asc"),
    ];
    compare("timesheets", &script).await
}
