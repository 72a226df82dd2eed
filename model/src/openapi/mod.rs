//! The contract of a loaded folder as an OpenAPI 3.1 document.
//!
//! Inside: `shapes` (JSON Schemas of Avro shapes), `commands`, `queries`, `problems` (error answers
//! with every code), `parts` (parameters and headers that many calls share).

mod commands;
mod parts;
mod problems;
mod queries;
mod shapes;

use serde_json::{Map, Value as Json, json};

use crate::domain::Model;

/// Which calls the document describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surface {
    /// Commands.
    pub commands: bool,
    /// States, history, views.
    pub queries: bool,
    /// `GET /events` of the embedded default.
    pub events: bool,
}

/// The OpenAPI 3.1 document: real types, examples, every code of every rule.
pub fn document(model: &Model, surface: Surface) -> Json {
    let mut paths = Paths::default();
    let mut schemas = shapes::Schemas::new();
    for aggregate in &model.aggregates {
        if surface.commands {
            commands::describe(aggregate, &mut paths, &mut schemas);
        }
        if surface.queries {
            queries::describe(aggregate, &mut paths, &mut schemas);
        }
    }
    if surface.commands && !model.aggregates.is_empty() {
        commands::describe_many(model, &mut paths);
    }
    if surface.events {
        queries::describe_events(model, &mut paths);
    }
    let tags: Vec<_> = model.aggregates.iter().map(|a| json!({ "name": &*a.plural })).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Foldline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Commands go in, events are kept, states and views are read.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths.0,
        "components": {
            "schemas": schemas.finish(),
            "parameters": parts::parameters(),
            "headers": parts::headers(),
        },
    })
}

/// The paths so far, each with its operations.
#[derive(Default)]
struct Paths(Map<String, Json>);

impl Paths {
    fn add(&mut self, path: String, method: &str, operation: Json) {
        let item = self.0.entry(path).or_insert_with(|| json!({}));
        item[method] = operation;
    }
}
