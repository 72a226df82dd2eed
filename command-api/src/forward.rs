//! Passing a call on to the instance that owns its partition: once, and never again by whoever gets
//! it.
//!
//! What fails before anything was sent wrote nothing, and may be tried elsewhere. What breaks off
//! later may have been written, so it is never sent again from here.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use service::seldom;
use tokio::runtime::Handle;

/// Marks a call that an instance has passed on; in an answer it says that nothing was decided.
pub(crate) static FORWARDED: HeaderName = HeaderName::from_static("foldline-forwarded");

/// Request headers that the owner needs to decide and to answer.
const PASSED: [&str; 8] = [
    "accept",
    "authorization",
    "content-type",
    "foldline-min-position",
    "idempotency-key",
    "if-match",
    "traceparent",
    "tracestate",
];
/// Headers of the owner's answer that are the caller's.
const RETURNED: [&str; 6] = [
    "content-type",
    "etag",
    "foldline-position",
    "idempotency-replayed",
    "location",
    "retry-after",
];
/// Longer than a transaction may hang; who answers later than this is taken for lost.
const PATIENCE: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(1);
/// Shorter than servers keep a silent connection open, so that none is used as it closes.
const IDLE: Duration = Duration::from_secs(30);

/// A call, as it is passed on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Passed {
    /// Path and query.
    pub path: String,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Bytes,
}

/// What the owner answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForwardError {
    /// Nobody could be reached, so nothing was sent.
    NothingSent,
    /// Who was reached does not own the partition, and has done nothing.
    NotOwner,
    /// The call was sent, and what became of it is not known.
    Broken,
}

/// The connections to other instances, shared by all workers.
pub(crate) struct Forwarder {
    client: Option<reqwest::Client>,
    runtime: Handle,
}

impl Forwarder {
    /// Connections live on the present runtime, whichever worker uses them.
    pub fn new() -> Forwarder {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .pool_idle_timeout(IDLE)
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .build();
        let client = client.inspect_err(|error| tracing::error!(%error, "can't forward commands"));
        Forwarder { client: client.ok(), runtime: Handle::current() }
    }

    /// Passes a call on to the instance at `base`.
    pub async fn pass(&self, base: &str, call: Passed) -> Result<Reply, ForwardError> {
        let Some(client) = self.client.clone() else { return Err(ForwardError::NothingSent) };
        let url = format!("{}{}", base.trim_end_matches('/'), call.path);
        let mut request = client.post(url).body(call.body).header(FORWARDED.as_str(), "1");
        for (name, value) in call.headers {
            request = request.header(name, value);
        }
        let sent = self.runtime.spawn(async move { receive(request.send().await?).await });
        let reply = match sent.await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) if error.is_connect() || error.is_builder() => {
                seldom!(warn, %error, "the owner can't be reached");
                return Err(ForwardError::NothingSent);
            }
            Ok(Err(error)) => {
                seldom!(warn, %error, "a forwarded command broke off");
                return Err(ForwardError::Broken);
            }
            Err(_) => return Err(ForwardError::Broken),
        };
        metrics::counter!("foldline_commands_forwarded_total").increment(1);
        reply.ok_or(ForwardError::NotOwner)
    }
}

/// Reads an answer; `None` where it says that nothing was decided.
async fn receive(answer: reqwest::Response) -> Result<Option<Reply>, reqwest::Error> {
    let refused = answer.headers().contains_key(FORWARDED.as_str());
    let status = answer.status().as_u16();
    let returned = |name: &'static str| {
        answer.headers().get(name).map(|value| (name, value.as_bytes().to_vec()))
    };
    let headers = RETURNED.into_iter().filter_map(returned).collect();
    let body = answer.bytes().await?;
    Ok((!refused).then_some(Reply { status, headers, body }))
}

/// The headers of a call that its owner needs.
pub(crate) fn passed_headers(headers: &HeaderMap) -> Vec<(&'static str, Vec<u8>)> {
    let passed = |name| headers.get(name).map(|value| (name, value.as_bytes().to_vec()));
    PASSED.into_iter().filter_map(passed).collect()
}

impl Reply {
    /// The same answer to our own caller.
    pub fn respond(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut answer = HttpResponse::with_body(status, actix_web::body::BoxBody::new(self.body));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                answer.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        answer
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| *known == name);
        found.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// What the URL of an owner may be compared with.
pub(crate) fn same_url(a: &Arc<str>, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}
