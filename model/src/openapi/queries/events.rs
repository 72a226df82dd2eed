//! The log.

use serde_json::{Map, json};

use super::super::Paths;
use super::super::problems;
use super::{UNAVAILABLE, code};
use crate::domain::Model;

/// `GET /events`.
pub(in crate::openapi) fn describe_events(model: &Model, paths: &mut Paths) {
    let aggregates: Vec<&str> = model.aggregates.iter().map(|a| &*a.name).collect();
    let line = json!({
        "type": "object",
        "description": "One event a line.",
        "required": ["aggregate", "id", "type", "version", "time", "data", "position"],
        "properties": {
            "aggregate": { "type": "string" },
            "id": { "type": "string" },
            "type": { "type": "string" },
            "version": { "type": "integer", "minimum": 1 },
            "time": { "type": "string", "format": "date-time" },
            "data": { "type": "object" },
            "position": { "type": "string" },
        },
    });
    let mut responses = Map::new();
    let stream = json!({
        "description": "The log.",
        "content": { "application/x-ndjson": { "schema": line } },
    });
    responses.insert("200".to_owned(), stream);
    problems::add(
        &mut responses,
        &[
            code(400, "unsupported-query", "a parameter is not declared"),
            code(400, "invalid-value", "a parameter has the wrong form"),
            code(400, "invalid-position", "`after` is no position"),
            code(400, "unknown-position", "the position is of another stream"),
            code(405, "method-not-allowed", "the log is read by GET"),
            code(406, "not-acceptable", "the log is application/x-ndjson"),
            UNAVAILABLE,
        ],
    );
    let operation = json!({
        "operationId": "events",
        "summary": "The log, oldest first",
        "parameters": [
            {
                "name": "after", "in": "query", "schema": { "type": "string" },
                "description": "Only what comes after this position.",
            },
            {
                "name": "aggregate", "in": "query",
                "description": "Only events of this aggregate type.",
                "schema": { "type": "string", "enum": aggregates },
            },
        ],
        "responses": responses,
    });
    paths.add("/events".to_owned(), "get", operation);
}
