//! Asking over HTTP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

/// Where commands and queries are taken, and the client that asks.
#[derive(Clone, Debug)]
pub struct Api {
    client: reqwest::Client,
    commands: SocketAddr,
    queries: SocketAddr,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body as JSON; `Null` where it is none.
    pub json: Value,
}

impl Answer {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Api {
    /// Asks these two, which may be one.
    pub fn new(commands: SocketAddr, queries: SocketAddr) -> Result<Api> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Api { client, commands, queries })
    }

    /// Where commands are taken.
    pub fn address(&self) -> SocketAddr {
        self.commands
    }

    /// Where a path of the command API is.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.commands)
    }

    /// Where a path of the query API is.
    pub fn query_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.queries)
    }

    /// The HTTP client.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// POSTs a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        read(self.client.post(self.url(path)).json(body)).await
    }

    /// POSTs a JSON body with a header.
    pub async fn post_with(
        &self,
        path: &str,
        header: (&str, &str),
        body: &Value,
    ) -> Result<Answer> {
        read(self.client.post(self.url(path)).header(header.0, header.1).json(body)).await
    }

    /// POSTs a JSON body with an idempotency key.
    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        self.post_with(path, ("Idempotency-Key", key), body).await
    }

    /// Sends NDJSON lines to `/commands` and reads the lines of the answer.
    pub async fn lines(&self, lines: &[Value]) -> Result<Vec<Value>> {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let request = self.client.post(self.url("/commands"));
        let answer =
            request.header("Content-Type", "application/x-ndjson").body(body).send().await?;
        ensure!(answer.status() == 200, "/commands was answered {answer:?}");
        let text = answer.text().await?;
        Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    /// GETs a path of the query API.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        read(self.client.get(self.query_url(path))).await
    }

    /// GETs a path of the query API with a header.
    pub async fn get_with(&self, path: &str, header: (&str, &str)) -> Result<Answer> {
        read(self.client.get(self.query_url(path)).header(header.0, header.1)).await
    }

    /// GETs a path of the query API, no older than a position.
    pub async fn get_at(&self, path: &str, position: &str) -> Result<Answer> {
        let request = self.client.get(self.query_url(path));
        read(request.header("Foldline-Min-Position", position).header("Prefer", "wait=10")).await
    }
}

/// Sends a request and reads its answer whole.
pub async fn read(request: reqwest::RequestBuilder) -> Result<Answer> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await?;
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Answer { status, headers, json })
}

/// Asks again until the answer is there, for at most two minutes: a busy machine is slow.
pub async fn eventually<T, F: Future<Output = Result<Option<T>>>>(
    mut ask: impl FnMut() -> F,
) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            bail!("it did not come true within two minutes");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
