//! The given/when/then tests that stand beside a model.

use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::domain::Model;

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
pub fn run(_model: &Model, _folder: &Path) -> Result<Vec<Outcome>, Diagnostics> {
    todo!("given")
}
