//! The Log trait: claim, append, confirm, read. Kafka, SQLite and the simulated log all speak it.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, ready};
use uuid::Uuid;

use crate::record::{ClaimId, EventRecord, KeyedCommand, Offset, Part, PartitionId, Record};

/// A log of events in partitions.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Identity of this log's content: positions of another stream mean nothing here.
    fn stream(&self) -> Uuid;

    /// All partitions, in a fixed order.
    fn partitions(&self) -> Vec<PartitionId>;

    /// The partition that holds an aggregate.
    fn route(&self, aggregate: &str, id: &str) -> PartitionId;

    /// Becomes the single writer of a partition: fences every older owner and writes a claim.
    async fn claim(
        &self,
        partition: &PartitionId,
        owner: &str,
    ) -> Result<Box<dyn Appender>, ClaimError>;

    /// Committed records at or after `from`, oldest first: at most about `max_bytes`, at least one
    /// record if there is any; empty at the end.
    async fn read(
        &self,
        partition: &PartitionId,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Vec<Record>, ReadError>;

    /// The offset after the last committed record.
    async fn head(&self, partition: &PartitionId) -> Result<Offset, ReadError>;

    /// Returns once `head > beyond - 1`, i.e. a record at or after `beyond` is committed (or, at
    /// the latest, after about a second: callers loop).
    async fn wait(&self, partition: &PartitionId, beyond: Offset);
}

/// The right to append to one partition, until a newer claim.
pub trait Appender: Send {
    /// The claim.
    fn claim(&self) -> ClaimId;

    /// Where the claim record stands: an owner must have read everything before it.
    fn claimed_at(&self) -> Offset;

    /// Appends whole commands in one atomic batch. The future resolves once they are durable and
    /// readable (read back where the log cannot be trusted to say so). At most one append is in
    /// flight; the caller may decide the next batch meanwhile. Sequence numbers are assigned here.
    fn append(
        &mut self,
        batch: Vec<NewCommand>,
    ) -> BoxFuture<'static, Result<Appended, AppendError>>;

    /// When an append or a proof may begin, where too many at once would hold each other up: the
    /// longer it takes, the more goes into one batch. It never takes long; at once where appends
    /// don't hold each other up.
    fn turn(&self) -> BoxFuture<'static, Turn> {
        ready(Turn::until(())).boxed()
    }

    /// Proves that this claim was still the latest at some moment after the call. Nothing to do
    /// where an OS lock says so.
    fn confirm(&mut self) -> BoxFuture<'static, Result<(), AppendError>>;
}

/// Kept while an append lasts; whoever is next may begin when it is dropped.
pub struct Turn {
    _until_dropped: Box<dyn Send>,
}

impl Turn {
    /// A turn that ends by dropping `held`.
    pub fn until(held: impl Send + 'static) -> Turn {
        Turn { _until_dropped: Box::new(held) }
    }
}

/// All events of one command, to be appended together.
#[derive(Clone, Debug, PartialEq)]
pub struct NewCommand {
    /// Aggregate type.
    pub aggregate: Arc<str>,
    /// Aggregate id.
    pub id: Arc<str>,
    /// Milliseconds; never before the partition's last record.
    pub time: i64,
    /// Version of the first event; the others count up.
    pub first_version: u64,
    /// `(event type, wire form)`, never empty.
    pub events: Vec<(Arc<str>, Bytes)>,
    /// Idempotency key, where there is one.
    pub command: Option<KeyedCommand>,
    /// W3C trace context.
    pub traceparent: Option<Arc<str>>,
}

impl NewCommand {
    /// Its events as they stand in the log, written under a claim as that one's command `seq`.
    pub fn into_events(self, claim: ClaimId, seq: u64) -> impl Iterator<Item = EventRecord> {
        let of = self.events.len() as u16;
        self.events.into_iter().zip(1_u16..).map(move |((event, data), index)| EventRecord {
            aggregate: self.aggregate.clone(),
            id: self.id.clone(),
            event,
            version: self.first_version + u64::from(index) - 1,
            data,
            claim,
            seq,
            part: Part { index, of },
            command: self.command.clone(),
            traceparent: self.traceparent.clone(),
        })
    }
}

/// A batch that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Offset of the last event of each command, in the order of the batch.
    pub last: Vec<Offset>,
}

/// Why an append or a confirm did not succeed. After any of these the appender is spent: claim
/// again and read the log, which decides what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Nothing of the batch was or will be written.
    #[error("nothing was written: {0}")]
    NothingWritten(String),
    /// It may or may not be there.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// A newer claim exists; nothing was written.
    #[error("another owner has claimed the partition")]
    Fenced,
}

/// Why a claim did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Another process holds it.
    #[error("{0}")]
    Held(String),
    /// The log can't be reached or written.
    #[error("{0}")]
    Unavailable(String),
}

/// Why a read did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The log can't be reached or read just now.
    #[error("{0}")]
    Unavailable(String),
    /// What stands there is no record of ours.
    #[error("record at offset {offset} is damaged: {detail}")]
    Damaged {
        /// Where.
        offset: i64,
        /// What.
        detail: String,
    },
}
