//! Error answers: one problem schema, and an example of every code that a call can answer.

use serde_json::{Map, Value as Json, json};

use super::parts::header;

/// A code and what its detail says.
pub(super) struct Code<'a> {
    pub(super) status: u16,
    pub(super) code: &'a str,
    pub(super) detail: &'a str,
}

/// Shorthand for a table of codes.
pub(super) const fn code<'a>(status: u16, code: &'a str, detail: &'a str) -> Code<'a> {
    Code { status, code, detail }
}

/// The problem that every error answer is.
pub(super) fn schema() -> Json {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "What would be right." },
            "code": { "type": "string", "description": "Stable: match on this." },
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "message"],
                    "properties": {
                        "pointer": { "type": "string", "description": "A JSON pointer." },
                        "code": { "type": "string" },
                        "message": { "type": "string" },
                    },
                },
            },
            "trace_id": { "type": "string" },
        },
    })
}

/// Adds an answer per status, with an example per code.
pub(super) fn add(responses: &mut Map<String, Json>, codes: &[Code<'_>]) {
    let mut statuses: Vec<u16> = codes.iter().map(|c| c.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let of_status = codes.iter().filter(|c| c.status == status);
        let examples: Map<String, Json> = of_status.map(example).collect();
        let names: Vec<_> = examples.keys().map(|code| format!("`{code}`")).collect();
        let mut response = json!({
            "description": names.join(", "),
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "examples": examples,
            } },
        });
        if matches!(status, 429 | 503) {
            response["headers"] = json!({ "Retry-After": header("Retry-After") });
        }
        responses.insert(status.to_string(), response);
    }
}

fn example(Code { status, code, detail }: &Code<'_>) -> (String, Json) {
    let value = json!({
        "type": format!("urn:foldline:{code}"),
        "title": code.replace('-', " "),
        "status": status,
        "detail": detail,
        "code": code,
    });
    ((*code).to_owned(), json!({ "summary": detail, "value": value }))
}
