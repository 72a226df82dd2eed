//! What every Foldline process needs: problems, HTTP front, config, telemetry, health, drain, retry.

pub mod front;
pub mod problem;

pub use front::{Api, Route};
pub use problem::Problem;
