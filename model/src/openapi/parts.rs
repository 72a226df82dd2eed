//! Parameters and headers that many calls share.

use serde_json::{Value as Json, json};

/// A reference to a shared parameter.
pub(super) fn parameter(name: &str) -> Json {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

/// A reference to a shared header.
pub(super) fn header(name: &str) -> Json {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// All shared parameters.
pub(super) fn parameters() -> Json {
    json!({
        "Idempotency-Key": {
            "name": "Idempotency-Key", "in": "header",
            "description": "Send the same key with a retry: the first success is answered again.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128 },
            "example": "4f1c1f6e-order",
        },
        "If-Match": {
            "name": "If-Match", "in": "header",
            "description": "Decide only at this version; `*` = it exists, `\"0\"` = not yet.",
            "schema": { "type": "string" }, "example": "\"7\"",
        },
        "If-None-Match": {
            "name": "If-None-Match", "in": "header",
            "description": "The ETag that is known already: 304 where it is still right.",
            "schema": { "type": "string" }, "example": "\"8\"",
        },
        "dry_run": {
            "name": "dry_run", "in": "query",
            "description": "Decide without writing anything.",
            "schema": { "type": "boolean", "default": false },
        },
        "Foldline-Min-Position": {
            "name": "Foldline-Min-Position", "in": "header",
            "description": "The last Foldline-Position you got: the answer is at least as new.",
            "schema": { "type": "string" },
        },
        "Prefer": {
            "name": "Prefer", "in": "header",
            "description": "How many seconds to wait for the minimum position, at most 10.",
            "schema": { "type": "string", "default": "wait=2" }, "example": "wait=5",
        },
        "fields": {
            "name": "fields", "in": "query",
            "description": "Only these fields, separated by commas; dots lead into records.",
            "schema": { "type": "string" },
        },
        "limit": {
            "name": "limit", "in": "query",
            "description": "Most items of a page.",
            "schema": { "type": "integer", "minimum": 1, "maximum": 1000, "default": 50 },
        },
        "cursor": {
            "name": "cursor", "in": "query",
            "description": "The `next` of the page before.",
            "schema": { "type": "string" },
        },
        "order": {
            "name": "order", "in": "query",
            "description": "Direction of the first sort column; the whole order turns with it.",
            "schema": { "type": "string", "enum": ["asc", "desc"] },
        },
    })
}

/// All shared headers of answers.
pub(super) fn headers() -> Json {
    let text =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "ETag": text("The version, quoted."),
        "Location": text("Path of the new aggregate."),
        "Foldline-Position": text("Opaque; send it as Foldline-Min-Position to read what you wrote."),
        "Foldline-Parked": {
            "description": "How many aggregates of this type are set aside.",
            "schema": { "type": "integer" },
        },
        "Idempotency-Replayed": {
            "description": "`true` where an earlier success is answered again.",
            "schema": { "type": "string", "enum": ["true"] },
        },
        "Retry-After": {
            "description": "Seconds to wait before the next try.",
            "schema": { "type": "integer", "minimum": 0 },
        },
    })
}

/// A parameter of the path that names an aggregate.
pub(super) fn id(kind: crate::domain::IdKind) -> Json {
    json!({ "name": "id", "in": "path", "required": true, "schema": id_schema(kind) })
}

/// How ids look.
pub(super) fn id_schema(kind: crate::domain::IdKind) -> Json {
    match kind {
        crate::domain::IdKind::Uuid => json!({
            "type": "string", "format": "uuid", "examples": [super::shapes::UUID],
        }),
        crate::domain::IdKind::Text => json!({
            "type": "string", "minLength": 1, "maxLength": 128,
            "pattern": "^[A-Za-z0-9._~@:-]+$", "examples": ["a-1"],
        }),
    }
}
