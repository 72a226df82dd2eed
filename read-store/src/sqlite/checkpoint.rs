//! Carries the WAL over into the file, on a thread and a connection of its own, so that no commit
//! waits for it. The writer itself helps only where the WAL has grown large all the same, since a
//! writer that never pauses leaves no moment at which it could start over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rusqlite::Connection;

use super::connect;
use super::error::Result;
use super::shared::Shared;

/// Statements after which the WAL is worth carrying over: some 16 MB of pages.
const STATEMENTS: usize = 8_000;
/// Frames (pages of 4 KiB) above which the WAL must start over: 64 MB.
const FRAMES: i64 = 16_384;

pub(super) struct Checkpointer {
    shared: Arc<Shared>,
    wake: SyncSender<()>,
    is_large: Arc<AtomicBool>,
    statements: usize,
}

impl Checkpointer {
    pub(super) fn start(shared: Arc<Shared>) -> Result<Checkpointer> {
        let connection = connect::checkpointer(&shared.path)?;
        let (wake, woken) = sync_channel(1);
        let is_large = Arc::new(AtomicBool::new(false));
        let (large, of) = (is_large.clone(), shared.clone());
        std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || run(&of, &connection, &woken, &large))
            .map_err(|error| crate::store::StoreError::Unavailable(error.to_string()))?;
        Ok(Checkpointer { shared, wake, is_large, statements: 0 })
    }

    /// Called after each commit, by the writer.
    pub(super) fn committed(&mut self, on: &Connection, statements: usize) {
        self.statements += statements;
        if self.is_large.load(Ordering::Acquire) {
            self.start_over(on);
        } else if self.statements >= STATEMENTS {
            self.statements = 0;
            // A full channel means that it is awake already.
            let _ = self.wake.try_send(());
        }
    }

    /// Waits for nobody: a reader in the way means another try after the next commit.
    fn start_over(&mut self, on: &Connection) {
        let _ = on.busy_timeout(std::time::Duration::ZERO);
        self.shared.pool.let_go();
        if let Ok((false, _)) = checkpoint(on, "PRAGMA wal_checkpoint(RESTART)") {
            self.is_large.store(false, Ordering::Release);
            self.statements = 0;
        }
        let _ = on.busy_timeout(connect::BUSY);
    }
}

/// Ends when the writer is gone.
fn run(shared: &Shared, connection: &Connection, woken: &Receiver<()>, is_large: &AtomicBool) {
    while woken.recv().is_ok() {
        shared.pool.let_go();
        match checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)") {
            Ok((_, frames)) if frames > FRAMES => is_large.store(true, Ordering::Release),
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "could not carry over the read store's wal"),
        }
    }
}

/// Whether somebody stood in the way, and how many frames the WAL has.
fn checkpoint(on: &Connection, sql: &str) -> rusqlite::Result<(bool, i64)> {
    on.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)? != 0, row.get(1)?)))
}
