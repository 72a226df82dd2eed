//! Answers as JSON: successes written straight to bytes, refusals as problems.

use std::io::Write;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LOCATION};
use bytes::Bytes;
use model::decide::Rejection;
use model::{Aggregate, Command, Value};
use service::Problem;
use uuid::Uuid;

use crate::ask::{Done, Refusal};

static POSITION: HeaderName = HeaderName::from_static("foldline-position");
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Which call is answered.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub aggregate: &'a Aggregate,
    pub command: &'a Command,
    pub id: &'a str,
    pub dry_run: bool,
}

/// The answer to an accepted command.
pub(crate) fn done(of: Of<'_>, done: &Done, position: &str) -> HttpResponse {
    let mut body = Vec::with_capacity(192);
    body.push(b'{');
    write_done(of, done, position, &mut body);
    let status = StatusCode::from_u16(done.status()).unwrap_or(StatusCode::OK);
    let mut answer = json(status, body);
    let headers = answer.headers_mut();
    let tag = format!("\"{}\"", done.version());
    set(headers, ETAG, &tag);
    set(headers, POSITION.clone(), position);
    if status == StatusCode::CREATED {
        set(headers, LOCATION, &format!("/{}/{}", of.aggregate.plural, of.id));
    }
    if done.replayed {
        headers.insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    }
    answer
}

/// The answer to a dry run that would be accepted.
pub(crate) fn dry(of: Of<'_>, version: u64, events: &[(usize, u64, Value)]) -> HttpResponse {
    let mut body = Vec::with_capacity(256);
    let begun = write!(body, "{{\"dry_run\":true,\"id\":\"{}\",\"version\":{version}", of.id);
    written(begun);
    body.extend_from_slice(b",\"events\":[");
    for (n, (event, version, data)) in events.iter().enumerate() {
        let kind = &of.aggregate.events[*event];
        let comma = if n > 0 { "," } else { "" };
        let head =
            write!(body, "{comma}{{\"type\":\"{}\",\"version\":{version},\"data\":", kind.name);
        written(head);
        kind.shape.write_json(data, &mut body);
        body.push(b'}');
    }
    body.extend_from_slice(b"]}");
    json(StatusCode::OK, body)
}

/// The members of an accepted command's answer, and the closing brace.
pub(crate) fn write_done(of: Of<'_>, done: &Done, position: &str, out: &mut Vec<u8>) {
    // Ids, event names and positions hold nothing that JSON would have to escape.
    written(write!(out, "\"id\":\"{}\",\"version\":{},\"events\":[", of.id, done.version()));
    for (n, (name, version)) in done.events.iter().zip(done.first_version..).enumerate() {
        let comma = if n > 0 { "," } else { "" };
        written(write!(out, "{comma}{{\"type\":\"{name}\",\"version\":{version}}}"));
    }
    written(write!(out, "],\"position\":\"{position}\"}}"));
}

/// The problem that a refusal is.
pub(crate) fn problem(of: Of<'_>, refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Rejected { rejection, values } => {
            let mut problem = rejected(of, rejection);
            if let Some(values) = values {
                let values: serde_json::Map<_, _> =
                    values.into_iter().map(|(path, value)| (path.to_string(), value)).collect();
                problem = problem.with("values", values);
            }
            problem
        }
        Refusal::KeyReused => {
            let detail = "this Idempotency-Key was used for another command or input: take a new \
                          key for a new command";
            Problem::new(422, "idempotency-key-reused", detail)
        }
        Refusal::Overloaded => overloaded(),
        Refusal::Unavailable(reason) => {
            Problem::unavailable(format!("{reason}; nothing was written, try again"), 1)
        }
        Refusal::Moved => moved(),
        Refusal::Elsewhere(problem) => *problem,
        Refusal::OutcomeUnknown => {
            let detail = "the write may or may not be there: send the same again with the same \
                          Idempotency-Key, or read the aggregate";
            Problem::new(503, "outcome-unknown", detail).with("id", of.id).retry_after(1)
        }
        Refusal::Internal => {
            let trace_id = Uuid::new_v4().simple().to_string();
            let (aggregate, command) = (&of.aggregate.name, &of.command.name);
            tracing::error!(%trace_id, %aggregate, %command, "a decision broke");
            Problem::internal(&trace_id)
        }
    }
}

/// 503: whoever owns the partition could not be found in time.
pub(crate) fn moved() -> Problem {
    let detail = "what you ask for is being handed over between instances; nothing was written, \
                  try again";
    Problem::unavailable(detail, 1)
}

/// 429: more is asked than can be held.
pub(crate) fn overloaded() -> Problem {
    Problem::overloaded("more is asked than can be taken just now; nothing was written")
}

fn rejected(of: Of<'_>, rejection: Rejection) -> Problem {
    let (name, command) = (&of.aggregate.name, &of.command.name);
    match rejection {
        Rejection::NotFound => {
            Problem::new(404, "not-found", format!("there is no {name} with this id"))
        }
        Rejection::AlreadyExists => {
            let detail = format!("this {name} exists already: `{command}` begins a new one");
            Problem::new(409, "already-exists", detail)
        }
        Rejection::Forbidden => {
            Problem::new(403, "forbidden", format!("you may not `{command}` this {name}"))
        }
        Rejection::VersionMismatch { version } => {
            let detail = format!("it is at version {version}: read it again and decide anew");
            Problem::new(412, "version-mismatch", detail).with("version", version)
        }
        Rejection::Rule { index, .. } => {
            let rule = &of.command.require[index];
            let problem = Problem::new(rule.status, rule.code.to_string(), &*rule.message);
            if of.dry_run { problem.with("rule", &*rule.source) } else { problem }
        }
        Rejection::NothingEmitted => {
            let detail = format!("with this input `{command}` does nothing, so nothing is begun");
            Problem::new(422, "nothing-emitted", detail)
        }
        Rejection::ExpressionFailed { place, detail } => {
            Problem::new(422, "expression-failed", format!("{place}: {detail}"))
        }
        Rejection::TooLarge(detail) => Problem::new(413, "too-large", detail),
    }
}

/// Sets a header whose text is visible ASCII: digits, declared names, checked ids.
fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut answer =
        HttpResponse::with_body(status, actix_web::body::BoxBody::new(Bytes::from(body)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// Writing to memory cannot fail.
fn written(result: std::io::Result<()>) {
    debug_assert!(result.is_ok());
}
