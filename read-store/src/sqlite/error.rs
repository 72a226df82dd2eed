//! SQLite's errors as a store's: what may pass, and what will not.

use rusqlite::ErrorCode;

use crate::store::StoreError;
pub(super) use crate::store::damaged;

pub(super) type Result<T> = std::result::Result<T, StoreError>;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        if is_final(&error) {
            StoreError::Refused(format!("the read store refuses: {error}"))
        } else {
            StoreError::Unavailable(format!("the read store is unavailable: {error}"))
        }
    }
}

/// Only these stay wrong however often they are repeated; a full disk or a lost table may pass.
fn is_final(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::ConstraintViolation
                | ErrorCode::TooBig
                | ErrorCode::TypeMismatch
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::ParameterOutOfRange
        ),
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..) => true,
        _ => false,
    }
}
