//! Answers in gzip, for callers that ask and bodies that are worth it.

use std::io::Write;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Smaller bodies fit a packet as they are.
const WORTH_IT_BYTES: u64 = 1_400;

/// The answer in gzip, or as it came.
pub(super) fn compress(asked: &HeaderMap, answer: HttpResponse) -> HttpResponse {
    let large = matches!(answer.body().size(), BodySize::Sized(n) if n >= WORTH_IT_BYTES);
    if !large || !wanted(asked) || answer.headers().contains_key(CONTENT_ENCODING) {
        return answer;
    }
    let (head, body) = answer.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        Err(body) => return head.set_body(body),
    };
    let Ok(small) = gzip(&bytes) else { return head.set_body(BoxBody::new(bytes)) };
    let mut answer = head.set_body(BoxBody::new(small));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    // Other bytes than the plain answer: the tag holds only weakly (`If-Match` ignores the `W/`).
    let weak = headers
        .get(ETAG)
        .and_then(|tag| tag.to_str().ok())
        .filter(|tag| !tag.starts_with("W/"))
        .and_then(|tag| HeaderValue::try_from(format!("W/{tag}")).ok());
    if let Some(weak) = weak {
        headers.insert(ETAG, weak);
    }
    answer
}

fn gzip(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(Bytes::from(encoder.finish()?))
}

fn wanted(asked: &HeaderMap) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING).filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).any(|coding| {
        let (name, parameter) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = parameter.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}
