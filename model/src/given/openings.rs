//! Commands to try first: the tests that begin with nothing and succeed show what fits.

use std::path::Path;

use super::case::Case;
use super::play::{self, Played};
use super::{files, parse};
use crate::domain::{Aggregate, Column, IdKind, Model, View, ViewKind, ViewSource};
use crate::load::report::Report;
use crate::load::source::Source;
use crate::value::Value;

/// A command that succeeds on an aggregate that is not there yet, and a question that finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The URL collection.
    pub plural: String,
    /// The command.
    pub command: String,
    /// The id, where the client must give it.
    pub id: Option<String>,
    /// The input, as JSON.
    pub input: String,
    /// A view and the key under which the new row stands, as `(name, [(column, value)])`.
    pub view: Option<(String, Vec<(String, String)>)>,
}

/// At most one opening for each aggregate; aggregates whose ids the server makes come first.
pub fn openings(model: &Model, folder: &Path) -> Vec<Opening> {
    let mut found: Vec<(bool, Opening)> = Vec::new();
    for (aggregate, file) in files(model, folder).unwrap_or_default() {
        let Ok(text) = std::fs::read_to_string(folder.join(&file)) else { continue };
        let source = Source::new(&file, &text);
        let cases = parse::cases(model, aggregate, &source, &mut Report::default());
        let known = found.iter().any(|(_, opening)| *opening.plural == *aggregate.plural);
        if !known && let Some(opening) = cases.iter().find_map(|case| opening(aggregate, case)) {
            found.push((aggregate.id == IdKind::Text, opening));
        }
    }
    found.sort_by_key(|(given, _)| *given);
    found.into_iter().map(|(_, opening)| opening).collect()
}

fn opening(aggregate: &Aggregate, case: &Case<'_>) -> Option<Opening> {
    let invocation = case.when.as_ref().filter(|_| case.given.is_empty())?;
    let input = invocation.input.as_ref().ok()?;
    let played = play::alone(aggregate, case)?;
    let mut json = Vec::new();
    invocation.command.input_shape.write_json(input, &mut json);
    Some(Opening {
        plural: aggregate.plural.to_string(),
        command: invocation.command.name.to_string(),
        id: (aggregate.id == IdKind::Text).then(|| case.id.to_string()),
        input: String::from_utf8(json).ok()?,
        view: aggregate.views.iter().find_map(|view| question(aggregate, view, &played)),
    })
}

/// The key under which a view has a row of this aggregate.
fn question(
    aggregate: &Aggregate,
    view: &View,
    played: &Played<'_>,
) -> Option<(String, Vec<(String, String)>)> {
    let ViewKind::Rows(layout) = &view.kind else { return None };
    if matches!(view.source, ViewSource::Events { .. }) {
        return None;
    }
    let (version, state) = (played.now.version, played.now.state.as_ref());
    let row = aggregate.rows(view, played.id, version, state).ok()?.into_iter().next()?;
    let key = layout.key.iter().map(|&index| parameter(&layout.columns[index], &row.0[index]));
    Some((view.name.to_string(), key.collect()))
}

fn parameter(column: &Column, value: &Value) -> (String, String) {
    let mut json = Vec::new();
    column.shape.write_json(value, &mut json);
    let text = match serde_json::from_slice(&json) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::from_utf8(json).unwrap_or_default(),
    };
    (column.name.to_string(), text)
}
