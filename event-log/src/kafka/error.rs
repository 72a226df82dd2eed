//! Why a Kafka log can't be used.

/// Why a log could not be opened or joined.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No broker answers, or it refuses what is asked.
    #[error("Kafka at {brokers} can't be used: {detail}")]
    Unreachable {
        /// Where it was looked for.
        brokers: String,
        /// What happened.
        detail: String,
    },
    /// There is no log of this prefix, and none was to be made.
    #[error("there is no topic {0}")]
    Absent(String),
    /// The layout on the brokers is another than the one asked for.
    #[error("topic {topic} has {found} partitions and {wanted} are configured: {advice}", advice = PARTITIONS_FIXED)]
    Partitions {
        /// The topic.
        topic: String,
        /// How many it has.
        found: usize,
        /// How many it should have.
        wanted: u32,
    },
    /// A topic holds another history than the one that is remembered.
    #[error("{0}")]
    OtherHistory(String),
    /// Settings that could lose what was acknowledged.
    #[error("settings that could lose acknowledged events, which only a development system accepts: {}", .0.join("; "))]
    Weak(Vec<String>),
}

const PARTITIONS_FIXED: &str = "the number is fixed for good once a topic exists, for it decides \
    which partition holds an aggregate; configure the number that the topic was made with";
