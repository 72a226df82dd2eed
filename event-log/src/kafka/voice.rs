//! What the client library has to say, said in our log.

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A client without callbacks of its own.
pub(super) struct Voice;

impl ClientContext for Voice {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self::error(&error, reason);
    }
}

impl ConsumerContext for Voice {}

pub(super) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => tracing::warn!(facility, message, "kafka client"),
        // Its warnings are about settings that are meant, its notes about each reconnect.
        RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::debug!(facility, message, "kafka client");
        }
        RDKafkaLogLevel::Debug => tracing::trace!(facility, message, "kafka client"),
    }
}

/// What a client reports of itself and its brokers.
pub(super) fn error(error: &KafkaError, reason: &str) {
    match error.rdkafka_error_code() {
        // That a partition has no more just now is an answer, and comes this way too.
        Some(RDKafkaErrorCode::PartitionEOF) => {}
        // Said at each attempt, many times a second, where each broker's failure is told anyway.
        Some(RDKafkaErrorCode::AllBrokersDown) => {
            tracing::debug!(%error, reason, "kafka client error");
        }
        _ => tracing::warn!(%error, reason, "kafka client error"),
    }
}
