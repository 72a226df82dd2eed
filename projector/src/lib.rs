//! The projector: events in, rows out.
//!
//! A partition is read from the lowest mark of its runs, in stretches that end where a command
//! ends. A stretch is folded per aggregate and becomes one [`read_store::Batch`], which carries
//! its effects and, last, the marks. So progress is recorded with the effect: whatever is lost in
//! a crash lies above the mark and is read again, and whatever lies at or below it, or below the
//! offset of its state row, is never applied twice.

pub mod batch;
mod commands;
mod config;
mod eval;
mod fold;
mod follow;
pub mod generation;
mod history;
mod parked;
#[cfg(all(feature = "kafka", feature = "cql"))]
pub mod program;
mod projector;
mod rollup;
mod states;
pub mod status;
mod stretch;
mod touched;
pub mod verify;
mod views;

pub use batch::{ActiveRun, Planned, Stop, plan};
pub use config::Config;
pub use projector::{Projector, RunError, Writers};
pub use status::{PartitionStatus, Status, StatusHandle};
pub use stretch::Stretch;
pub use verify::{Difference, Report, VerifyError, verify};
