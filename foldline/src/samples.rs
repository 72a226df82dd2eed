//! Three curl lines that work as they stand, made from the tests that stand beside the model.

use std::fmt::Write;
use std::path::Path;

use model::Model;
use model::given::{Opening, openings};

/// Lines to try against a server at `base`: a command, a view that shows what it did, the events.
pub fn curl_lines(model: &Model, schemas: &Path, base: &str) -> Vec<String> {
    let openings = openings(model, schemas);
    let mut lines: Vec<String> = match openings.first() {
        Some(opening) => {
            let view = opening.view.as_ref().map(|(name, key)| view_line(base, name, key));
            std::iter::once(command_line(base, opening)).chain(view).collect()
        }
        None => vec![format!("curl -s {base}/openapi.json")],
    };
    lines.push(format!("curl -s {base}/events"));
    if lines.len() < 3 {
        lines.push(format!("curl -s {base}/docs"));
    }
    lines
}

fn command_line(base: &str, opening: &Opening) -> String {
    let Opening { plural, command, id, input, .. } = opening;
    let id = id.as_ref().map(|id| format!("/{}", encoded(id))).unwrap_or_default();
    // A quote inside single quotes is written as '\'' for a shell.
    let input = input.replace('\'', "'\\''");
    format!("curl -s --json '{input}' {base}/{plural}{id}/{command}")
}

fn view_line(base: &str, name: &str, key: &[(String, String)]) -> String {
    let pairs: Vec<String> =
        key.iter().map(|(column, value)| format!("{column}={}", encoded(value))).collect();
    let query = if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) };
    format!("curl -s '{base}/views/{name}{query}'")
}

/// Percent-encoded, but for what needs none anywhere in a URL.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            other => {
                // Writing to a String can't fail.
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}
