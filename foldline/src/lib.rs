//! The command line, and the embedded default: commands, projector and queries in one process on
//! SQLite.

mod bench;
mod check;
mod cli;
mod events;
mod new;
#[cfg(all(feature = "kafka", feature = "cql"))]
mod real;
mod run;
mod samples;
mod status;
mod tail;
mod verify;

pub use cli::main;
