//! RFC 9457 problems: the one form of every error answer.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The media type of every error answer.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem, to be answered as `application/problem+json`.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// `urn:foldline:<code>`, derived when written.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short, the same for every problem of this code.
    pub title: Cow<'static, str>,
    /// HTTP status.
    pub status: u16,
    /// What would be right.
    pub detail: String,
    /// Kebab-case, stable.
    pub code: Cow<'static, str>,
    /// The places that are wrong, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<PlaceError>,
    /// Further members (`version`, `id`, `rule`, `values`, `position`, …).
    #[serde(flatten)]
    pub members: serde_json::Map<String, serde_json::Value>,
    /// Seconds for `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u32>,
    /// Methods for `Allow`.
    #[serde(skip)]
    pub allow: Option<String>,
    /// A further header.
    #[serde(skip)]
    pub header: Option<Box<(HeaderName, HeaderValue)>>,
}

/// One wrong place of an input.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PlaceError {
    /// JSON pointer.
    pub pointer: String,
    /// Kebab-case, stable.
    pub code: Cow<'static, str>,
    /// What would be right.
    pub message: String,
}

impl Problem {
    /// A problem of this status and code; the title is the code in words.
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Problem {
        let code = code.into();
        Problem {
            kind: format!("urn:foldline:{code}"),
            title: Cow::Owned(code.replace('-', " ")),
            status,
            detail: detail.into(),
            code,
            errors: Vec::new(),
            members: serde_json::Map::new(),
            retry_after: None,
            allow: None,
            header: None,
        }
    }

    /// Reads a problem back that another instance answered with this status; `None` where it is
    /// none.
    pub fn from_json(
        status: u16,
        mut body: serde_json::Map<String, serde_json::Value>,
    ) -> Option<Problem> {
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => Some(text),
            _ => None,
        };
        let code = text(body.remove("code")?)?;
        let detail = body.remove("detail").and_then(text).unwrap_or_default();
        let places = body.remove("errors").unwrap_or_default();
        for derived in ["type", "title", "status"] {
            body.remove(derived);
        }
        let mut problem = Problem::new(status, code, detail);
        problem.errors = serde_json::from_value(places).unwrap_or_default();
        problem.members = body;
        Some(problem)
    }

    /// Adds a member.
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Problem {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// The 500 that says nothing but a trace id, under which the log has the rest.
    pub fn internal(trace_id: &str) -> Problem {
        Problem::new(500, "internal", "something went wrong here; the log has it under trace_id")
            .with("trace_id", trace_id)
    }

    /// The 429 of who is asked for more than can be held.
    pub fn overloaded(detail: impl Into<String>) -> Problem {
        Problem::new(429, "overloaded", detail).retry_after(1)
    }

    /// A 503 that is worth another try after this many seconds.
    pub fn unavailable(detail: impl Into<String>, retry_after_s: u32) -> Problem {
        Problem::new(503, "unavailable", detail).retry_after(retry_after_s)
    }

    /// Sets `Retry-After`, in seconds.
    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.retry_after = Some(seconds);
        self
    }

    /// The body, as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        // Text, numbers and maps with text keys: nothing in a problem can fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The answer.
    pub fn respond(&self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::with_body(status, BoxBody::new(Bytes::from(self.to_json())));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|a| HeaderValue::from_str(a).ok()) {
            headers.insert(ALLOW, allow);
        }
        if let Some((name, value)) = self.header.as_deref() {
            headers.insert(name.clone(), value.clone());
        }
        answer
    }
}
