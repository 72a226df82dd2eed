//! The event log: an ordered, durable, fenced sequence of events per partition.

#[cfg(feature = "adversary")]
pub mod adversary;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod log;
pub mod membership;
pub mod planted;
pub mod record;
pub mod sqlite;
pub mod validity;

pub use log::{AppendError, Appended, Appender, ClaimError, Log, NewCommand, ReadError, Turn};
pub use membership::{Alone, Membership};
pub use record::{
    Body, Claim, ClaimId, EventRecord, KeyedCommand, Offset, Part, PartitionId, Record,
};
