//! A store in memory that does all that a Cassandra or ScyllaDB cluster may do to its clients, from
//! one seed.
//!
//! Three replicas hold cells with timestamps. A write counts once two have it; one that was not
//! answered may have reached none, one or all, now or later. A read asks two, and gives both the
//! newer of what they say. The writer half sends a batch statement by statement, in the order and
//! with the timestamps of the real one.

mod cells;
mod cluster;
mod reader;
mod tables;
mod writer;

pub use cluster::{Gate, Random, StoreCluster, StoreLink, StoreWeather};
pub use reader::AdversaryReader;
pub use writer::AdversaryWriter;
