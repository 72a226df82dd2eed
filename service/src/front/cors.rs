//! CORS: which pages of other origins may call, and what they may see.

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};

/// The origins whose pages may call.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    /// Origins as browsers send them, `https://app.example.com`; `*` is every one.
    pub named: Vec<String>,
    /// Whether pages served from this machine may call, whatever their port.
    pub loopback: bool,
}

const EXPOSED: &str = "ETag, Location, Foldline-Position, Retry-After, Idempotency-Replayed";

impl Origins {
    fn allows(&self, origin: &str) -> bool {
        self.named.iter().any(|n| n == "*" || n.eq_ignore_ascii_case(origin))
            || (self.loopback && is_loopback(origin))
    }

    /// Marks an answer as readable for the caller's origin.
    pub(super) fn expose(&self, asked: &HeaderMap, headers: &mut HeaderMap) {
        let Some(origin) = asked.get(ORIGIN) else { return };
        // An answer to one origin must not be reused for another.
        let varied = format!("{}, Origin", super::VARIES);
        headers
            .insert(VARY, HeaderValue::try_from(varied).unwrap_or(HeaderValue::from_static("*")));
        if origin.to_str().is_ok_and(|o| self.allows(o)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }

    /// Answers a browser that asks before it calls.
    pub(super) fn preflight(&self, asked: &HeaderMap, allow: &str, headers: &mut HeaderMap) {
        let allowed =
            asked.get(ORIGIN).and_then(|o| o.to_str().ok()).is_some_and(|o| self.allows(o));
        if !allowed || !asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return;
        }
        if let Ok(methods) = HeaderValue::from_str(allow) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        // No header is refused by itself, so the ones asked for are the ones allowed.
        if let Some(wanted) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
}

/// Whether an origin is this machine: `http://localhost:3000`, `http://127.0.0.1`, `http://[::1]`.
fn is_loopback(origin: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else { return false };
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognized_whatever_the_port() {
        for origin in
            ["http://localhost:3000", "https://127.0.0.1", "http://[::1]:80", "http://[::1]"]
        {
            assert!(is_loopback(origin), "{origin}");
        }
        for origin in ["http://localhost.evil.com", "https://example.com:443", "null", ""] {
            assert!(!is_loopback(origin), "{origin}");
        }
    }
}
