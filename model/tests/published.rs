//! What is published for others: the OpenAPI document and the schemas for editors.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use foldline_model::openapi::{Surface, document};
use foldline_model::{Model, editor};
use serde_json::Value as Json;

const ALL: Surface = Surface { commands: true, queries: true, events: true };

fn domains() -> [PathBuf; 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    [root.join("../schemas"), root.join("tests/domains")]
}

fn documents() -> Vec<Json> {
    let load = |folder: PathBuf| Model::load(&folder).unwrap_or_else(|e| panic!("{e}"));
    domains().into_iter().map(|folder| document(&load(folder), ALL)).collect()
}

fn walk<'j>(json: &'j Json, see: &mut impl FnMut(&'j Json)) {
    see(json);
    match json {
        Json::Array(items) => items.iter().for_each(|item| walk(item, see)),
        Json::Object(members) => members.values().for_each(|value| walk(value, see)),
        _ => {}
    }
}

fn operations(document: &Json) -> Vec<(&String, &Json)> {
    let paths = document["paths"].as_object().expect("paths are an object");
    let items = paths.iter().filter_map(|(path, item)| Some((path, item.as_object()?)));
    items.flat_map(|(path, item)| item.values().map(move |operation| (path, operation))).collect()
}

#[test]
fn every_reference_of_the_openapi_document_resolves() {
    for document in documents() {
        walk(&document, &mut |node| {
            let Some(reference) = node.get("$ref").and_then(Json::as_str) else { return };
            let pointer = reference.strip_prefix('#').expect("references stay inside");
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        });
    }
}

#[test]
fn every_placeholder_of_a_path_is_a_declared_parameter() {
    for document in documents() {
        for (path, operation) in operations(&document) {
            let parameters = operation["parameters"].as_array().expect("parameters are a list");
            let declared = parameters.iter().filter(|p| p["in"] == "path").count();
            assert_eq!(path.matches('{').count(), declared, "{path}");
        }
    }
}

#[test]
fn operation_ids_are_unique() {
    for document in documents() {
        let operations = operations(&document);
        let ids: BTreeSet<_> = operations.iter().map(|(_, o)| o["operationId"].as_str()).collect();
        assert_eq!(ids.len(), operations.len());
        assert!(!ids.contains(&None));
    }
}

#[test]
fn every_code_of_every_rule_is_an_example_of_its_status() {
    for folder in domains() {
        let model = Model::load(&folder).unwrap_or_else(|e| panic!("{e}"));
        let document = document(&model, ALL);
        for aggregate in &model.aggregates {
            for command in &aggregate.commands {
                let path = format!("/{}/{{id}}/{}", aggregate.plural, command.name);
                for rule in &command.require {
                    let response = &document["paths"][&path]["post"]["responses"]
                        [rule.status.to_string()]["content"]["application/problem+json"];
                    let detail = &response["examples"][&*rule.code]["value"]["detail"];
                    assert_eq!(*detail, *rule.message, "{path} {}", rule.code);
                }
            }
        }
    }
}

#[test]
fn examples_of_inputs_fit_their_command() {
    for folder in domains() {
        let model = Model::load(&folder).unwrap_or_else(|e| panic!("{e}"));
        let document = document(&model, ALL);
        for aggregate in &model.aggregates {
            for command in &aggregate.commands {
                let path = format!("/{}/{{id}}/{}", aggregate.plural, command.name);
                let body = &document["paths"][&path]["post"]["requestBody"];
                let example = &body["content"]["application/json"]["example"];
                command.input_shape.from_json(example).unwrap_or_else(|e| panic!("{path}: {e:?}"));
            }
        }
    }
}

#[test]
fn a_view_declares_its_key_as_required_and_ranges_on_its_sort_columns() {
    let document = &documents()[0];
    let of = |path: &str| document["paths"][path]["get"]["parameters"].clone();
    let parameters = of("/views/orders-by-status");
    let named = |name: &str| {
        let found = parameters.as_array().expect("a list").iter().find(|p| p["name"] == name);
        found.unwrap_or_else(|| panic!("no parameter {name}")).clone()
    };
    assert_eq!(named("status")["required"], true);
    assert_eq!(named("placed_at")["required"], false);
    for range in ["gt", "gte", "lt", "lte"] {
        assert_eq!(named(&format!("placed_at.{range}"))["schema"]["format"], "date-time");
    }
}

#[test]
fn the_published_schemas_are_those_beside_the_examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    for (name, schema) in
        [("model.schema.json", editor::model_schema()), ("test.schema.json", editor::test_schema())]
    {
        let text = serde_json::to_string_pretty(&schema).expect("JSON is text") + "\n";
        let file = folder.join(name);
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&file, &text).expect("the schemas folder can be written");
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(found, text, "set UPDATE_SCHEMAS=1 to write {name} anew");
    }
}
