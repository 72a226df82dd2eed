//! Views and rollups.

use serde_json::{Map, Value as Json, json};

use super::super::parts::{self, parameter};
use super::super::problems;
use super::super::shapes::{self, Schemas};
use super::{CODES, Code, code, freshness, ok, operation, page};
use crate::domain::{Aggregate, Column, Direction, MeasureKind, View, ViewKind};
use crate::schema::Shape;

pub(super) fn of_view(aggregate: &Aggregate, view: &View, schemas: &mut Schemas) -> Json {
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
