//! Input that is wrong gets its answer, and changes nothing.

use anyhow::{Result, ensure};
use foldline_tests::{World, eventually, order, read, repository};
use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const ID: &str = "6f2f6a3e-6a35-4f0b-9d7d-0c8f4a1f2b3c";

/// A request and what it must be answered.
struct Row {
    method: Method,
    path: String,
    header: Option<(&'static str, &'static str)>,
    body: Vec<u8>,
    answer: (u16, &'static str),
}

fn row(path: &str, body: impl Into<Vec<u8>>, status: u16, code: &'static str) -> Row {
    let (method, path) = (Method::POST, path.to_owned());
    Row { method, path, header: None, body: body.into(), answer: (status, code) }
}

impl Row {
    fn with(mut self, name: &'static str, value: &'static str) -> Row {
        self.header = Some((name, value));
        self
    }

    fn by(mut self, method: Method) -> Row {
        self.method = method;
        self
    }
}

fn bodies() -> Vec<Row> {
    let place = |body: &str, status, code| row("/orders/place", body, status, code);
    let malformed = |body: &str| place(body, 400, "malformed-json");
    let misfit = |body: &str| place(body, 422, "invalid-input");
    vec![
        malformed("{"),
        malformed("nonsense"),
        malformed("{} {}"),
        malformed("{\"customer\": \"c\", }"),
        malformed("{\"customer\": \"\\ud800\"}"),
        malformed(&"[".repeat(100_000)),
        malformed(&"{\"a\":".repeat(100_000)),
        row("/orders/place", b"{\"customer\": \"\xff\"}".to_vec(), 400, "malformed-json"),
        misfit("[]"),
        misfit("null"),
        misfit("7"),
        misfit("{}"),
        misfit("{\"customer\": 7, \"lines\": []}"),
        misfit("{\"customer\": \"c\", \"lines\": {}}"),
        misfit("{\"customer\": \"c\", \"lines\": [], \"more\": 1}"),
        misfit("{\"customer\": \"c\", \"lines\": [{\"sku\": \"t\", \"qty\": 1.5, \"price\": 1}]}"),
        misfit(
            "{\"customer\": \"c\", \"lines\": [{\"sku\": \"t\", \"qty\": 1, \"price\": 99999999999999999999}]}",
        ),
        place("{\"customer\": \"c\", \"lines\": []}", 422, "no-lines"),
        place(&format!("{{\"customer\": \"{}\"}}", "x".repeat(2 << 20)), 413, "too-large"),
    ]
}

fn places() -> Vec<Row> {
    let order = order(1).to_string();
    let post = |path: &str, status, code| row(path, order.as_str(), status, code);
    let pay = format!("/orders/{ID}/pay");
    vec![
        post("/ships/place", 404, "unknown-collection"),
        post(&format!("/orders/{ID}/fly"), 404, "unknown-command"),
        post("/orders/not-an-id/place", 400, "invalid-id"),
        post("/orders/%ff/place", 400, "invalid-id"),
        row(&pay, "{\"amount\": 1}", 404, "not-found"),
        row(&pay, "{\"amount\": 1}", 404, "not-found").with("if-match", "\"4\""),
        row(&pay, "{\"amount\": 1}", 400, "invalid-header").with("if-match", "4"),
        post("/orders/place", 400, "invalid-header").with("idempotency-key", "two words"),
        post("/orders/place", 400, "invalid-position").with("foldline-min-position", "yesterday"),
        post("/orders/place", 415, "unsupported-media-type").with("content-type", "text/plain"),
        post("/orders/place", 406, "not-acceptable").with("accept", "text/html"),
        post("/orders/place?dryrun=true", 400, "unsupported-query"),
        post("/orders/place", 405, "method-not-allowed").by(Method::PUT),
        row("/commands", "{}", 415, "unsupported-media-type"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_input_gets_its_answer_and_changes_nothing() -> Result<()> {
    let world = World::start(repository("schemas"))?;
    let mut wrong = Vec::new();
    for Row { method, path, header, body, answer } in bodies().into_iter().chain(places()) {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let mut request = world.client().request(method, world.url(&path)).body(body);
        if !matches!(header, Some(("content-type", _))) {
            request = request.header("content-type", "application/json");
        }
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let given = match read(request).await {
            Ok(given) => given,
            Err(error) => {
                wrong.push(format!("{path} {header:?} {shown}: {error:#}"));
                continue;
            }
        };
        let form = given.header("content-type").unwrap_or_default();
        let code = given.json["code"].as_str().unwrap_or_default();
        if (given.status, code) != answer || form != "application/problem+json" {
            wrong.push(format!("{path} {header:?} {shown}: expected {answer:?}, not {given:?}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(world.events().await?.is_empty(), "something was written");
    let well = world.post("/orders/place", &order(1)).await?;
    ensure!(well.status == 201, "{well:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_callers_hold_nobody_up() -> Result<()> {
    let world = World::start(repository("schemas"))?;
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut socket = TcpStream::connect(world.address()).await?;
        let text = match number % 3 {
            0 => "POST /orders/place HTTP/1.1\r\nHost: lo",
            1 => {
                "POST /orders/place HTTP/1.1\r\nHost: localhost\r\n\
                 Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"customer\""
            }
            _ => {
                "POST /commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: \
                 application/x-ndjson\r\nContent-Length: 100\r\n\r\n{\"aggregate\""
            }
        };
        socket.write_all(text.as_bytes()).await?;
        slow.push(socket);
    }
    for _ in 0..20 {
        let placed = world.post("/orders/place", &order(1)).await?;
        ensure!(placed.status == 201, "{placed:?}");
        let path = format!("/orders/{}", placed.json["id"].as_str().unwrap_or_default());
        eventually(async || Ok((world.get(&path).await?.status == 200).then_some(()))).await?;
    }
    Ok(())
}
