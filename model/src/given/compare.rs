//! What differs between an expectation and what came, one line each.

use serde_json::Value as Json;

use crate::schema::Shape;

/// Adds a line for each place of `expected` that `actual` does not meet. Fields that a record's
/// expectation leaves out are not compared; lists and maps must be whole.
pub(super) fn differences(
    shape: &Shape,
    expected: &Json,
    actual: &Json,
    at: &str,
    lines: &mut Vec<String>,
) {
    match (shape, expected, actual) {
        (Shape::Nullable { inner, .. }, _, _) if !expected.is_null() && !actual.is_null() => {
            differences(inner, expected, actual, at, lines);
        }
        (Shape::Record(record), Json::Object(wanted), Json::Object(_)) => {
            for (name, expected) in wanted {
                let Some(index) = record.index_of(name) else { continue };
                let actual = actual.get(name).unwrap_or(&Json::Null);
                let at = format!("{at}.{name}");
                differences(&record.fields[index].shape, expected, actual, &at, lines);
            }
        }
        (Shape::Array(of), Json::Array(wanted), Json::Array(came))
            if wanted.len() == came.len() =>
        {
            for (index, (expected, actual)) in wanted.iter().zip(came).enumerate() {
                differences(of, expected, actual, &format!("{at}[{index}]"), lines);
            }
        }
        (Shape::Map(of), Json::Object(wanted), Json::Object(came))
            if wanted.len() == came.len() && wanted.keys().all(|k| came.contains_key(k)) =>
        {
            for (key, expected) in wanted {
                differences(of, expected, &came[key], &format!("{at}.{key}"), lines);
            }
        }
        _ if same(shape, expected, actual) => {}
        _ => lines.push(format!("{at}: expected {expected}, got {actual}")),
    }
}

/// Whether both are the same value, however they are written (`10.5` and `10.50`, time zones).
fn same(shape: &Shape, expected: &Json, actual: &Json) -> bool {
    expected == actual
        || matches!((shape.from_json(expected), shape.from_json(actual)), (Ok(a), Ok(b)) if a == b)
}

/// Compares a row of a view by its columns.
pub(super) fn row_differences(
    columns: &[(&str, Shape)],
    expected: &Json,
    actual: &Json,
    at: &str,
    lines: &mut Vec<String>,
) {
    for (name, shape) in columns {
        if let Some(expected) = expected.get(*name) {
            let actual = actual.get(*name).unwrap_or(&Json::Null);
            differences(shape, expected, actual, &format!("{at}.{name}"), lines);
        }
    }
}
