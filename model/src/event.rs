//! Events on the wire: Confluent's format, one zero byte, the schema id as four bytes big-endian,
//! then the Avro datum.

use bytes::Bytes;

use crate::domain::Aggregate;
use crate::value::Value;

/// Why bytes could not be read as an event of this model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadEventError {
    /// The model has no such event type: a newer model wrote it. Stop, do not park.
    #[error("unknown event type {0}")]
    UnknownType(String),
    /// The model has the type, but not this schema id. Stop, do not park.
    #[error("unknown schema id {id} of event {event}")]
    UnknownSchema {
        /// The event type.
        event: String,
        /// The id on the wire.
        id: u32,
    },
    /// Known type and schema, but the bytes are no datum of it, or an upcast failed. Park.
    #[error("event {event} cannot be read: {detail}")]
    Failed {
        /// The event type.
        event: String,
        /// What happened.
        detail: String,
    },
}

impl Aggregate {
    /// Reads an event of any released version as its current version: `(index of the event type,
    /// data)`.
    pub fn read_event(&self, _event: &str, _wire: &[u8]) -> Result<(usize, Value), ReadEventError> {
        todo!("event")
    }

    /// The wire form of data of the current version.
    pub fn write_event(&self, _event: usize, _data: &Value) -> Bytes {
        todo!("event")
    }
}
