//! What is wrong in a folder, gathered while everything else goes on being checked.

use crate::diagnostic::{Diagnostic, Diagnostics, Place};

/// The errors found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    found: Vec<Diagnostic>,
}

impl Report {
    /// Adds an error without a hint.
    pub(crate) fn error(&mut self, place: Place, message: impl Into<String>) {
        self.push(place, message, None);
    }

    /// Adds an error and what would be right.
    pub(crate) fn hinted(
        &mut self,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(place, message, Some(hint.into()));
    }

    /// Adds an error with or without a hint.
    pub(crate) fn push(&mut self, place: Place, message: impl Into<String>, hint: Option<String>) {
        self.found.push(Diagnostic { place, message: message.into(), hint });
    }

    /// How many errors there are by now.
    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    /// `Err` with everything found, in order of place, each once.
    pub(crate) fn finish(mut self) -> Result<(), Diagnostics> {
        self.found.sort();
        self.found.dedup();
        if self.found.is_empty() { Ok(()) } else { Err(Diagnostics(self.found)) }
    }
}
