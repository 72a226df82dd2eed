//! Request bodies: bounded while they are read, and only of the type that is understood.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::problem::Problem;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// A body up to this size is bounded by the number of calls alone.
const SMALL: usize = 16 << 10;
/// All larger bodies of the process together, in KiB: each counts from before it is read until
/// nobody holds it any more.
const LARGE_KIB: usize = 256 << 10;

static LARGE: Semaphore = Semaphore::const_new(LARGE_KIB);

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
    let mut room = announced.map_or(Ok(None), |length| room_for(&LARGE, length))?;
    let Some(first) = payload.next().await else {
        return Ok(Bytes::new());
    };
    let first = first.map_err(|_| broken())?;
    // The usual body comes in one piece and is not copied.
    if announced == Some(first.len()) {
        return Ok(within(first, room));
    }
    let mut body = BytesMut::from(&first[..]);
    while body.len() <= limit
        && let Some(chunk) = payload.next().await
    {
        body.extend_from_slice(&chunk.map_err(|_| broken())?);
        if room.is_none() && body.len() > SMALL {
            room = room_for(&LARGE, limit)?;
        }
    }
    if body.len() > limit { Err(too_large(limit)) } else { Ok(within(body.freeze(), room)) }
}

/// Room for a body of this size, where it is a large one; 429 where there is none.
fn room_for(all: &Semaphore, length: usize) -> Result<Option<SemaphorePermit<'_>>, Problem> {
    if length <= SMALL {
        return Ok(None);
    }
    let kib = u32::try_from(length.div_ceil(1 << 10).min(LARGE_KIB)).unwrap_or(u32::MAX);
    all.try_acquire_many(kib).map(Some).map_err(|_| crowded())
}

/// A body that gives its room back with its last copy.
fn within(body: Bytes, room: Option<SemaphorePermit<'static>>) -> Bytes {
    match room {
        Some(room) => Bytes::from_owner(Large { body, _room: room }),
        None => body,
    }
}

struct Large {
    body: Bytes,
    _room: SemaphorePermit<'static>,
}

impl AsRef<[u8]> for Large {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
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

/// 429 while too many large bodies are in memory.
fn crowded() -> Problem {
    Problem::overloaded("too many large bodies are being worked on: try again; nothing was written")
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

    #[test]
    fn large_bodies_have_bounded_room_and_small_ones_need_none() {
        let all = Semaphore::new(32);
        let first = room_for(&all, 32 << 10);
        assert!(matches!(first, Ok(Some(_))));
        assert_eq!(room_for(&all, SMALL + 1).map(drop).map_err(|p| p.status), Err(429));
        assert!(matches!(room_for(&all, SMALL), Ok(None)));
        drop(first);
        assert!(matches!(room_for(&all, SMALL + 1), Ok(Some(_))));
    }

    #[actix_web::test]
    async fn a_large_body_gives_its_room_back_with_its_last_copy() {
        const LENGTH: usize = 100 << 10;
        let body = "1".repeat(LENGTH);
        let request = TestRequest::post().insert_header((CONTENT_LENGTH, LENGTH));
        let (request, payload) = request.set_payload(body).to_http_parts();
        // Nobody else in this process's tests reads a body as large.
        let before = LARGE.available_permits();
        let read = read(&request, payload, LENGTH).await.map_err(|p| p.status);
        let copy = read.clone();
        assert_eq!(read.map(|body| body.len()), Ok(LENGTH));
        assert_eq!(before - LARGE.available_permits(), LENGTH >> 10);
        drop(copy);
        assert_eq!(LARGE.available_permits(), before);
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
