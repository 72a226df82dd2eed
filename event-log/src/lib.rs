//! The event log: an ordered, durable, fenced sequence of events per partition.

#[cfg(feature = "kafka")]
pub mod kafka;
pub mod log;
pub mod membership;
pub mod record;
pub mod sqlite;
pub mod validity;

pub use log::{AppendError, Appended, Appender, ClaimError, Log, NewCommand, ReadError};
pub use membership::{Alone, Membership};
pub use record::{
    Body, Claim, ClaimId, EventRecord, KeyedCommand, Offset, Part, PartitionId, Record,
};
