//! One batch of the projector: everything that a stretch of one partition does to the tables.
//!
//! On SQLite it is one transaction. On CQL its parts are written in this order: rows, cells,
//! history, commands, deletes, states, marks; so a crash between any two is repaired by repeating.

use std::sync::Arc;

use bytes::Bytes;
use model::rows::{Amount, Row};
use model::{Value, View};

use crate::catalog::RunId;
use crate::position::PartitionKey;

/// All that one stretch of a partition does to the tables of one or more runs.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Rows of views, one per row key touched.
    pub rows: Vec<RowWrite>,
    /// Cells of rollups, one per group touched.
    pub cells: Vec<CellWrite>,
    /// Events for history (primary runs only).
    pub history: Vec<HistoryWrite>,
    /// Idempotency keys (primary runs only).
    pub commands: Vec<CommandWrite>,
    /// States.
    pub states: Vec<StateWrite>,
    /// Pointers to events that wait because their aggregate is parked.
    pub parked: Vec<ParkedWrite>,
    /// Last of all: how far each run now is.
    pub marks: Vec<Mark>,
}

/// A row of a view, written or deleted.
#[derive(Clone, Debug)]
pub struct RowWrite {
    /// The run whose table it is.
    pub run: RunId,
    /// The view.
    pub view: Arc<View>,
    /// The aggregate it comes from, for `bucket = hash(id) mod n`.
    pub id: Arc<str>,
    /// The whole row; for a delete only the primary key columns matter.
    pub row: Row,
    /// Columns that were null in every state since the row as it stands, so a store that would
    /// have to note a null may leave them out.
    pub always_null: Vec<usize>,
    /// Whether the row is deleted.
    pub delete: bool,
    /// Offset of the event that causes it.
    pub offset: i64,
}

/// A rollup cell: what a group gains from this partition. For a store that does not apply a batch
/// as one there is one for each event, so that it can leave out those that a cell holds already.
#[derive(Clone, Debug)]
pub struct CellWrite {
    /// The run whose table it is.
    pub run: RunId,
    /// The rollup.
    pub view: Arc<View>,
    /// One value per group column.
    pub group: Vec<Value>,
    /// What is added to each measure (negative where states left the group).
    pub add: Vec<Amount>,
    /// What is added to the hidden count of contributions.
    pub rows: i64,
    /// Offset of the last event added.
    pub offset: i64,
}

/// An event, for `history`.
#[derive(Clone, Debug)]
pub struct HistoryWrite {
    /// The run.
    pub run: RunId,
    /// The aggregate type.
    pub aggregate: Arc<str>,
    /// The aggregate.
    pub id: Arc<str>,
    /// The aggregate's version after it.
    pub version: u64,
    /// Event type.
    pub event: Arc<str>,
    /// Milliseconds.
    pub time: i64,
    /// Wire form, in the version in which it was written.
    pub data: Bytes,
    /// Its offset.
    pub offset: i64,
}

/// A used idempotency key and the success that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandWrite {
    /// The run.
    pub run: RunId,
    /// The aggregate type.
    pub aggregate: Arc<str>,
    /// The aggregate.
    pub id: Arc<str>,
    /// What is remembered.
    pub used: UsedKey,
}

/// A remembered keyed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedKey {
    /// Counts the keyed commands of the aggregate, from 1; slot = `number % 1000`.
    pub number: u64,
    /// The key.
    pub key: Arc<str>,
    /// Whose key.
    pub caller: Arc<str>,
    /// SHA-256 over command name and parsed body.
    pub hash: [u8; 32],
    /// Version of the first event.
    pub first_version: u64,
    /// Types of its events, in order.
    pub events: Vec<Arc<str>>,
    /// Whether the aggregate did not exist before it.
    pub began: bool,
    /// Partition-local offset of its last event.
    pub offset: i64,
}

/// How many keyed commands of an aggregate are remembered.
pub const REMEMBERED_KEYS: u64 = 1_000;

/// The state of an aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct StateWrite {
    /// The run.
    pub run: RunId,
    /// The aggregate type.
    pub aggregate: Arc<str>,
    /// The aggregate.
    pub id: Arc<str>,
    /// The row.
    pub state: StateRow,
}

/// A row of a state table.
#[derive(Clone, Debug, PartialEq)]
pub struct StateRow {
    /// How many events.
    pub version: u64,
    /// Offset of its last event that is folded in.
    pub offset: i64,
    /// How many keyed commands.
    pub keyed: u64,
    /// Avro bytes of the state; `None` after deletion.
    pub state: Option<Bytes>,
    /// Where folding stopped: offset of the first event that is not folded in.
    pub parked_from: Option<i64>,
}

/// A pointer to an event that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedWrite {
    /// The run.
    pub run: RunId,
    /// The aggregate type.
    pub aggregate: Arc<str>,
    /// The aggregate.
    pub id: Arc<str>,
    /// The view, where only that view's expression fails; `None` where the fold does.
    pub view: Option<Arc<str>>,
    /// The partition that the event stands in.
    pub partition: PartitionKey,
    /// Where it stands there.
    pub offset: i64,
    /// Its version.
    pub version: u64,
    /// Why, for the first; empty for those that queue behind it.
    pub reason: String,
}

/// How far a run is in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The run.
    pub run: RunId,
    /// The partition.
    pub partition: PartitionKey,
    /// Offset of the last record taken in; -1 before any.
    pub offset: i64,
    /// Latest claim there (16 bytes), for validity.
    pub claim: Option<[u8; 16]>,
    /// Last sequence number under it.
    pub seq: u64,
}
