//! Readers' connections while nobody uses them, and the snapshot that each may still hold.
//!
//! Beginning and ending a read costs two file locks, half as much as a small read itself. Where
//! the writer lives in this process, its count of commits says whether anything changed: while
//! nothing did, a connection goes on reading in the snapshot that it had.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::connect;
use super::error::Result;

/// Connections kept open while nobody uses them.
const IDLE: usize = 8;

#[derive(Default)]
pub(super) struct Pool {
    idle: Mutex<Vec<Lent>>,
    commits: AtomicU64,
}

/// A reader's connection.
struct Lent {
    connection: Connection,
    /// The count of commits when it was last used.
    used_at: Option<u64>,
    holds: bool,
}

impl Pool {
    /// Lends a connection to `read`. It comes back only if nothing failed on it.
    pub(super) fn with<T>(
        &self,
        path: &Path,
        beside_writer: bool,
        read: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let idle = self.idle().pop();
        let mut lent = match idle {
            Some(lent) => lent,
            None => Lent { connection: connect::reader(path)?, used_at: None, holds: false },
        };
        if beside_writer {
            // Counted before the snapshot is taken, so that it can only be newer than the count.
            lent.renew(self.commits.load(Ordering::Acquire))?;
        }
        let out = read(&lent.connection)?;
        let mut idle = self.idle();
        if idle.len() < IDLE {
            idle.push(lent);
        }
        Ok(out)
    }

    /// Something was committed: called before anybody is told of it.
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    /// Lets go of all snapshots: one that is held keeps the WAL from being carried over, and even
    /// the newest keeps it from starting over.
    pub(super) fn let_go(&self) {
        self.idle().retain_mut(|lent| lent.end().is_ok());
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Lent>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// Holds a snapshot from the second read on in which nothing has changed.
    fn renew(&mut self, now: u64) -> Result<()> {
        if self.used_at != Some(now) {
            self.end()?;
            self.used_at = Some(now);
        } else if !self.holds {
            self.connection.prepare_cached("BEGIN")?.execute([])?;
            self.holds = true;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if std::mem::take(&mut self.holds) {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}
