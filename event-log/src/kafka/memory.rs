//! What a store remembers of the log, to be compared with the log at start.

use crate::record::{ClaimId, Offset, PartitionId};

/// A mark: how far a store has taken a partition in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The partition.
    pub partition: PartitionId,
    /// The last record taken in.
    pub offset: Offset,
    /// The latest claim at that record.
    pub claim: Option<ClaimId>,
    /// The last sequence number under it.
    pub seq: u64,
}
