//! Content negotiation: which of the forms that a path offers does the caller take?

use actix_web::http::header::{ACCEPT, HeaderMap};

use crate::problem::Problem;

/// A form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json` (errors are `application/problem+json`, which counts as the same).
    Json,
    /// `application/x-ndjson`: a JSON text a line, streamed.
    Ndjson,
}

impl Media {
    /// Its media type.
    pub fn name(self) -> &'static str {
        match self {
            Media::Json => "application/json",
            Media::Ndjson => "application/x-ndjson",
        }
    }

    fn is_named(self, range: &str) -> bool {
        match self {
            Media::Json => matches!(range, "application/json" | "application/problem+json"),
            Media::Ndjson => range == "application/x-ndjson",
        }
    }
}

/// The offered form that the caller likes best; the first offered one where it does not care.
pub fn negotiate(headers: &HeaderMap, offers: &[Media]) -> Result<Media, Problem> {
    let default = offers.first().copied().unwrap_or(Media::Json);
    let mut asked = headers.get_all(ACCEPT).peekable();
    if asked.peek().is_none() {
        return Ok(default);
    }
    let mut best: Option<(Media, u16)> = None;
    for range in asked.filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')) {
        let (range, weight) = weighed(range);
        let matched = match range.as_str() {
            "*/*" | "application/*" | "" => Some(default),
            named => offers.iter().copied().find(|m| m.is_named(named)),
        };
        if let Some(media) = matched
            && weight > best.map_or(0, |(_, w)| w)
        {
            best = Some((media, weight));
        }
    }
    best.map(|(media, _)| media).ok_or_else(|| not_acceptable(offers))
}

/// A range in lower case without its parameters, and its weight in thousandths.
fn weighed(range: &str) -> (String, u16) {
    let mut parts = range.split(';');
    let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let weight = parts
        .filter_map(|p| p.trim().strip_prefix("q="))
        .find_map(|q| q.parse::<f32>().ok())
        .map_or(1000, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16);
    (name, weight)
}

fn not_acceptable(offers: &[Media]) -> Problem {
    let names: Vec<&str> = offers.iter().map(|m| m.name()).collect();
    let detail = format!("this path answers {}: name it in Accept, or */*", names.join(" or "));
    Problem::new(406, "not-acceptable", detail)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn asked(accept: Option<&str>, offers: &[Media]) -> Result<Media, u16> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        negotiate(&headers, offers).map_err(|p| p.status)
    }

    #[test]
    fn a_caller_that_does_not_care_gets_the_first_form() {
        let both = [Media::Json, Media::Ndjson];
        for accept in [None, Some("*/*"), Some("application/*"), Some("text/html, */*;q=0.1")] {
            assert_eq!(asked(accept, &both), Ok(Media::Json), "{accept:?}");
        }
    }

    #[test]
    fn a_named_form_is_taken_where_it_is_offered() {
        let both = [Media::Json, Media::Ndjson];
        assert_eq!(asked(Some("application/x-ndjson"), &both), Ok(Media::Ndjson));
        assert_eq!(
            asked(Some("application/json;q=0.5, application/x-ndjson"), &both),
            Ok(Media::Ndjson)
        );
        assert_eq!(asked(Some("application/problem+json"), &both), Ok(Media::Json));
        assert_eq!(asked(Some("application/x-ndjson"), &[Media::Json]), Err(406));
    }

    #[test]
    fn what_nobody_offers_is_406() {
        for accept in ["text/event-stream", "text/html", "application/json;q=0"] {
            assert_eq!(asked(Some(accept), &[Media::Json]), Err(406), "{accept}");
        }
    }
}
