//! Generations: which runs the model asks for, which there are, and how one becomes the other.
//!
//! A changed fold gets a new primary run, a changed view a shadow run that folds for itself; both
//! fill from the log's start into tables of their own. A view is struck from the catalog before
//! anything else is fed, so that going back to an older model never finds a table with a gap.

mod prepare;
mod runs;

pub(crate) use prepare::served;
pub use prepare::{PrepareError, Progress, prepare, prepare_with};
pub(crate) use runs::active_runs;
