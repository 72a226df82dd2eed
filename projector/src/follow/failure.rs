//! Why following is broken off.

use std::sync::Arc;

use event_log::ReadError;
use read_store::StoreError;

use crate::batch::Stop;
use crate::stretch::Stretch;

/// Why following was broken off.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Log or store can't be reached: again in a moment.
    Unavailable(String),
    /// The partition stops.
    Stopped(Stop),
    /// The store refuses the stretch that was to be applied.
    Refused(Arc<Stretch>, String),
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        Failure::Stopped(stop)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        match error {
            ReadError::Unavailable(detail) => Failure::Unavailable(detail),
            damaged @ ReadError::Damaged { .. } => Failure::Stopped(Stop::Log(damaged.to_string())),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Unavailable(error.to_string())
    }
}
