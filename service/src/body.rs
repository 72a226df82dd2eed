//! Request bodies: bounded while they are read, and only of the type that is understood.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use crate::problem::Problem;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a JSON body of at most `limit` bytes: 413, then 415. An absent body is empty, and then
/// its type does not matter.
pub async fn read_json(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    let body = read(request, payload, limit).await?;
    if !body.is_empty() {
        expect_type(request, "application/json")?;
    }
    Ok(body)
}

/// Reads a body of at most `limit` bytes, whatever its type; 408 where it does not come in time.
pub async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    read_within(PATIENCE, request, payload, limit).await
}

async fn read_within(
    patience: Duration,
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(patience, read_pieces(request, payload, limit)).await;
    read.unwrap_or_else(|_| Err(too_slow(patience)))
}

async fn read_pieces(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> Result<Bytes, Problem> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let Some(first) = payload.next().await else {
        return Ok(Bytes::new());
    };
    let first = first.map_err(|_| broken())?;
    // The usual body comes in one piece and is not copied.
    if announced == Some(first.len()) {
        return Ok(first);
    }
    let mut body = BytesMut::from(&first[..]);
    while body.len() <= limit
        && let Some(chunk) = payload.next().await
    {
        body.extend_from_slice(&chunk.map_err(|_| broken())?);
    }
    if body.len() > limit { Err(too_large(limit)) } else { Ok(body.freeze()) }
}

/// 415 unless the request says this media type (parameters such as `charset` do not matter).
pub fn expect_type(request: &HttpRequest, wanted: &str) -> Result<(), Problem> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let named = given.and_then(|v| v.split(';').next()).map(str::trim);
    if named.is_some_and(|name| name.eq_ignore_ascii_case(wanted)) {
        return Ok(());
    }
    let curl = if wanted == "application/json" { " (with curl: `curl --json`)" } else { "" };
    let detail = format!("send `Content-Type: {wanted}`{curl}");
    Err(Problem::new(415, "unsupported-media-type", detail))
}

/// 413 for a body beyond the limit.
pub fn too_large(limit: usize) -> Problem {
    let detail = format!("a body may have at most {limit} bytes; nothing was written");
    Problem::new(413, "too-large", detail)
}

/// 408 for a body that trickles in, so that nobody holds a connection with one.
fn too_slow(patience: Duration) -> Problem {
    let detail = format!(
        "the body did not come within {} seconds: send it in one go; nothing was written",
        patience.as_secs()
    );
    Problem::new(408, "request-timeout", detail)
}

fn broken() -> Problem {
    Problem::new(400, "malformed-json", "the body broke off: send all of it")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn status(request: TestRequest, limit: usize) -> Result<usize, u16> {
        let (request, payload) = request.to_http_parts();
        read_json(&request, payload, limit).await.map(|b| b.len()).map_err(|p| p.status)
    }

    fn json(body: &'static str) -> TestRequest {
        TestRequest::post().insert_header((CONTENT_TYPE, "application/json")).set_payload(body)
    }

    #[actix_web::test]
    async fn a_body_at_the_limit_passes_and_one_beyond_is_413() {
        assert_eq!(status(json("{\"a\":1}"), 7).await, Ok(7));
        assert_eq!(status(json("{\"a\":1}"), 6).await, Err(413));
    }

    #[actix_web::test]
    async fn a_body_that_does_not_come_is_408() {
        let begun = futures::stream::iter([Ok::<_, actix_web::error::PayloadError>(
            Bytes::from_static(b"{"),
        )]);
        let never = begun.chain(futures::stream::pending());
        let (request, _) = json("").insert_header((CONTENT_LENGTH, 9)).to_http_parts();
        let payload = Payload::Stream { payload: never.boxed_local() };
        let read = read_within(Duration::from_millis(1), &request, payload, 10).await;
        assert_eq!(
            read.map_err(|p| (p.status, p.code.into_owned())),
            Err((408, "request-timeout".to_owned()))
        );
    }

    #[actix_web::test]
    async fn an_absent_body_needs_no_type() {
        assert_eq!(status(TestRequest::post(), 10).await, Ok(0));
    }

    #[actix_web::test]
    async fn another_type_is_415_and_a_charset_does_not_matter() {
        assert_eq!(status(TestRequest::post().set_payload("{}"), 10).await, Err(415));
        let form = (CONTENT_TYPE, "application/x-www-form-urlencoded");
        assert_eq!(status(json("{}").insert_header(form), 10).await, Err(415));
        let charset = (CONTENT_TYPE, "Application/JSON; charset=utf-8");
        assert_eq!(status(json("{}").insert_header(charset), 10).await, Ok(2));
    }
}
