//! The files of a log: the database, its connections, and the lock file beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use super::schema;
use crate::log::ClaimError;

/// Why a log's files can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none to read.
    #[error("there is no log in {0}: start `foldline run` with this data directory first")]
    Missing(PathBuf),
    /// The directory or file can't be used.
    #[error("the log in {path} can't be opened: {detail}")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What happened.
        detail: String,
    },
    /// A newer Foldline wrote it.
    #[error(
        "the log in {path} has layout {found}, this build reads up to {known}: use a newer build"
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// The layout found.
        found: i32,
        /// The newest layout known.
        known: i32,
    },
}

/// Where a log's files are.
#[derive(Clone, Debug)]
pub(super) struct Files {
    directory: PathBuf,
}

impl Files {
    pub(super) fn new(directory: &Path) -> Files {
        Files { directory: directory.to_owned() }
    }

    /// Makes directory and database where they are missing; answers the stream's id.
    pub(super) fn create(&self) -> Result<Uuid, OpenError> {
        std::fs::create_dir_all(&self.directory).map_err(|e| self.unusable(&e))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection =
            Connection::open_with_flags(self.database(), flags).map_err(|e| self.unusable(&e))?;
        self.prepare(&mut connection).map_err(|e| self.unusable(&e))?;
        self.stream(&connection)
    }

    /// The id of a stream that is there already; nothing is written.
    pub(super) fn find(&self) -> Result<Uuid, OpenError> {
        if !self.database().exists() {
            return Err(OpenError::Missing(self.directory.clone()));
        }
        let connection = self.reader().map_err(|e| self.unusable(&e))?;
        self.stream(&connection)
    }

    /// A connection that only reads.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        // A reader of a WAL database must be able to write its index, so the file is opened for
        // writing and the connection told not to.
        let connection = self.open()?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    /// The connection that writes.
    pub(super) fn writer(&self) -> rusqlite::Result<Connection> {
        let connection = self.open()?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        Ok(connection)
    }

    /// Takes the lock that makes this process the only writer, for as long as the file is open.
    pub(super) fn lock(&self) -> Result<File, ClaimError> {
        let path = self.directory.join("log.lock");
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(
                |e| ClaimError::Unavailable(format!("the lock file can't be opened: {e}")),
            )?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(ClaimError::Held(format!(
                "another process writes to {}: stop it first, or use another data directory",
                self.directory.display()
            ))),
            Err(TryLockError::Error(e)) => {
                Err(ClaimError::Unavailable(format!("the lock file can't be locked: {e}")))
            }
        }
    }

    fn database(&self) -> PathBuf {
        self.directory.join("log.db")
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(self.database(), flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        Ok(connection)
    }

    fn prepare(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.busy_timeout(Duration::from_secs(5))?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        tracing::debug!(mode, "opened the log file");
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        transaction.execute_batch(schema::CREATE)?;
        transaction.execute(
            "INSERT INTO stream (id) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM stream)",
            [Uuid::new_v4().to_string()],
        )?;
        if layout(&transaction)? == 0 {
            transaction.pragma_update(None, "user_version", schema::LAYOUT)?;
        }
        transaction.commit()
    }

    fn stream(&self, connection: &Connection) -> Result<Uuid, OpenError> {
        let found = layout(connection).map_err(|e| self.unusable(&e))?;
        if found > schema::LAYOUT {
            let known = schema::LAYOUT;
            return Err(OpenError::Newer { path: self.directory.clone(), found, known });
        }
        let text: String = connection
            .query_row("SELECT id FROM stream", [], |row| row.get(0))
            .map_err(|e| self.unusable(&e))?;
        Uuid::parse_str(&text).map_err(|e| self.unusable(&e))
    }

    fn unusable(&self, error: &dyn std::error::Error) -> OpenError {
        OpenError::Unusable { path: self.directory.clone(), detail: error.to_string() }
    }
}

fn layout(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
