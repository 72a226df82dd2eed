//! What the front counts: requests by class of status, and how long they took.

use std::time::Instant;

use actix_web::http::StatusCode;
use metrics::{Counter, Histogram, counter, histogram};

/// Handles of the front's metrics, looked up once.
pub(super) struct Seen {
    by_class: [Counter; 4],
    took: Histogram,
}

impl Seen {
    pub(super) fn new() -> Seen {
        let class =
            |class: &'static str| counter!("foldline_http_requests_total", "class" => class);
        Seen {
            by_class: [class("2xx"), class("3xx"), class("4xx"), class("5xx")],
            took: histogram!("foldline_http_request_seconds"),
        }
    }

    pub(super) fn began(&self) -> Instant {
        Instant::now()
    }

    pub(super) fn ended(&self, began: Instant, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(2, 5) - 2;
        self.by_class[class].increment(1);
        self.took.record(began.elapsed());
    }
}
