//! The driver's errors as a store's: what may pass, and what will not.

use scylla::errors::{
    DbError, DeserializationError, ExecutionError, IntoRowsResultError, MetadataError,
    NewSessionError, PrepareError, RequestAttemptError, RowsError, SchemaAgreementError,
    SerializationError, UseKeyspaceError,
};

use crate::store::StoreError;
pub(super) use crate::store::damaged;

pub(super) type Result<T> = std::result::Result<T, StoreError>;

pub(super) fn unavailable(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("the read store is unavailable: {error}"))
}

fn refused(error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Refused(format!("the read store refuses: {error}"))
}

impl From<ExecutionError> for StoreError {
    fn from(error: ExecutionError) -> StoreError {
        match &error {
            ExecutionError::BadQuery(_) => refused(&error),
            ExecutionError::LastAttemptError(attempt) => of_attempt(attempt),
            ExecutionError::PrepareError(error) => of_prepare(error),
            _ => unavailable(&error),
        }
    }
}

impl From<PrepareError> for StoreError {
    fn from(error: PrepareError) -> StoreError {
        of_prepare(&error)
    }
}

fn of_prepare(error: &PrepareError) -> StoreError {
    match error {
        PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(first_attempt),
        _ => unavailable(error),
    }
}

fn of_attempt(error: &RequestAttemptError) -> StoreError {
    let is_final = match error {
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_) => true,
        RequestAttemptError::DbError(error, message) => is_final(error, message),
        _ => false,
    };
    if is_final { refused(error) } else { unavailable(error) }
}

/// Only these stay wrong however often they are repeated. A table that is missing comes, or the
/// run that it belonged to has gone from the catalog.
fn is_final(error: &DbError, message: &str) -> bool {
    let says = |part: &str| message.to_ascii_lowercase().contains(part);
    match error {
        DbError::Invalid | DbError::ConfigError => {
            !says("unconfigured table") && !says("does not exist") && !says("unknown keyspace")
        }
        DbError::SyntaxError => true,
        DbError::ServerError | DbError::WriteFailure { .. } => says("larger than the maximum"),
        _ => false,
    }
}

/// A conversion into [`StoreError::Unavailable`].
macro_rules! passing {
    ($($error:ty),*) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> StoreError {
                unavailable(&error)
            }
        }
    )*};
}

passing!(NewSessionError, UseKeyspaceError, SchemaAgreementError, MetadataError);

/// A conversion into an error for good: rows that are not what was asked for.
macro_rules! not_ours {
    ($($error:ty),*) => {$(
        impl From<$error> for StoreError {
            fn from(error: $error) -> StoreError {
                refused(&error)
            }
        }
    )*};
}

not_ours!(SerializationError, DeserializationError, IntoRowsResultError, RowsError);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: DbError, message: &str) -> StoreError {
        of_attempt(&RequestAttemptError::DbError(error, message.into()))
    }

    #[test]
    fn only_what_can_never_pass_is_refused() {
        let too_long = of(DbError::Invalid, "Key length of 65536 is longer than maximum of 65535");
        assert!(matches!(too_long, StoreError::Refused(_)));
        let dropped = of(DbError::Invalid, "unconfigured table view_a_00000000");
        assert!(matches!(dropped, StoreError::Unavailable(_)));
        assert!(matches!(of(DbError::Overloaded, "busy"), StoreError::Unavailable(_)));
        assert!(matches!(of(DbError::ServerError, "broken"), StoreError::Unavailable(_)));
    }
}
