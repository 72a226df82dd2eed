//! The HTTP front: what all public ports have in common (CORS, HEAD, OPTIONS, 404, 405, 406,
//! common headers), around one or more APIs that share the port.
//!
//! Dispatch is by plain path segments, not by a router of regular expressions: the paths come from
//! the model and there are few forms.

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};
use futures::future::LocalBoxFuture;

use crate::problem::Problem;

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
    /// What it says of a path, whatever the method.
    fn route(&self, path: &str) -> Route;

    /// Answers a request whose path and method it knows.
    fn call<'a>(
        &'a self,
        request: HttpRequest,
        payload: Payload,
    ) -> LocalBoxFuture<'a, HttpResponse>;
}
