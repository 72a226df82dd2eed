//! Positions: how far a client, a view or the log has come. All three services speak them.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

mod text;

/// A partition as positions name it: topic and number (see the event log's `PartitionId`).
pub type PartitionKey = (Arc<str>, u32);

/// Offsets that something covers, per partition: everything at or below the offset is included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The stream that the offsets belong to.
    pub stream: Uuid,
    /// Offset of the last event covered, per partition.
    pub offsets: BTreeMap<PartitionKey, i64>,
}

/// The marks of one run: how far it has been projected, per partition.
pub type Marks = BTreeMap<PartitionKey, i64>;

/// A position text that is none, or none of this stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position that this service gave out")]
pub struct InvalidPosition;

impl Position {
    /// The position that covers nothing.
    pub fn start(stream: Uuid) -> Position {
        Position { stream, offsets: BTreeMap::new() }
    }

    /// Extends by one partition's offset (keeps the larger).
    pub fn cover(&mut self, partition: &PartitionKey, offset: i64) {
        let entry = self.offsets.entry(partition.clone()).or_insert(offset);
        *entry = (*entry).max(offset);
    }

    /// Extends by all of another position of the same stream.
    pub fn cover_all(&mut self, other: &Position) {
        for (partition, offset) in &other.offsets {
            self.cover(partition, *offset);
        }
    }

    /// Whether marks have reached this position in every partition that `counts`; the others
    /// don't feed what is read. A partition without a mark has reached nothing.
    pub fn is_covered_by(&self, marks: &Marks, counts: impl Fn(&PartitionKey) -> bool) -> bool {
        self.offsets.iter().filter(|(partition, _)| counts(partition)).all(|(partition, offset)| {
            *offset < 0 || marks.get(partition).is_some_and(|mark| mark >= offset)
        })
    }

    /// The opaque text: URL- and header-safe, short for one partition.
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    /// Reads the opaque text back; never panics, never allocates more than the text is long.
    pub fn parse(text: &str) -> Result<Position, InvalidPosition> {
        text::read(text).ok_or(InvalidPosition)
    }
}
