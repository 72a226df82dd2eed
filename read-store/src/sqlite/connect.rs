//! Connections and their settings.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::Result;
use super::table;
use crate::store::StoreError;

/// The layout of the file as this program writes it.
const FORMAT: i64 = 1;
/// A reader waits for nobody but a file being opened or recovered.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// Statements kept prepared: some for each table, and the steps of its pages.
const STATEMENTS: usize = 512;

/// The writer's connection; its page cache holds what a large batch touches.
pub(super) fn writer(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -64 * 1024)?;
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format == 0 {
        table::FIXED.iter().try_for_each(|create| connection.execute_batch(create))?;
        connection.pragma_update(None, "user_version", FORMAT)?;
    }
    check_format(&connection)?;
    Ok(connection)
}

/// A reader's connection; its page cache holds the upper levels of the trees.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "cache_size", -4 * 1024)?;
    check_format(&connection)?;
    Ok(connection)
}

/// The connection that carries the WAL over.
pub(super) fn checkpointer(path: &Path) -> Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -1024)?;
    Ok(connection)
}

fn open(path: &Path, mode: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, mode | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans follow from the statement alone. Else SQLite, built with value statistics, plans a
    // prepared statement anew for each value that is bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

fn check_format(connection: &Connection) -> Result<()> {
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format == FORMAT {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "the read store has format {format}, this program reads format {FORMAT}: remove read.db* \
         and it is filled again from the log"
    )))
}
