//! What became of the records that a producer was given.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

use super::voice;

/// Counts deliveries. It lives in the producer, whose polling thread tells it of each.
#[derive(Default)]
pub(super) struct Deliveries {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Default)]
struct State {
    sent: u64,
    delivered: u64,
    last: i64,
    error: Option<String>,
}

impl Deliveries {
    /// One more record was handed over.
    pub(super) fn sent(&self, records: u64) {
        self.lock().sent += records;
    }

    /// Waits until all that was handed over is in the log, not yet committed; gives the offset of
    /// the last.
    pub(super) fn all(&self, patience: Duration) -> Result<i64, String> {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if let Some(error) = &state.error {
                return Err(error.clone());
            }
            if state.delivered == state.sent {
                return Ok(state.last);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err("the brokers took too long to take the records".to_owned());
            }
            let waited = self.moved.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn note(&self, result: Result<i64, String>) {
        let mut state = self.lock();
        state.delivered += 1;
        match result {
            Ok(offset) => state.last = offset,
            Err(error) => state.error = state.error.take().or(Some(error)),
        }
        if state.delivered >= state.sent || state.error.is_some() {
            drop(state);
            self.moved.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        voice::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        voice::error(&error, reason);
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
        assert!(deliveries.all(Duration::ZERO).is_err());
        deliveries.note(Ok(5));
        assert_eq!(deliveries.all(Duration::ZERO), Ok(5));
    }

    #[test]
    fn one_failure_is_a_failure_of_all() {
        let deliveries = Deliveries::default();
        deliveries.sent(2);
        deliveries.note(Err("fenced".to_owned()));
        deliveries.note(Ok(5));
        assert_eq!(deliveries.all(Duration::ZERO), Err("fenced".to_owned()));
    }
}
