//! Paths that another program of the system answers: who asks at the wrong port is told so.

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};
use futures::future::LocalBoxFuture;

use super::{Api, Route};
use crate::problem::Problem;

/// Says of a path where it is answered; `None` where it is nobody's.
pub struct Elsewhere<F>(pub F);

impl<F: Fn(&str) -> Option<String> + Send + Sync + 'static> Api for Elsewhere<F> {
    fn route(&self, path: &str) -> Route {
        (self.0)(path).map_or(Route::Foreign, |detail| Route::Unknown(not_here(detail)))
    }

    fn call<'a>(
        &'a self,
        request: HttpRequest,
        _payload: Payload,
    ) -> LocalBoxFuture<'a, HttpResponse> {
        let detail = (self.0)(request.path()).unwrap_or_default();
        Box::pin(async move { not_here(detail).respond() })
    }
}

fn not_here(detail: String) -> Problem {
    Problem::new(404, "not-found", detail)
}
