//! The JSON Schemas (draft 2020-12) of model.yaml and of the test files, for editors that complete
//! and check YAML while it is written. What only the checker can know (names, types) is not in them.

use serde_json::{Value as Json, json};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of `model.yaml`.
pub fn model_schema() -> Json {
    json!({
        "$schema": DRAFT,
        "$id": "urn:foldline:schema:model:1",
        "title": "Foldline model",
        "type": "object",
        "required": ["foldline", "aggregate", "plural"],
        "additionalProperties": false,
        "properties": {
            "foldline": { "const": 1, "description": "Version of the language." },
            "aggregate": {
                "$ref": "#/$defs/name", "description": "Names the topic and the tables.",
            },
            "plural": { "$ref": "#/$defs/name", "description": "The collection in URLs." },
            "id": {
                "enum": ["uuid", "text"], "default": "uuid",
                "description": "uuid: made by the server when absent. text: given by the client.",
            },
            "read": {
                "$ref": "#/$defs/expression",
                "description": "Who may read a state. Sees: state, id, actor.",
            },
            "commands": named("#/$defs/command", "The commands by name."),
            "events": {
                "type": ["object", "null"],
                "additionalProperties": { "$ref": "#/$defs/event" },
                "description": "What events do to the state; one that folds nothing is left out.",
            },
            "views": named("#/$defs/view", "The views by name, which no other aggregate has."),
        },
        "$defs": {
            "name": {
                "type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "maxLength": 40,
            },
            "expression": {
                "type": ["string", "number", "boolean", "null"],
                "description": "An expression in CEL.",
            },
            "expressions": {
                "type": "object",
                "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
                "additionalProperties": { "$ref": "#/$defs/expression" },
            },
            "command": command(),
            "event": event(),
            "view": view(),
        },
    })
}

/// The schema of a file in `tests/`.
pub fn test_schema() -> Json {
    let call = json!({ "$ref": "#/$defs/call" });
    let steps = json!({
        "type": ["array", "null"],
        "items": { "anyOf": [{ "$ref": "#/$defs/event" }, call, { "type": "string" }] },
    });
    let lists = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": { "events": steps, "commands": steps },
    });
    json!({
        "$schema": DRAFT,
        "$id": "urn:foldline:schema:test:1",
        "title": "Foldline tests",
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "required": ["name", "then"],
            "additionalProperties": false,
            "properties": {
                "name": { "type": "string", "description": "What the test shows." },
                "id": { "type": "string", "description": "The aggregate's id." },
                "given": { "anyOf": [steps, lists], "description": "What happened before." },
                "commands": { "$ref": "#/$defs/calls" },
                "when": { "$ref": "#/$defs/call" },
                "then": { "$ref": "#/$defs/then" },
            },
        },
        "$defs": {
            "calls": { "type": "array", "items": call, "description": "Commands before." },
            "call": call_schema(),
            "event": given_event(),
            "then": then(),
        },
    })
}

fn named(reference: &str, description: &str) -> Json {
    json!({
        "type": ["object", "null"],
        "propertyNames": { "$ref": "#/$defs/name" },
        "additionalProperties": { "$ref": reference },
        "description": description,
    })
}

fn expression(description: &str) -> Json {
    json!({ "$ref": "#/$defs/expression", "description": description })
}

fn command() -> Json {
    json!({
        "type": "object",
        "required": ["emit"],
        "additionalProperties": false,
        "properties": {
            "input": { "type": "string", "description": "The record in commands/; none: no fields." },
            "on": { "enum": ["new", "existing", "any"], "default": "existing" },
            "allow": expression("Who may do this."),
            "require": {
                "type": ["array", "null"],
                "description": "In order; the first that is false rejects.",
                "items": {
                    "type": "object",
                    "required": ["rule", "code", "message"],
                    "additionalProperties": false,
                    "properties": {
                        "rule": expression("What must hold."),
                        "code": {
                            "type": "string", "pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
                            "description": "Stable: clients match on it.",
                        },
                        "message": { "type": "string", "description": "For people." },
                        "status": { "enum": [422, 409], "default": 422 },
                    },
                },
            },
            "emit": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["event"],
                    "additionalProperties": false,
                    "properties": {
                        "event": { "type": "string" },
                        "when": expression("Only where this holds."),
                        "each": expression("A list: one event per element, as `it` and `index`."),
                        "with": {
                            "$ref": "#/$defs/expressions",
                            "description": "Fields; others come from the input or the default.",
                        },
                    },
                },
            },
        },
    })
}

