//! What stands in the log.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

/// A place in a partition, from 0; gaps are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i64);

/// One partition: the topic's short name and a number. The embedded log has one, `log/0`, for all
/// aggregates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId {
    /// Aggregate name on Kafka, `log` on SQLite.
    pub topic: Arc<str>,
    /// Number, from 0.
    pub number: u32,
}

/// One writer's interval of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClaimId(pub Uuid);

/// A record as read.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Where it stands.
    pub offset: Offset,
    /// Milliseconds since 1970; never falls within a partition.
    pub time: i64,
    /// What it says.
    pub body: Body,
}

/// The two kinds of record.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A new owner starts here.
    Claim(Claim),
    /// An event.
    Event(EventRecord),
}

/// The start of an owner's interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its id.
    pub id: ClaimId,
    /// The stream: fixed by the first claim.
    pub stream: Uuid,
    /// Where the owner answers (a URL), for forwarding; empty in the embedded default.
    pub owner: Arc<str>,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRecord {
    /// Aggregate type, `order`.
    pub aggregate: Arc<str>,
    /// Aggregate id.
    pub id: Arc<str>,
    /// Event type, `OrderPlaced`.
    pub event: Arc<str>,
    /// The aggregate's version after this event; dense per aggregate, from 1.
    pub version: u64,
    /// Confluent wire format: zero byte, schema id, Avro datum.
    pub data: Bytes,
    /// The claim under which it was written.
    pub claim: ClaimId,
    /// Dense per claim, one per command, from 1.
    pub seq: u64,
    /// Which of its command's events it is.
    pub part: Part,
    /// The idempotency key of its command, where it had one.
    pub command: Option<KeyedCommand>,
    /// W3C trace context of the call.
    pub traceparent: Option<Arc<str>>,
}

/// `index` of `of`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub index: u16,
    /// How many events the command made.
    pub of: u16,
}

/// An idempotency key as the log remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedCommand {
    /// The key, as sent (quotes dropped).
    pub key: Arc<str>,
    /// `actor.sub`.
    pub caller: Arc<str>,
    /// SHA-256 over command name and parsed body.
    pub hash: [u8; 32],
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.number)
    }
}
