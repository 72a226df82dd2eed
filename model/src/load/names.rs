//! What names may look like, and which are taken.

/// Most characters of an aggregate's, plural's or view's name.
pub(super) const MAX_NAME: usize = 40;

/// First path segments that the services serve themselves.
pub(super) const RESERVED_PATHS: [&str; 11] = [
    "views",
    "commands",
    "events",
    "registry",
    "docs",
    "openapi.json",
    "livez",
    "readyz",
    "metrics",
    "health",
    "admin",
];

/// Query parameters that no key or sort column may take the name of.
pub(super) const RESERVED_COLUMNS: [&str; 7] =
    ["limit", "cursor", "order", "fields", "version", "at", "dry_run"];

/// Codes that the services answer themselves.
pub(crate) const RESERVED_CODES: [&str; 31] = [
    "already-exists",
    "expression-failed",
    "forbidden",
    "idempotency-key-reused",
    "internal",
    "invalid-cursor",
    "invalid-header",
    "invalid-id",
    "invalid-input",
    "invalid-position",
    "invalid-value",
    "malformed-json",
    "method-not-allowed",
    "no-such-version",
    "not-acceptable",
    "not-found",
    "not-yet-visible",
    "nothing-emitted",
    "outcome-unknown",
    "overloaded",
    "rate-limited",
    "too-large",
    "unauthenticated",
    "unavailable",
    "unknown-collection",
    "unknown-command",
    "unknown-position",
    "unknown-view",
    "unsupported-media-type",
    "unsupported-query",
    "version-mismatch",
];

/// Lower-case words of letters and digits joined by single hyphens, starting with a letter.
pub(super) fn is_kebab(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// A name that would be right in its place, made from one that is not.
pub(super) fn kebab(name: &str) -> Option<String> {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('-') {
                out.push('-');
            }
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    let out = out.trim_matches('-').to_owned();
    (is_kebab(&out) && out != name).then_some(out)
}

/// `[a-z_][a-z0-9_]*`.
pub(super) fn is_field(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
