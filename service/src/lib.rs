//! What every Foldline process needs: problems, HTTP front, config, telemetry, health, drain, retry.

pub mod accept;
pub mod body;
pub mod etag;
pub mod front;
pub mod problem;
pub mod text;

pub use accept::Media;
pub use front::{Api, Front, Origins, Route};
pub use problem::Problem;
