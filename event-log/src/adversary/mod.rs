//! A log in memory that does all that a Kafka cluster may do to its clients, from one seed.
//!
//! The cluster ([`Cluster`]) keeps partitions with a high watermark, transactions with markers that
//! come late, and epochs that fence. Each instance has its own [`AdversaryLog`], whose calls are
//! delayed, lost, repeated and answered late, and which stands still where its process is paused.
//! Safety must come from the protocol of the client half alone.

mod broker;
mod client;
mod cluster;
mod group;
mod link;
mod session;

pub use client::{AdversaryLog, Watch};
pub use cluster::Cluster;
pub use group::{Group, Member};
pub use link::{Gate, Link, Random, Weather};
