//! An answer that is ready to be sent, now or from the cache.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
};
use bytes::Bytes;
use read_store::Position;
use service::etag;

/// The response header that names the position that an answer covers.
pub const POSITION: HeaderName = HeaderName::from_static("foldline-position");
const PARKED: HeaderName = HeaderName::from_static("foldline-parked");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A 200 with a JSON body. Cheap to clone.
#[derive(Clone)]
pub struct Answer {
    body: Bytes,
    etag: Option<HeaderValue>,
    position_text: HeaderValue,
    parked: Option<HeaderValue>,
    /// Whether no state in it is set aside. Such a state keeps its version, so its tag proves
    /// nothing, and whether it may be answered at all depends on the caller's minimum.
    pub settled: bool,
    /// The position that it covers.
    pub position: Position,
}

impl Answer {
    /// An answer without a tag.
    pub fn new(body: Vec<u8>, position: Position) -> Answer {
        let position_text = position_value(&position);
        Answer {
            body: Bytes::from(body),
            etag: None,
            position_text,
            parked: None,
            settled: true,
            position,
        }
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

    /// The HTTP answer: 304 where the caller has it already.
    pub fn respond(&self, asked: &HeaderMap) -> HttpResponse {
        let known = match &self.etag {
            Some(tag) if self.settled && asked.contains_key(IF_NONE_MATCH) => {
                tag.to_str().is_ok_and(|tag| etag::matches(asked, IF_NONE_MATCH, tag))
            }
            _ => false,
        };
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
        headers.insert(POSITION, self.position_text.clone());
        answer
    }
}

/// A position as a header's value.
pub fn position_value(position: &Position) -> HeaderValue {
    // The text form is URL-safe by construction, so it is always a header value.
    HeaderValue::try_from(position.to_text()).unwrap_or(HeaderValue::from_static(""))
}

/// Marks a streamed answer's headers as [`Answer`] does.
pub fn mark_stream(headers: &mut HeaderMap, position: &Position, parked: usize) {
    headers.insert(POSITION, position_value(position));
    if let Some(parked) = parked_value(parked) {
        headers.insert(PARKED, parked);
    }
}

fn parked_value(count: usize) -> Option<HeaderValue> {
    (count > 0).then(|| HeaderValue::from(count))
}

/// Appends a JSON text.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    model::Shape::String.write_json(&model::Value::Text(text.into()), out);
}
