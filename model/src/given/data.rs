//! YAML values as JSON, and members of mappings by name.

use serde_json::{Map, Number, Value as Json};

use crate::domain::{View, ViewKind};
use crate::load::report::Report;
use crate::load::source::Source;
use crate::load::suggest::did_you_mean;
use crate::load::yaml::{Kind, Node, Scalar, Style};
use crate::schema::{RecordShape, Shape};

/// The member of this name.
pub(super) fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Kind::Map(members) = &node.kind else { return None };
    members.iter().find(|(key, _)| key.text() == Some(name)).map(|(_, value)| value)
}

/// Reports members that are not known, and a node that is no mapping.
pub(super) fn only(
    node: &Node,
    what: &str,
    known: &[&str],
    source: &Source,
    report: &mut Report,
) -> bool {
    let Kind::Map(members) = &node.kind else {
        let hint = format!("it has the keys {}", known.join(", "));
        report.hinted(node.place(source), format!("{what} is a mapping"), hint);
        return false;
    };
    let before = report.len();
    for (key, _) in members {
        let name = key.text().unwrap_or_default();
        if !known.contains(&name) {
            let hint = did_you_mean(name, known.iter().copied());
            report.push(key.place(source), format!("{what} has no key `{name}`"), hint);
        }
    }
    report.len() == before
}

/// A YAML value as JSON, by the core schema of YAML 1.2.
pub(super) fn json(node: &Node) -> Json {
    match &node.kind {
        Kind::Scalar(scalar) => scalar_json(scalar),
        Kind::List(items) => items.iter().map(json).collect(),
        Kind::Map(members) => {
            let named = |(key, value): &(Node, Node)| {
                (key.text().unwrap_or_default().to_owned(), json(value))
            };
            Json::Object(members.iter().map(named).collect::<Map<_, _>>())
        }
    }
}

fn scalar_json(scalar: &Scalar) -> Json {
    let text = scalar.text.as_str();
    if scalar.style != Style::Plain {
        return Json::from(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        _ => number(text).map_or_else(|| Json::from(text), Json::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Ok(int) = unsigned.parse::<i64>() {
        return Some(int.into());
    }
    unsigned.parse::<f64>().ok().and_then(Number::from_f64)
}

/// Reports names and scalars of an expectation that can't be of this shape. Fields may be left out.
pub(super) fn check(shape: &Shape, node: &Node, source: &Source, report: &mut Report) {
    match (shape, &node.kind) {
        (Shape::Nullable { .. }, _) if node.is_null() => {}
        (Shape::Nullable { inner, .. }, _) => check(inner, node, source, report),
        (Shape::Record(record), Kind::Map(members)) => {
            for (key, value) in members {
                check_field(record, key, value, source, report);
            }
        }
        (Shape::Array(of), Kind::List(items)) => {
            items.iter().for_each(|item| check(of, item, source, report));
        }
        (Shape::Map(of), Kind::Map(members)) => {
            members.iter().for_each(|(_, value)| check(of, value, source, report));
        }
        _ => {
            for wrong in shape.from_json(&json(node)).err().into_iter().flatten() {
                report.error(node.place(source), wrong.message);
            }
        }
    }
}

fn check_field(
    record: &RecordShape,
    key: &Node,
    value: &Node,
    source: &Source,
    report: &mut Report,
) {
    let name = key.text().unwrap_or_default();
    match record.index_of(name) {
        Some(index) => check(&record.fields[index].shape, value, source, report),
        None => {
            let hint = did_you_mean(name, record.fields.iter().map(|f| &*f.name));
            let message = format!("{} has no field `{name}`", record.name());
            report.push(key.place(source), message, hint);
        }
    }
}

/// Names and shapes of what a view answers.
pub(super) fn answer_columns(view: &View) -> Vec<(&str, Shape)> {
    match &view.kind {
        ViewKind::Rows(rows) => {
            let shown = rows.columns.iter().filter(|c| c.shown || &*c.name == "id");
            shown.map(|c| (&*c.name, c.shape.clone())).collect()
        }
        ViewKind::Rollup(rollup) => {
            let group = rollup.group.iter().map(|c| (&*c.name, c.shape.clone()));
            let measures = rollup.measures.iter().map(|m| (&*m.name, super::tables::shape(m.kind)));
            group.chain(measures).collect()
        }
    }
}
