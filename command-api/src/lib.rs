//! The command API: HTTP in, events out.
//!
//! A call is parsed on the worker that took it, decided by the owner of its partition, and answered
//! once its events are durable.

mod answer;
mod api;
mod ask;
mod config;
#[cfg(all(feature = "kafka", feature = "cql"))]
mod elsewhere;
mod forward;
mod in_process;
mod input;
mod lines;
mod owner;
mod place;
#[cfg(all(feature = "kafka", feature = "cql"))]
pub mod program;
mod request;
mod route;
mod settle;
mod shared;

pub use api::CommandApi;
pub use config::Config;
pub use in_process::{Question, Reply};
