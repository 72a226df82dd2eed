//! What every Foldline process needs: problems, HTTP front, config, telemetry, health, drain, retry.

pub mod accept;
pub mod body;
pub mod config;
pub mod drain;
pub mod etag;
pub mod front;
pub mod health;
pub mod problem;
pub mod process;
pub mod retry;
pub mod seldom;
pub mod serve;
pub mod telemetry;
pub mod text;

pub use accept::Media;
pub use front::{Api, Front, Origins, Route};
pub use health::Health;
pub use problem::Problem;
pub use seldom::Seldom;
pub use serve::{Ports, Serving, serve};
