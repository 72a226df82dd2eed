//! An answer that is ready to be sent, now or from the cache.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
};
use bytes::Bytes;
use read_store::Position;
use service::etag;

use crate::consistency::Reached;

/// The response header that names the position that an answer covers.
pub const POSITION: HeaderName = HeaderName::from_static("foldline-position");
const PARKED: HeaderName = HeaderName::from_static("foldline-parked");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A 200 with a JSON body.
pub struct Answer {
    body: Bytes,
    etag: Option<HeaderValue>,
    parked: Option<HeaderValue>,
    /// Whether no state in it is set aside. Such a state keeps its version, so its tag proves
    /// nothing, and whether it may be answered at all depends on the caller's minimum.
    pub settled: bool,
    /// What the store had taken in when it was read.
    reached: Arc<Reached>,
}

impl Answer {
    /// An answer without a tag.
    pub fn new(body: Vec<u8>, reached: Arc<Reached>) -> Answer {
        Answer { body: Bytes::from(body), etag: None, parked: None, settled: true, reached }
    }

    /// Tags it with an aggregate's version.
    pub fn tagged(mut self, version: u64) -> Answer {
        self.etag = HeaderValue::try_from(format!("\"{version}\"")).ok();
        self
    }

    /// Says how many keys are set aside, where any are.
    pub fn parked(mut self, count: usize) -> Answer {
        self.parked = parked_value(count);
        self
    }

    /// Bytes that it takes in the cache, about.
    pub fn size(&self) -> usize {
        self.body.len() + 256
    }

    /// Whether a caller with this minimum may have it.
    pub fn is_as_new_as(&self, minimum: &Position) -> bool {
        self.settled && self.reached.covers(minimum)
    }

    /// The HTTP answer to a request with these headers and, among them, this minimum: 304 where
    /// the caller has it already.
    pub fn respond(&self, asked: &HeaderMap, minimum: Option<&Position>) -> HttpResponse {
        let known = self.is_known(asked);
        let mut answer = match known {
            true => HttpResponse::with_body(StatusCode::NOT_MODIFIED, BoxBody::new(())),
            false => HttpResponse::with_body(StatusCode::OK, BoxBody::new(self.body.clone())),
        };
        let headers = answer.headers_mut();
        if !known {
            headers.insert(CONTENT_TYPE, JSON);
        }
        if let Some(tag) = &self.etag {
            headers.insert(ETAG, tag.clone());
        }
        if let Some(parked) = &self.parked {
            headers.insert(PARKED, parked.clone());
        }
        headers.insert(POSITION, self.reached.header(minimum));
        answer
    }

    fn is_known(&self, asked: &HeaderMap) -> bool {
        let Some(tag) = self.etag.as_ref().filter(|_| self.settled) else { return false };
        asked.contains_key(IF_NONE_MATCH)
            && tag.to_str().is_ok_and(|tag| etag::matches(asked, IF_NONE_MATCH, tag))
    }
}

/// Marks a streamed answer's headers as [`Answer`] does.
pub fn mark_stream(headers: &mut HeaderMap, position: HeaderValue, parked: usize) {
    headers.insert(POSITION, position);
    if let Some(parked) = parked_value(parked) {
        headers.insert(PARKED, parked);
    }
}

fn parked_value(count: usize) -> Option<HeaderValue> {
    (count > 0).then(|| HeaderValue::from(count))
}

/// Appends a JSON text.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    // Nothing in ids and names is escaped most of the time, so most need no value made of them.
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\' && b < 0x7f) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        model::Shape::String.write_json(&model::Value::Text(text.into()), out);
    }
}
