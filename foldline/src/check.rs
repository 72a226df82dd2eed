//! `foldline check`, `test` and `openapi`: what a folder says, without serving it.

use std::path::Path;

use model::openapi::Surface;
use serde_json::{Value, json};

use crate::cli::{Failure, say};

/// Says every error of a folder, or what it offers.
pub fn check(folder: &Path, as_json: bool) -> Result<(), Failure> {
    match model::Model::load(folder) {
        Ok(model) => {
            say(&if as_json { pretty(&offered(&model)) } else { model.summary() });
            Ok(())
        }
        Err(errors) if as_json => {
            let errors: Vec<Value> = errors.0.iter().map(diagnostic).collect();
            say(&pretty(&json!({ "errors": errors })));
            Err(Failure::Input(String::new()))
        }
        Err(errors) => Err(Failure::Input(format!("{}:\n{errors}", folder.display()))),
    }
}

/// Runs the tests of a folder.
pub fn test(folder: &Path, as_json: bool) -> Result<(), Failure> {
    let model = parts::load(folder)?;
    let outcomes = model::given::run(&model, folder)
        .map_err(|errors| Failure::Input(format!("{}:\n{errors}", folder.display())))?;
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    if as_json {
        let all: Vec<Value> = outcomes.iter().map(outcome).collect();
        say(&pretty(&json!({ "tests": all })));
    } else {
        for outcome in &outcomes {
            let place = format!("{}:{}", outcome.file.display(), outcome.line);
            match &outcome.failure {
                None => say(&format!("ok      {place}  {}", outcome.name)),
                Some(difference) => {
                    let indented = difference.replace('\n', "\n        ");
                    say(&format!("FAILED  {place}  {}\n        {indented}", outcome.name));
                }
            }
        }
        say(&format!("{} passed, {failed} failed", outcomes.len() - failed));
    }
    if failed > 0 { Err(Failure::No(String::new())) } else { Ok(()) }
}

/// Prints the contract document of a folder.
pub fn openapi(folder: &Path) -> Result<(), Failure> {
    let model = parts::load(folder)?;
    let surface = Surface { commands: true, queries: true, events: true };
    say(&pretty(&model::openapi::document(&model, surface)));
    Ok(())
}

/// JSON for people.
pub fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn offered(model: &model::Model) -> Value {
    let aggregates = model.aggregates.iter().map(|aggregate| {
        json!({
            "aggregate": &*aggregate.name,
            "plural": &*aggregate.plural,
            "commands": aggregate.commands.iter().map(|c| &*c.name).collect::<Vec<_>>(),
            "events": aggregate.events.iter().map(|e| &*e.name).collect::<Vec<_>>(),
            "views": aggregate.views.iter().map(|v| &*v.name).collect::<Vec<_>>(),
        })
    });
    json!({ "aggregates": aggregates.collect::<Vec<_>>() })
}

fn diagnostic(error: &model::Diagnostic) -> Value {
    json!({
        "file": error.place.file,
        "line": error.place.line,
        "column": error.place.column,
        "message": error.message,
        "hint": error.hint,
    })
}

fn outcome(outcome: &model::given::Outcome) -> Value {
    json!({
        "file": outcome.file,
        "line": outcome.line,
        "name": outcome.name,
        "failure": outcome.failure,
    })
}
