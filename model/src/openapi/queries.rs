//! The calls of the query API: states, histories, views and the log.

use serde_json::{Map, Value as Json, json};

use super::Paths;
use super::parts::{self, header, parameter};
use super::problems::{self, Code, code};
use super::shapes::{self, Schemas};
use crate::domain::{Aggregate, Column, Direction, MeasureKind, Model, View, ViewKind};
use crate::schema::Shape;

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

fn of_view(aggregate: &Aggregate, view: &View, schemas: &mut Schemas) -> Json {
    let row = row_schema(aggregate, view, schemas);
    let row = schemas.define(format!("view.{}", view.name), row);
    let mut parameters = column_parameters(view, schemas);
    parameters.extend(["order", "limit", "cursor", "fields"].map(parameter));
    parameters.extend(freshness());
    let mut responses = ok(&page(&row), &["Foldline-Position", "Foldline-Parked"]);
    if let Some(response) = responses.get_mut("200") {
        response["content"]["application/x-ndjson"] = json!({ "schema": row });
    }
    let mut codes: Vec<Code<'_>> = CODES.into();
    codes.push(code(400, "invalid-cursor", "the cursor is not one of this list"));
    problems::add(&mut responses, &codes);
    let summary = match &view.kind {
        ViewKind::Rows(_) => format!("The view {}", view.name),
        ViewKind::Rollup(_) => format!("The sums of {}", view.name),
    };
    let name = format!("view.{}", view.name);
    operation(aggregate, &name, summary, parameters, responses)
}

fn row_schema(aggregate: &Aggregate, view: &View, schemas: &mut Schemas) -> Json {
    let mut properties = Map::new();
    match &view.kind {
        ViewKind::Rows(rows) => {
            properties.insert("id".to_owned(), parts::id_schema(aggregate.id));
            let shown = rows.columns.iter().filter(|c| c.shown && &*c.name != "id");
            properties.extend(shown.map(|c| (c.name.to_string(), schemas.of(&c.shape))));
        }
        ViewKind::Rollup(rollup) => {
            let group = rollup.group.iter();
            properties.extend(group.map(|c| (c.name.to_string(), schemas.of(&c.shape))));
            let measures = rollup.measures.iter();
            properties.extend(measures.map(|m| (m.name.to_string(), measure(m.kind, schemas))));
        }
    }
    json!({ "type": "object", "properties": properties })
}

fn measure(kind: MeasureKind, schemas: &mut Schemas) -> Json {
    match kind {
        // Sums are held wider than 64 bits.
        MeasureKind::Count | MeasureKind::Int => json!({ "type": "integer" }),
        MeasureKind::Decimal(scale) => schemas.of(&Shape::Decimal { precision: 28, scale }),
        MeasureKind::Double => schemas.of(&Shape::Double),
    }
}

/// Key columns are required; sort columns take a value or a range.
fn column_parameters(view: &View, schemas: &mut Schemas) -> Vec<Json> {
    let columns = view.columns();
    let mut parameters = Vec::new();
    for column in view.key().iter().filter_map(|index| columns.get(*index)) {
        parameters.push(column_parameter(&column.name, column, true, "Key column.", schemas));
    }
    for (index, direction) in view.sort() {
        let Some(column) = columns.get(*index) else { continue };
        let order = match direction {
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        };
        let text = format!("Sort column, {order}; only with values for those before it.");
        parameters.push(column_parameter(&column.name, column, false, &text, schemas));
        for (range, meaning) in
            [("gt", "Above."), ("gte", "From."), ("lt", "Below."), ("lte", "Up to.")]
        {
            let name = format!("{}.{range}", column.name);
            parameters.push(column_parameter(&name, column, false, meaning, schemas));
        }
    }
    parameters
}

fn column_parameter(
    name: &str,
    column: &Column,
    required: bool,
    description: &str,
    schemas: &mut Schemas,
) -> Json {
    let mut parameter = json!({
        "name": name, "in": "query", "required": required, "description": description,
        "schema": schemas.of(&column.shape),
    });
    if required {
        parameter["example"] = shapes::example(&column.shape);
    }
    parameter
}

/// `GET /events`.
pub(super) fn describe_events(model: &Model, paths: &mut Paths) {
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
