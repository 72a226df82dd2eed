//! The calls of the command API.

use serde_json::{Map, Value as Json, json};

use super::parts::{self, header, parameter};
use super::problems::{self, Code, code};
use super::shapes::{self, Schemas};
use super::{Paths, shapes::UUID};
use crate::domain::{Aggregate, Command, IdKind, Model, Occurrence};

/// What any command may answer besides its rules.
const CODES: [Code<'static>; 16] = [
    code(400, "malformed-json", "the body must be one JSON object"),
    code(400, "invalid-id", "the id has the wrong form"),
    code(400, "invalid-header", "a header has the wrong form"),
    code(400, "invalid-position", "Foldline-Min-Position is no position"),
    code(404, "unknown-collection", "no such collection"),
    code(404, "unknown-command", "no such command"),
    code(405, "method-not-allowed", "commands are sent by POST"),
    code(406, "not-acceptable", "answers are JSON"),
    code(412, "version-mismatch", "the aggregate is at another version"),
    code(413, "too-large", "a limit is passed; nothing was written"),
    code(415, "unsupported-media-type", "send Content-Type: application/json"),
    code(422, "invalid-input", "the input does not fit; every place is named"),
    code(422, "idempotency-key-reused", "the key was used for another command or input"),
    code(422, "expression-failed", "an expression of the model failed for this input"),
    code(429, "overloaded", "nothing was written; try again later"),
    code(503, "unavailable", "nothing was written; try again later"),
];

/// The commands of one aggregate.
pub(super) fn describe(aggregate: &Aggregate, paths: &mut Paths, schemas: &mut Schemas) {
    let plural = &aggregate.plural;
    for command in &aggregate.commands {
        let name = &command.name;
        let body = schemas.of(&command.input_shape);
        let mut operation = operation(aggregate, command, &body);
        let made = aggregate.id == IdKind::Uuid && command.on == Occurrence::New;
        if made {
            let mut without_id = operation.clone();
            without_id["operationId"] = json!(format!("{}.{name}.new", aggregate.name));
            without_id["summary"] = json!(format!("{name}: a new {}, id made", aggregate.name));
            paths.add(format!("/{plural}/{name}"), "post", without_id);
        }
        if let Some(parameters) = operation["parameters"].as_array_mut() {
            parameters.insert(0, parts::id(aggregate.id));
        }
        paths.add(format!("/{plural}/{{id}}/{name}"), "post", operation);
    }
}

fn operation(aggregate: &Aggregate, command: &Command, body: &Json) -> Json {
    let shared = ["Idempotency-Key", "If-Match", "dry_run", "Foldline-Min-Position"];
    let example = shapes::example(&command.input_shape);
    json!({
        "operationId": format!("{}.{}", aggregate.name, command.name),
        "summary": format!("{} {}", command.name, aggregate.name),
        "tags": [&*aggregate.plural],
        "parameters": shared.map(parameter),
        "requestBody": {
            "required": command.input.fields.iter().any(|field| field.default.is_none()),
            "content": { "application/json": { "schema": body, "example": example } },
        },
        "responses": responses(aggregate, command),
    })
}

fn responses(aggregate: &Aggregate, command: &Command) -> Json {
    let mut responses = Map::new();
    if command.on != Occurrence::New {
        responses.insert("200".to_owned(), success(aggregate, "Done.", false));
    } else {
        responses.insert("200".to_owned(), success(aggregate, "A dry run.", false));
    }
    if command.on != Occurrence::Existing {
        responses.insert("201".to_owned(), success(aggregate, "Made.", true));
    }
    let mut codes: Vec<Code<'_>> = CODES.into();
    codes.push(code(503, "outcome-unknown", "retry with the same Idempotency-Key"));
    match command.on {
        Occurrence::New => {
            codes.push(code(409, "already-exists", "an aggregate of this id exists"));
            codes.push(code(422, "nothing-emitted", "the command made no event"));
        }
        Occurrence::Existing => codes.push(code(404, "not-found", "there is none of this id")),
        Occurrence::Any => {}
    }
    if command.allow.is_some() {
        codes.push(code(403, "forbidden", "the caller may not do this"));
    }
    codes.extend(command.require.iter().map(|r| code(r.status, &r.code, &r.message)));
    problems::add(&mut responses, &codes);
    Json::Object(responses)
}

fn success(aggregate: &Aggregate, description: &str, made: bool) -> Json {
    let mut headers = json!({
        "ETag": header("ETag"),
        "Foldline-Position": header("Foldline-Position"),
        "Idempotency-Replayed": header("Idempotency-Replayed"),
    });
    if made {
        headers["Location"] = header("Location");
    }
    json!({
        "description": description,
        "headers": headers,
        "content": { "application/json": { "schema": accepted(aggregate) } },
    })
}

fn accepted(aggregate: &Aggregate) -> Json {
    json!({
        "type": "object",
        "required": ["id", "version", "events"],
        "properties": {
            "id": parts::id_schema(aggregate.id),
            "version": { "type": "integer", "minimum": 0 },
            "events": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "version"],
                    "properties": {
                        "type": {
                            "type": "string",
                            "enum": aggregate.events.iter().map(|e| &*e.name).collect::<Vec<_>>(),
                        },
                        "version": { "type": "integer", "minimum": 1 },
                        "data": { "type": "object", "description": "Only of a dry run." },
                    },
                },
            },
            "position": { "type": "string" },
            "dry_run": { "type": "boolean", "const": true },
        },
    })
}

/// `POST /commands`.
pub(super) fn describe_many(model: &Model, paths: &mut Paths) {
    let aggregates: Vec<&str> = model.aggregates.iter().map(|a| &*a.name).collect();
    let line = json!({
        "type": "object",
        "description": "One line of the body.",
        "required": ["aggregate", "command"],
        "properties": {
            "aggregate": { "type": "string", "enum": aggregates },
            "id": { "type": "string", "examples": [UUID] },
            "command": { "type": "string" },
            "key": { "type": "string", "description": "As Idempotency-Key." },
            "if_match": { "type": "string", "description": "As If-Match." },
            "input": { "type": "object" },
        },
        "additionalProperties": false,
    });
    let answer = json!({
        "type": "object",
        "description": "One line of the answer, in the order of the body.",
        "required": ["line", "status"],
        "properties": {
            "line": { "type": "integer", "minimum": 1 },
            "status": { "type": "integer" },
        },
    });
    let mut responses = Map::new();
    let done = json!({
        "description": "A line for each line: its status and the single call's body.",
        "content": { "application/x-ndjson": { "schema": answer } },
    });
    responses.insert("200".to_owned(), done);
    let detail = "send Content-Type: application/x-ndjson";
    problems::add(
        &mut responses,
        &[
            code(400, "invalid-position", "Foldline-Min-Position is no position"),
            code(405, "method-not-allowed", "commands are sent by POST"),
            code(406, "not-acceptable", "answers are application/x-ndjson"),
            code(415, "unsupported-media-type", detail),
        ],
    );
    let operation = json!({
        "operationId": "commands",
        "summary": "Many commands, one a line",
        "parameters": [parameter("dry_run"), parameter("Foldline-Min-Position")],
        "requestBody": {
            "required": true,
            "content": { "application/x-ndjson": { "schema": line } },
        },
        "responses": responses,
    });
    paths.add("/commands".to_owned(), "post", operation);
}
