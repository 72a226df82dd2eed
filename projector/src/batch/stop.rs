//! Why a partition stops.

/// Why a partition stops: nothing above this place is projected until it is healed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// A newer model wrote the event.
    #[error("{detail} at offset {offset}: the model here is older than the log")]
    Unknown {
        /// Where.
        offset: i64,
        /// What is not known.
        detail: String,
    },
    /// An aggregate's versions are not dense.
    #[error(
        "{aggregate} {id} has version {found} at offset {offset}, but {expected} would be next"
    )]
    VersionGap {
        /// The aggregate type.
        aggregate: String,
        /// The aggregate.
        id: String,
        /// Where.
        offset: i64,
        /// The event's version.
        found: u64,
        /// The version that would follow the state row.
        expected: u64,
    },
    /// A state row cannot be read.
    #[error("the stored state of {aggregate} {id} is damaged: {detail}")]
    Damaged {
        /// The aggregate type.
        aggregate: String,
        /// The aggregate.
        id: String,
        /// What happened.
        detail: String,
    },
    /// The store refuses a batch, and leaving out a view does not help.
    #[error("the store refuses what one command does: {0}")]
    Refused(String),
    /// A record is damaged.
    #[error("{0}")]
    Log(String),
    /// A fault of the projector itself.
    #[error("a fault in the projector: {0}")]
    Fault(String),
}
