//! The calls of the query API: states, histories, views and the log.

mod events;
mod views;

use serde_json::{Map, Value as Json, json};

use super::Paths;
use super::parts::{self, header, parameter};
use super::problems::{self, Code, code};
use super::shapes::Schemas;
use crate::domain::Aggregate;
pub(super) use events::describe_events;
use views::of_view;

const NOT_YET: Code<'static> =
    code(503, "not-yet-visible", "the minimum position is not reached yet; try again");
const UNAVAILABLE: Code<'static> = code(503, "unavailable", "try again later");

/// What any query may answer.
const CODES: [Code<'static>; 8] = [
    code(400, "unsupported-query", "a parameter is not declared, or a key column is missing"),
    code(400, "invalid-value", "a parameter has the wrong form"),
    code(400, "invalid-position", "Foldline-Min-Position is no position"),
    code(400, "unknown-position", "the position is of another stream"),
    code(405, "method-not-allowed", "queries are sent by GET"),
    code(406, "not-acceptable", "this form of answer is not offered"),
    NOT_YET,
    UNAVAILABLE,
];

/// The states, histories and views of one aggregate.
pub(super) fn describe(aggregate: &Aggregate, paths: &mut Paths, schemas: &mut Schemas) {
    let plural = &aggregate.plural;
    let state = schemas.of(&aggregate.state_shape);
    let item = schemas.define(
        format!("{}.item", aggregate.name),
        json!({
            "type": "object",
            "required": ["id", "version", "state"],
            "properties": {
                "id": parts::id_schema(aggregate.id),
                "version": { "type": "integer", "minimum": 1 },
                "state": state,
                "parked": { "type": "boolean", "description": "Set aside: this state is old." },
            },
        }),
    );
    paths.add(format!("/{plural}/{{id}}"), "get", one(aggregate, &item));
    paths.add(format!("/{plural}"), "get", many(aggregate, &item));
    paths.add(format!("/{plural}/{{id}}/history"), "get", history(aggregate, schemas));
    for view in &aggregate.views {
        paths.add(format!("/views/{}", view.name), "get", of_view(aggregate, view, schemas));
    }
}

fn one(aggregate: &Aggregate, item: &Json) -> Json {
    let version = json!({
        "name": "version", "in": "query", "description": "The state as it was at this version.",
        "schema": { "type": "integer", "minimum": 1 },
    });
    let mut parameters = vec![parts::id(aggregate.id), parameter("fields"), version];
    parameters.push(parameter("If-None-Match"));
    parameters.extend(freshness());
    let mut responses = ok(item, &["ETag", "Foldline-Position"]);
    responses.insert("304".to_owned(), json!({ "description": "Not modified." }));
    let mut codes: Vec<Code<'_>> = CODES.into();
    codes.extend([
        code(400, "invalid-id", "the id has the wrong form"),
        code(404, "not-found", "there is none of this id"),
        code(404, "no-such-version", "it has no such version"),
        code(413, "too-large", "too many events to fold; read the history"),
    ]);
    problems::add(&mut responses, &codes);
    operation(
        aggregate,
        "get",
        format!("The state of one {}", aggregate.name),
        parameters,
        responses,
    )
}

fn many(aggregate: &Aggregate, item: &Json) -> Json {
    let ids = json!({
        "name": "id", "in": "query", "required": true, "style": "form", "explode": true,
        "description": "The ids; unknown ones are left out of the answer.",
        "schema": {
            "type": "array", "minItems": 1, "maxItems": 100,
            "items": parts::id_schema(aggregate.id),
        },
    });
    let mut parameters = vec![ids, parameter("fields")];
    parameters.extend(freshness());
    let items = json!({
        "type": "object",
        "required": ["items"],
        "properties": { "items": { "type": "array", "items": item } },
    });
    let mut responses = ok(&items, &["Foldline-Position"]);
    let mut codes: Vec<Code<'_>> = CODES.into();
    codes.push(code(400, "invalid-id", "an id has the wrong form"));
    codes.push(code(404, "unknown-view", "a list of all is a view: declare one"));
    problems::add(&mut responses, &codes);
    operation(aggregate, "list", "Several states by id".to_owned(), parameters, responses)
}

fn history(aggregate: &Aggregate, schemas: &mut Schemas) -> Json {
    let variants: Vec<Json> = aggregate
        .events
        .iter()
        .map(|event| {
            json!({
                "type": "object",
                "required": ["type", "version", "time", "data"],
                "properties": {
                    "type": { "type": "string", "const": &*event.name },
                    "version": { "type": "integer", "minimum": 1 },
                    "time": { "type": "string", "format": "date-time" },
                    "data": schemas.of(&event.shape),
                },
            })
        })
        .collect();
    let item = match variants.len() {
        0 => json!({ "type": "object" }),
        _ => json!({ "oneOf": variants }),
    };
    let item = schemas.define(format!("{}.event", aggregate.name), item);
    let mut parameters = vec![parts::id(aggregate.id), parameter("limit"), parameter("cursor")];
    parameters.extend(freshness());
    let mut responses = ok(&page(&item), &["Foldline-Position"]);
    let mut codes: Vec<Code<'_>> = CODES.into();
    codes.extend([
        code(400, "invalid-id", "the id has the wrong form"),
        code(400, "invalid-cursor", "the cursor is not one of this list"),
        code(404, "not-found", "there is none of this id"),
    ]);
    problems::add(&mut responses, &codes);
    let summary = "Its events, oldest first".to_owned();
    operation(aggregate, "history", summary, parameters, responses)
}

fn freshness() -> [Json; 2] {
    [parameter("Foldline-Min-Position"), parameter("Prefer")]
}

fn page(item: &Json) -> Json {
    json!({
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": { "type": "array", "items": item },
            "next": { "type": ["string", "null"], "description": "The cursor of the next page." },
        },
    })
}

fn ok(schema: &Json, headers: &[&str]) -> Map<String, Json> {
    let headers: Map<String, Json> =
        headers.iter().map(|name| ((*name).to_owned(), header(name))).collect();
    let response = json!({
        "description": "Found.",
        "headers": headers,
        "content": { "application/json": { "schema": schema } },
    });
    Map::from_iter([("200".to_owned(), response)])
}

fn operation(
    aggregate: &Aggregate,
    name: &str,
    summary: String,
    parameters: Vec<Json>,
    responses: Map<String, Json>,
) -> Json {
    json!({
        "operationId": format!("{}.{name}", aggregate.name),
        "summary": summary,
        "tags": [&*aggregate.plural],
        "parameters": parameters,
        "responses": responses,
    })
}
