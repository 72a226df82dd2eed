//! What became of the records that a producer was given.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

use super::voice::log;

/// Counts deliveries. It lives in the producer, which tells it of each when it is polled.
#[derive(Default)]
pub(super) struct Deliveries {
    // Never waited for: the thread that polls is the one that asks.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sent: u64,
    delivered: u64,
    last: i64,
    error: Option<String>,
}

impl Deliveries {
    /// More records were handed over.
    pub(super) fn sent(&self, records: u64) {
        self.lock().sent += records;
    }

    /// The offset of the last record, once all that was handed over is in the log, not yet
    /// committed; or what went wrong with one.
    pub(super) fn all(&self) -> Option<Result<i64, String>> {
        let state = self.lock();
        match &state.error {
            Some(error) => Some(Err(error.clone())),
            None => (state.delivered == state.sent).then_some(Ok(state.last)),
        }
    }

    fn note(&self, result: Result<i64, String>) {
        let mut state = self.lock();
        state.delivered += 1;
        match result {
            Ok(offset) => state.last = offset,
            Err(error) => state.error = state.error.take().or(Some(error)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka producer error");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.note(match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.to_string()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_there_once_each_was_delivered() {
        let deliveries = Deliveries::default();
        deliveries.sent(2);
        deliveries.note(Ok(4));
        assert_eq!(deliveries.all(), None);
        deliveries.note(Ok(5));
        assert_eq!(deliveries.all(), Some(Ok(5)));
    }

    #[test]
    fn one_failure_is_a_failure_of_all() {
        let deliveries = Deliveries::default();
        deliveries.sent(2);
        deliveries.note(Err("fenced".to_owned()));
        deliveries.note(Ok(5));
        assert_eq!(deliveries.all(), Some(Err("fenced".to_owned())));
    }
}
