//! What a call says beside its input: headers and query, parsed or refused.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderMap, IF_MATCH};
use model::decide::Expected;
use read_store::Position;
use service::Problem;
use uuid::Uuid;

/// Longest idempotency key.
const MAX_KEY: usize = 128;

/// The parsed headers and query of a call.
pub(crate) struct Terms {
    pub key: Option<Arc<str>>,
    pub expected: Option<Expected>,
    pub minimum: Option<Position>,
    pub traceparent: Option<Arc<str>>,
    pub dry_run: bool,
}

impl Terms {
    /// Reads them; the first that is wrong is named.
    pub fn of(request: &HttpRequest, stream: Uuid) -> Result<Terms, Problem> {
        let headers = request.headers();
        let dry_run = dry_run(request.query_string())?;
        let key = match single(headers, "idempotency-key")? {
            Some(text) => Some(key(text).ok_or_else(bad_key)?),
            None => None,
        };
        let expected = match single(headers, IF_MATCH.as_str())? {
            Some(text) => Some(tag(text).ok_or_else(bad_tag)?),
            None => None,
        };
        Ok(Terms {
            key: key.filter(|_| !dry_run),
            expected,
            minimum: minimum(headers, stream)?,
            traceparent: traceparent(headers),
            dry_run,
        })
    }
}

/// `Foldline-Min-Position`, where it is sent.
pub(crate) fn minimum(headers: &HeaderMap, stream: Uuid) -> Result<Option<Position>, Problem> {
    let Some(text) = single(headers, "foldline-min-position")? else { return Ok(None) };
    match Position::parse(text) {
        Ok(position) if position.stream == stream => Ok(Some(position)),
        _ => {
            let detail = "send a Foldline-Position of this service as it was given, or none";
            Err(Problem::new(400, "invalid-position", detail))
        }
    }
}

/// `traceparent`, where it is well-formed; a malformed one is as good as none.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<Arc<str>> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let dashes = [2, 35, 52];
    let fits = |(i, b): (usize, u8)| if dashes.contains(&i) { b == b'-' } else { hex(b) };
    (text.len() == 55 && text.bytes().enumerate().all(fits)).then(|| text.into())
}

/// An idempotency key, quotes dropped; `None` where it is none.
pub(crate) fn key(text: &str) -> Option<Arc<str>> {
    let bare = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    let fits = (1..=MAX_KEY).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_graphic());
    fits.then(|| bare.into())
}

/// One entity tag: `"7"`, `W/"7"`, or `*`.
pub(crate) fn tag(text: &str) -> Option<Expected> {
    let text = text.trim();
    if text == "*" {
        return Some(Expected::Exists);
    }
    let strong = text.strip_prefix("W/").unwrap_or(text);
    version(strong.strip_prefix('"')?.strip_suffix('"')?)
}

/// The digits of a version.
pub(crate) fn version(digits: &str) -> Option<Expected> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(Expected::Version)).flatten()
}

/// 400 for a malformed key.
pub(crate) fn bad_key() -> Problem {
    let detail = "an Idempotency-Key is one text of 1 to 128 visible ASCII characters";
    Problem::new(400, "invalid-header", detail)
}

/// 400 for a malformed tag.
pub(crate) fn bad_tag() -> Problem {
    let detail = "If-Match takes one tag: a version in double quotes such as \"7\", or *";
    Problem::new(400, "invalid-header", detail)
}

fn dry_run(query: &str) -> Result<bool, Problem> {
    let mut dry = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let sent = match (name, value) {
            ("dry_run", "true") => true,
            ("dry_run", "false") => false,
            ("dry_run", _) => {
                return Err(Problem::new(400, "invalid-value", "dry_run is `true` or `false`"));
            }
            _ => {
                let detail = "a command takes one parameter, `dry_run=true`";
                return Err(Problem::new(400, "unsupported-query", detail));
            }
        };
        if dry.replace(sent).is_some() {
            return Err(Problem::new(400, "unsupported-query", "give `dry_run` once"));
        }
    }
    Ok(dry.unwrap_or(false))
}

fn single<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let mut all = headers.get_all(name);
    let Some(first) = all.next() else { return Ok(None) };
    match first.to_str() {
        Ok(text) if all.next().is_none() => Ok(Some(text.trim())),
        _ => {
            let detail = format!("send the header {name} once, in ASCII");
            Err(Problem::new(400, "invalid-header", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("\"7\"", Some(Expected::Version(7)))]
    #[case("W/\"7\"", Some(Expected::Version(7)))]
    #[case("\"0\"", Some(Expected::Version(0)))]
    #[case("*", Some(Expected::Exists))]
    #[case("7", None)]
    #[case("\"7\", \"8\"", None)]
    #[case("\"\"", None)]
    #[case("\"-1\"", None)]
    #[case("\"99999999999999999999\"", None)]
    fn a_tag_is_one_version_in_quotes(#[case] text: &str, #[case] expected: Option<Expected>) {
        assert_eq!(tag(text), expected);
    }

    #[test]
    fn a_key_is_visible_ascii_and_loses_its_quotes() {
        assert_eq!(key("\"a-1\"").as_deref(), Some("a-1"));
        assert_eq!(key(&"k".repeat(128)).map(|k| k.len()), Some(128));
        for bad in ["", "\"\"", "a b", "é", &"k".repeat(129)] {
            assert_eq!(key(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_misspelled_dry_run_is_refused_and_not_done_for_real() {
        assert!(dry_run("dry_run=true").unwrap());
        assert!(!dry_run("").unwrap() && !dry_run("dry_run=false").unwrap());
        for bad in ["dryrun=true", "dry_run=1", "dry_run", "dry_run=true&dry_run=false"] {
            assert_eq!(dry_run(bad).unwrap_err().status, 400, "{bad}");
        }
    }
}
