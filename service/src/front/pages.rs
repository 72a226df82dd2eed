//! The pages that every public port has: the contract document and the page that shows it.
//!
//! The page is Swagger UI as npm's swagger-ui-dist ships it, kept in this crate, so that it works
//! without any network.

use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use bytes::Bytes;
use rust_embed::Embed;

use crate::etag;

#[derive(Embed)]
#[folder = "assets"]
struct Assets;

/// Swagger UI styles elements by `style` attributes and shows small images as data URLs; all else
/// comes from this port.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

/// A fixed document with its tag.
pub(super) struct Document {
    body: Bytes,
    kind: &'static str,
    tag: HeaderValue,
}

/// The contract document and the files of its page.
pub(super) struct Pages {
    openapi: Document,
    files: Vec<(&'static str, Document)>,
}

/// What stands at a path.
pub(super) enum Page<'a> {
    Document(&'a Document),
    Redirect(&'static str),
}

const FILES: [(&str, &str, &str); 5] = [
    ("/docs", "index.html", "text/html; charset=utf-8"),
    ("/docs/init.js", "init.js", "text/javascript; charset=utf-8"),
    ("/docs/swagger-ui.css", "swagger-ui.css", "text/css; charset=utf-8"),
    ("/docs/swagger-ui-bundle.js", "swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("/docs/LICENSE", "LICENSE", "text/plain; charset=utf-8"),
];

impl Pages {
    pub(super) fn new(openapi: Vec<u8>) -> Pages {
        let file = |(path, name, kind)| {
            let body = Assets::get(name).map(|f| f.data.into_owned()).unwrap_or_default();
            (path, Document::new(body, kind))
        };
        Pages {
            openapi: Document::new(openapi, "application/json"),
            files: FILES.into_iter().map(file).collect(),
        }
    }

    pub(super) fn find(&self, path: &str) -> Option<Page<'_>> {
        match path {
            "/" | "/docs/" => Some(Page::Redirect("/docs")),
            "/openapi.json" => Some(Page::Document(&self.openapi)),
            path => self.files.iter().find(|(p, _)| *p == path).map(|(_, d)| Page::Document(d)),
        }
    }
}

impl Page<'_> {
    pub(super) fn respond(&self, asked: &HeaderMap) -> HttpResponse {
        match self {
            Page::Document(document) => document.respond(asked),
            Page::Redirect(to) => super::redirect(to),
        }
    }
}

impl Document {
    fn new(body: Vec<u8>, kind: &'static str) -> Document {
        let tag = format!("\"{:016x}\"", fingerprint(&body));
        let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"0\""));
        Document { body: Bytes::from(body), kind, tag }
    }

    fn respond(&self, asked: &HeaderMap) -> HttpResponse {
        let known = self.tag.to_str().is_ok_and(|tag| etag::matches(asked, IF_NONE_MATCH, tag));
        let (status, body) = match known {
            true => (StatusCode::NOT_MODIFIED, Bytes::new()),
            false => (StatusCode::OK, self.body.clone()),
        };
        let mut answer = HttpResponse::with_body(status, BoxBody::new(body));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(ETAG, self.tag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer
    }
}

/// FNV-1a: the same on every machine, and only told apart from this service's own versions.
fn fingerprint(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
