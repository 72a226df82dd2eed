//! Records out of a partition's queue.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Message};

use super::voice::Voice;
use super::wire::Decoder;
use crate::log::ReadError;
use crate::record::{Offset, Record};

/// What came out of a queue.
pub(super) enum Fetched {
    Record(Record),
    /// The partition's end, for now.
    End,
    /// Nothing within the time given.
    Nothing,
    /// Nothing will come any more.
    Failed(ReadError),
}

/// A queue and what its messages mean.
pub(super) struct Source {
    queue: PartitionQueue<Voice>,
    decoder: Decoder,
    /// Where the next record may stand, to say so when it can't be had.
    due: i64,
}

impl Source {
    pub(super) fn new(queue: PartitionQueue<Voice>, decoder: Decoder, due: i64) -> Source {
        Source { queue, decoder, due }
    }

    /// What comes next within that time.
    pub(super) fn next(&mut self, patience: Duration) -> Fetched {
        loop {
            match self.queue.poll(patience) {
                None => return Fetched::Nothing,
                Some(Ok(message)) => {
                    self.due = message.offset() + 1;
                    return Fetched::Record(record(&mut self.decoder, &message));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return Fetched::End,
                Some(Err(error)) => match lasting(&error, self.due) {
                    Some(error) => return Fetched::Failed(error),
                    None => tracing::debug!(%error, "a fetch failed and will be repeated"),
                },
            }
        }
    }

    /// The queue is to go on from another place.
    pub(super) fn moved(&mut self, due: i64) {
        self.due = due;
    }
}

/// The record that a message is; anybody may have written it.
pub(super) fn record(decoder: &mut Decoder, message: &BorrowedMessage<'_>) -> Record {
    let appended = message.timestamp().to_millis().unwrap_or(0);
    let decoded = with_headers(message, |headers| {
        decoder.decode(message.key(), message.payload(), headers, appended)
    });
    let (time, body) = decoded.unwrap_or_else(|| (appended, decoder.foreign()));
    Record { offset: Offset(message.offset()), time, body }
}

/// Looks at a message's headers; `None` where they can't be looked at. The client library panics on
/// a name that is not UTF-8, and anybody may write one.
pub(super) fn with_headers<T>(
    message: &BorrowedMessage<'_>,
    look: impl FnOnce(Option<&BorrowedHeaders>) -> T,
) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(|| look(message.headers()))).ok()
}

/// Whether the client library goes on behind what it could not read, as if nothing stood there.
pub(super) fn is_skipped(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::BadMessage
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::BadCompression
            | RDKafkaErrorCode::NotImplemented
            | RDKafkaErrorCode::UnsupportedCompressionType
    )
}

/// What an error means that the client library does not heal by itself.
fn lasting(error: &KafkaError, due: i64) -> Option<ReadError> {
    match error.rdkafka_error_code()? {
        RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
            let detail = "the topic does not hold this offset: it was made anew or cut off";
            Some(ReadError::Damaged { offset: due, detail: detail.to_owned() })
        }
        code if is_skipped(code) => {
            let detail = format!(
                "{code}. It is asked for again; if that does not help, the broker's copy of it is \
                 damaged, or packed in a way that this program can't read"
            );
            Some(ReadError::Damaged { offset: due, detail })
        }
        RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition
        | RDKafkaErrorCode::UnknownTopicOrPartition
        | RDKafkaErrorCode::TopicAuthorizationFailed => {
            Some(ReadError::Unavailable(error.to_string()))
        }
        _ => None,
    }
}
