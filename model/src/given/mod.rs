//! The given/when/then tests that stand beside a model.
//!
//! Inside: `case` (what a test says), `parse` (YAML to cases), `data` (YAML to JSON), `play` (runs
//! one), `tables` (the views of one aggregate), `compare` (what differs), `openings` (what to try first).

mod case;
mod compare;
mod data;
mod openings;
mod order;
mod parse;
mod play;
mod tables;

use std::path::{Path, PathBuf};

pub use openings::{Opening, openings};

use crate::diagnostic::{Diagnostic, Diagnostics, Place};
use crate::domain::{Aggregate, Model};
use crate::load::report::Report;
use crate::load::source::Source;

/// How one test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The file, relative to the folder.
    pub file: PathBuf,
    /// Line of the test's name, from 1.
    pub line: u32,
    /// The test's name.
    pub name: String,
    /// Where it failed: a readable difference between what was expected and what came.
    pub failure: Option<String>,
}

/// Runs every `*/tests/*.yaml` of a folder; `Err` where a test file itself is malformed.
pub fn run(model: &Model, folder: &Path) -> Result<Vec<Outcome>, Diagnostics> {
    let mut report = Report::default();
    let mut outcomes = Vec::new();
    for (aggregate, file) in files(model, folder)? {
        let text = std::fs::read_to_string(folder.join(&file))
            .map_err(|error| unreadable(&file, &error.to_string()))?;
        let source = Source::new(&file, &text);
        for case in parse::cases(model, aggregate, &source, &mut report) {
            let failure = play::play(aggregate, &case).err();
            let (line, name) = (case.line, case.name);
            outcomes.push(Outcome { file: file.clone(), line, name, failure });
        }
    }
    report.finish()?;
    Ok(outcomes)
}

/// The test files in order of path, each with the aggregate whose folder it stands in.
fn files<'m>(
    model: &'m Model,
    folder: &Path,
) -> Result<Vec<(&'m Aggregate, PathBuf)>, Diagnostics> {
    let mut found = Vec::new();
    for entry in entries(folder, Path::new(""))? {
        let tests = entry.join("tests");
        if !folder.join(&tests).is_dir() || !folder.join(&entry).join("model.yaml").is_file() {
            continue;
        }
        let Some(aggregate) = aggregate_in(model, folder, &entry) else { continue };
        let files = entries(folder, &tests)?.into_iter().filter(|file| {
            let hidden = file.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
            let extension = file.extension().and_then(|e| e.to_str());
            !hidden && matches!(extension, Some("yaml" | "yml"))
        });
        found.extend(files.map(|file| (aggregate, file)));
    }
    Ok(found)
}

/// The aggregate that a folder's model.yaml names.
fn aggregate_in<'m>(model: &'m Model, folder: &Path, entry: &Path) -> Option<&'m Aggregate> {
    let file = entry.join("model.yaml");
    let text = std::fs::read_to_string(folder.join(&file)).ok()?;
    let source = Source::new(&file, &text);
    let root = crate::load::yaml::parse(&source, &mut Report::default())?;
    let name = data::member(&root, "aggregate")?.text()?;
    model.aggregate(name).map(|aggregate| &**aggregate)
}

fn entries(folder: &Path, below: &Path) -> Result<Vec<PathBuf>, Diagnostics> {
    let failed = |error: std::io::Error| unreadable(below, &error.to_string());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join(below)).map_err(failed)? {
        names.push(below.join(entry.map_err(failed)?.file_name()));
    }
    names.sort();
    Ok(names)
}

fn unreadable(file: &Path, why: &str) -> Diagnostics {
    let place = Place { file: file.to_owned(), line: 1, column: 1 };
    Diagnostics(vec![Diagnostic { place, message: format!("can't be read: {why}"), hint: None }])
}
