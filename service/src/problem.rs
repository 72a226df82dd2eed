//! RFC 9457 problems: the one form of every error answer.

use std::borrow::Cow;

use serde::Serialize;

/// A problem, to be answered as `application/problem+json`.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// `urn:foldline:<code>`, derived when written.
    #[serde(rename = "type")]
    pub kind: String,
    /// Short, the same for every problem of this code.
    pub title: Cow<'static, str>,
    /// HTTP status.
    pub status: u16,
    /// What would be right.
    pub detail: String,
    /// Kebab-case, stable.
    pub code: Cow<'static, str>,
    /// The places that are wrong, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<PlaceError>,
    /// Further members (`version`, `id`, `rule`, `values`, `position`, …).
    #[serde(flatten)]
    pub members: serde_json::Map<String, serde_json::Value>,
    /// Seconds for `Retry-After`.
    #[serde(skip)]
    pub retry_after: Option<u32>,
    /// Methods for `Allow`.
    #[serde(skip)]
    pub allow: Option<String>,
}

/// One wrong place of an input.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceError {
    /// JSON pointer.
    pub pointer: String,
    /// Kebab-case, stable.
    pub code: Cow<'static, str>,
    /// What would be right.
    pub message: String,
}

impl Problem {
    /// A problem of this status and code; the title is the code in words.
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Problem {
        let code = code.into();
        Problem {
            kind: format!("urn:foldline:{code}"),
            title: Cow::Owned(code.replace('-', " ")),
            status,
            detail: detail.into(),
            code,
            errors: Vec::new(),
            members: serde_json::Map::new(),
            retry_after: None,
            allow: None,
        }
    }

    /// Adds a member.
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Problem {
        self.members.insert(name.to_owned(), value.into());
        self
    }
}
