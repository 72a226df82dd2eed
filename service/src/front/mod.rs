//! The HTTP front: what all public ports have in common (CORS, HEAD, OPTIONS, 404, 405, 406,
//! common headers), around one or more APIs that share the port.
//!
//! Dispatch is by plain path segments, not by a router of regular expressions: the paths come from
//! the model and there are few forms.

mod cors;
mod elsewhere;
mod gzip;
mod pages;
mod seen;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::Payload;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, VARY,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

pub use crate::accept::Media;
use crate::accept::negotiate;
use crate::problem::Problem;

pub use cors::Origins;
pub use elsewhere::Elsewhere;
use pages::Pages;
use seen::Seen;

/// What an API says of a path.
pub enum Route {
    /// It answers these methods there (`"GET"`, `"POST"`; HEAD and OPTIONS are the front's).
    Known(&'static [&'static str]),
    /// The path has a form that belongs to this API, but names something undeclared.
    Unknown(Problem),
    /// Not a path of this API at all.
    Foreign,
}

/// One API on a public port. Shared by all workers.
pub trait Api: Send + Sync + 'static {
    /// What it says of a path (as sent, percent-encoded), whatever the method.
    fn route(&self, path: &str) -> Route;

    /// The forms that a path it knows can answer, the default first. What no caller's `Accept`
    /// meets is refused with 406 before the call.
    fn offers(&self, _path: &str) -> &'static [Media] {
        &[Media::Json]
    }

    /// An answer to a GET that is ready as it stands, such as a cached one. Asked before anything
    /// else, so it must look at `Accept` and at the path itself, and be quick to say `None`.
    fn at_once(&self, _request: &HttpRequest) -> Option<HttpResponse> {
        None
    }

    /// Answers a request whose path and method it knows (a HEAD arrives as it is: answer it like
    /// a GET).
    fn call<'a>(
        &'a self,
        request: HttpRequest,
        payload: Payload,
    ) -> LocalBoxFuture<'a, HttpResponse>;
}

/// All that shares one public port.
pub struct Front {
    apis: Vec<Arc<dyn Api>>,
    pages: Pages,
    origins: Origins,
    seen: Seen,
}

/// Who answers a request, or what is answered instead.
enum Found<'a> {
    Api(&'a Arc<dyn Api>),
    Answer(HttpResponse),
}

impl Front {
    /// A front around these APIs; where two answer the same path and method, the first does.
    pub fn new(apis: Vec<Arc<dyn Api>>, openapi: Vec<u8>, origins: Origins) -> Front {
        Front { apis, pages: Pages::new(openapi), origins, seen: Seen::new() }
    }

    /// Answers any request; a panic becomes a 500 that says nothing.
    pub async fn answer(&self, request: HttpRequest, payload: Payload) -> HttpResponse {
        let began = self.seen.began();
        let call = AssertUnwindSafe(self.dispatch(&request, payload)).catch_unwind();
        let answer = call.await.unwrap_or_else(|panic| internal(&request, &panic));
        let answer = self.finish(&request, answer);
        self.seen.ended(began, answer.status());
        answer
    }

    async fn dispatch(&self, request: &HttpRequest, payload: Payload) -> HttpResponse {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        if reads && let Some(answer) = self.apis.iter().find_map(|api| api.at_once(request)) {
            return answer;
        }
        let api = match self.find(request) {
            Found::Api(api) => api,
            Found::Answer(answer) => return answer,
        };
        match negotiate(request.headers(), api.offers(request.path())) {
            Ok(_) => api.call(request.clone(), payload).await,
            Err(problem) => problem.respond(),
        }
    }

    fn find(&self, request: &HttpRequest) -> Found<'_> {
        let method = match request.method().as_str() {
            "HEAD" => "GET",
            other => other,
        };
        let mut allowed: Vec<&'static str> = Vec::new();
        let mut unknown = None;
        for api in &self.apis {
            match api.route(request.path()) {
                Route::Known(methods) if methods.contains(&method) => return Found::Api(api),
                Route::Known(methods) => allowed.extend(methods),
                Route::Unknown(problem) => unknown = unknown.or(Some(problem)),
                Route::Foreign => {}
            }
        }
        if let Some(page) = self.pages.find(request.path()) {
            if method == "GET" {
                return Found::Answer(page.respond(request.headers()));
            }
            allowed.push("GET");
        }
        Found::Answer(self.otherwise(request, method, allowed, unknown))
    }

    /// The answer where no API takes the method: OPTIONS, 405 or 404.
    fn otherwise(
        &self,
        request: &HttpRequest,
        method: &str,
        mut allowed: Vec<&'static str>,
        unknown: Option<Problem>,
    ) -> HttpResponse {
        if allowed.is_empty() {
            return unknown.unwrap_or_else(nothing_here).respond();
        }
        // On a port with one API OPTIONS tells of its methods; with several, of all.
        allowed.sort_unstable();
        allowed.dedup();
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        allowed.push("OPTIONS");
        let allow = allowed.join(", ");
        if method == "OPTIONS" {
            let mut answer = HttpResponse::with_body(StatusCode::NO_CONTENT, BoxBody::new(()));
            if let Ok(value) = HeaderValue::from_str(&allow) {
                answer.headers_mut().insert(ALLOW, value);
            }
            self.origins.preflight(request.headers(), &allow, answer.headers_mut());
            return answer;
        }
        let hint = unknown.map(|p| format!("; {}", p.detail)).unwrap_or_default();
        let detail = format!("this path takes {allow}{hint}");
        let mut problem = Problem::new(405, "method-not-allowed", detail);
        problem.allow = Some(allow);
        problem.respond()
    }

    /// What every answer gets: common headers, CORS, gzip, no streamed body for HEAD.
    fn finish(&self, request: &HttpRequest, mut answer: HttpResponse) -> HttpResponse {
        let asked = request.headers();
        let headers = answer.headers_mut();
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        }
        if !headers.contains_key(VARY) {
            headers.insert(VARY, HeaderValue::from_static(VARIES));
        }
        self.origins.expose(asked, headers);
        let answer = gzip::compress(asked, answer);
        if *request.method() == Method::HEAD && answer.body().size() == BodySize::Stream {
            // How long the stream would be is not known, so no length is named.
            return answer.set_body(BoxBody::new(body::None::new()));
        }
        answer
    }
}

/// The request headers that answers depend on.
const VARIES: &str = "Accept, Accept-Encoding, Authorization";

fn nothing_here() -> Problem {
    Problem::new(404, "not-found", "nothing is at this path; /docs shows what there is")
}

/// Logs a panic under a trace id and answers with nothing but that.
fn internal(request: &HttpRequest, panic: &(dyn Any + Send)) -> HttpResponse {
    let trace_id = trace_id(request.headers());
    let text = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(trace_id, path = request.path(), panic = text, "a handler panicked");
    Problem::internal(&trace_id).respond()
}

/// The trace id of a request: that of its `traceparent`, else a fresh one.
pub fn trace_id(headers: &HeaderMap) -> String {
    let sent = headers.get("traceparent").and_then(|v| v.to_str().ok());
    let id = sent.and_then(|v| v.split('-').nth(1));
    match id {
        Some(id) if id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) => id.to_owned(),
        _ => uuid::Uuid::new_v4().simple().to_string(),
    }
}

/// A redirect to another path of this port.
fn redirect(to: &'static str) -> HttpResponse {
    let mut answer = HttpResponse::with_body(StatusCode::FOUND, BoxBody::new(()));
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    answer
}