fn event() -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "fold": { "$ref": "#/$defs/expressions", "description": "The state's fields it sets." },
            "delete": { "type": "boolean", "description": "The aggregate is gone." },
            "upcast": {
                "type": "object",
                "description": "n: the fields that change from version n to n + 1.",
                "propertyNames": { "pattern": "^[1-9][0-9]*$" },
                "additionalProperties": { "$ref": "#/$defs/expressions" },
            },
        },
        "not": { "required": ["fold", "delete"], "properties": { "delete": { "const": true } } },
    })
}

fn view() -> Json {
    let columns = |description: &str| json!({ "type": "array", "items": { "type": "string" }, "description": description });
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "of": columns("Makes it a view of these events."),
            "each": expression("A list: one row per element, as `it` and `index`."),
            "where": expression("Only what passes."),
            "allow": expression("Per row. Sees: row, actor."),
            "key": columns("Partition key: every query gives these."),
            "sort": columns("Order, `-` for descending."),
            "fields": { "$ref": "#/$defs/expressions", "description": "The columns." },
            "group": { "$ref": "#/$defs/expressions", "description": "Columns of a rollup." },
            "measures": {
                "$ref": "#/$defs/expressions", "description": "count() or sum(…), per group.",
            },
            "buckets": { "type": "integer", "minimum": 1, "default": 1 },
        },
        "oneOf": [
            { "required": ["fields"], "not": { "anyOf": [
                { "required": ["group"] }, { "required": ["measures"] },
            ] } },
            { "required": ["measures"], "not": { "required": ["fields"] } },
        ],
    })
}

fn call_schema() -> Json {
    json!({
        "type": "object",
        "required": ["command"],
        "additionalProperties": false,
        "properties": {
            "command": { "type": "string" },
            "id": { "type": "string" },
            "input": { "type": ["object", "null"] },
            "actor": {
                "type": "object",
                "description": "Who calls; left out, no permission is tested.",
                "additionalProperties": false,
                "properties": {
                    "sub": { "type": "string" },
                    "roles": { "type": "array", "items": { "type": "string" } },
                    "scopes": { "type": "array", "items": { "type": "string" } },
                    "claims": { "type": "object" },
                },
            },
            "now": { "type": "string", "format": "date-time" },
            "if_match": { "type": ["integer", "string"] },
        },
    })
}

fn given_event() -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "anyOf": [{ "required": ["event"] }, { "required": ["type"] }],
        "properties": {
            "event": { "type": "string" },
            "type": { "type": "string" },
            "data": { "type": ["object", "null"] },
            "version": { "type": "integer", "minimum": 1, "description": "An older version." },
            "time": { "type": "string", "format": "date-time" },
            "now": { "type": "string", "format": "date-time" },
        },
    })
}

fn then() -> Json {
    json!({
        "type": "object",
        "description": "What is left out is not compared.",
        "additionalProperties": false,
        "properties": {
            "rejected": { "type": "string", "description": "The code." },
            "events": {
                "type": "array",
                "items": { "anyOf": [{ "type": "string" }, {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "type": { "type": "string" },
                        "event": { "type": "string" },
                        "data": { "type": "object" },
                    },
                }] },
            },
            "state": { "type": ["object", "null"], "description": "null: it is gone." },
            "views": {
                "type": "object",
                "additionalProperties": { "type": "array", "items": { "type": "object" } },
            },
        },
    })
}
