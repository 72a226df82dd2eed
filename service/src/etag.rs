//! Entity tags: lists of them in `If-None-Match`, compared weakly.

use actix_web::http::header::{HeaderMap, HeaderName};

/// Whether a header lists this (quoted) tag, or is `*`. A leading `W/` does not matter on either
/// side.
pub fn matches(headers: &HeaderMap, header: HeaderName, tag: &str) -> bool {
    let tag = strong(tag);
    let values = headers.get_all(header).filter_map(|v| v.to_str().ok());
    values.flat_map(|v| v.split(',')).map(str::trim).any(|t| t == "*" || strong(t) == tag)
}

fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderValue, IF_NONE_MATCH};

    use super::*;

    #[test]
    fn lists_weak_tags_and_stars_match() {
        for (sent, expected) in [
            ("\"8\"", true),
            ("W/\"8\"", true),
            ("\"7\", W/\"8\"", true),
            ("*", true),
            ("\"7\"", false),
            ("8", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_static(sent));
            assert_eq!(matches(&headers, IF_NONE_MATCH, "\"8\""), expected, "{sent}");
        }
    }
}
