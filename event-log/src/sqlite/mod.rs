//! The SQLite log of the embedded default: one file, one partition, one writing process.
//!
//! COMMIT means durable and visible. An OS lock on a file of its own makes one process the writer;
//! anybody may read beside it.

mod appender;
mod files;
mod recent;
mod schema;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::log::{Appender, ClaimError, Log, ReadError};
use crate::record::{Offset, PartitionId, Record};
use appender::SqliteAppender;
use files::Files;
pub use files::OpenError;
use recent::Recent;
use writer::{Job, Writer};

/// How long one [`Log::wait`] lasts at most.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often the file is asked where another process writes it.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// A log in one SQLite file.
pub struct SqliteLog {
    stream: Uuid,
    partition: PartitionId,
    files: Files,
    recent: Arc<Recent>,
    readers: Arc<Mutex<Vec<Connection>>>,
    writer: Mutex<Option<WriterThread>>,
}

struct WriterThread {
    jobs: Sender<Job>,
    thread: JoinHandle<()>,
}

impl SqliteLog {
    /// Opens the log in a directory, and makes it where there is none. Whether this process may
    /// write is settled by the first claim, or by [`SqliteLog::lock`].
    pub fn open(directory: &Path) -> Result<SqliteLog, OpenError> {
        let files = Files::new(directory);
        let stream = files.create()?;
        Ok(SqliteLog::with(files, stream))
    }

    /// Opens a log that is there, to read it, beside a running process too.
    pub fn open_existing(directory: &Path) -> Result<SqliteLog, OpenError> {
        let files = Files::new(directory);
        let stream = files.find()?;
        Ok(SqliteLog::with(files, stream))
    }

    /// Makes this process the only writer, until the log is dropped.
    pub fn lock(&self) -> Result<(), ClaimError> {
        self.jobs().map(drop)
    }

    fn with(files: Files, stream: Uuid) -> SqliteLog {
        SqliteLog {
            stream,
            partition: PartitionId { topic: "log".into(), number: 0 },
            files,
            recent: Arc::new(Recent::new()),
            readers: Arc::default(),
            writer: Mutex::default(),
        }
    }

    /// The writer's queue; takes the lock and starts the thread where that was not done yet.
    fn jobs(&self) -> Result<Sender<Job>, ClaimError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = writer.as_ref().filter(|w| !w.thread.is_finished()) {
            return Ok(running.jobs.clone());
        }
        // A thread that died holds the lock no longer.
        drop(writer.take());
        let lock = self.files.lock()?;
        let thread = Writer::new(self.files.clone(), self.stream, self.recent.clone(), lock);
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || thread.run(&queue))
            .map_err(|e| ClaimError::Unavailable(format!("no thread for the log: {e}")))?;
        *writer = Some(WriterThread { jobs: jobs.clone(), thread });
        Ok(jobs)
    }

    /// Runs `work` on a thread that may block, with a connection that reads.
    async fn with_reader<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let (files, readers) = (self.files.clone(), self.readers.clone());
        let done = tokio::task::spawn_blocking(move || {
            let idle = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = match idle {
                Some(connection) => connection,
                None => files.reader().map_err(|e| read_error(&e, 0))?,
            };
            let result = work(&connection);
            // A connection that met an error may be the cause of it.
            if result.is_ok() {
                readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            result
        });
        done.await.unwrap_or_else(|e| Err(ReadError::Unavailable(e.to_string())))
    }
}

#[async_trait]
impl Log for SqliteLog {
    fn stream(&self) -> Uuid {
        self.stream
    }

    fn partitions(&self) -> Vec<PartitionId> {
        vec![self.partition.clone()]
    }

    fn route(&self, _aggregate: &str, _id: &str) -> PartitionId {
        self.partition.clone()
    }

    async fn claim(
        &self,
        _partition: &PartitionId,
        owner: &str,
    ) -> Result<Box<dyn Appender>, ClaimError> {
        let jobs = self.jobs()?;
        let (reply, answer) = oneshot::channel();
        let gone = || ClaimError::Unavailable("the log's writer has stopped".to_owned());
        jobs.send(Job::Claim { owner: owner.into(), reply }).map_err(|_| gone())?;
        let (claim, at) = answer.await.map_err(|_| gone())?.map_err(ClaimError::Unavailable)?;
        tracing::info!(claim = %claim.0, offset = at.0, "claimed the log");
        Ok(Box::new(SqliteAppender::new(claim, at, jobs)))
    }

    async fn read(
        &self,
        _partition: &PartitionId,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Vec<Record>, ReadError> {
        match self.recent.read(from, max_bytes) {
            Some(records) => Ok(records),
            None => self.with_reader(move |c| select(c, from, max_bytes)).await,
        }
    }

    async fn head(&self, _partition: &PartitionId) -> Result<Offset, ReadError> {
        match self.recent.head() {
            Some(head) => Ok(Offset(head)),
            None => self
                .with_reader(|c| schema::end(c).map_err(|e| read_error(&e, 0)))
                .await
                .map(|(head, _)| Offset(head)),
        }
    }

    async fn wait(&self, partition: &PartitionId, beyond: Offset) {
        let mut watch = self.recent.watch();
        let moved = async {
            // The head is unknown where another process writes: then the file is asked.
            while let Ok(head) = self.head(partition).await
                && head <= beyond
            {
                if self.recent.head().is_none() {
                    tokio::time::timeout(POLL_EVERY, watch.changed()).await.ok();
                } else if watch.wait_for(|h| h.is_none_or(|h| h > beyond.0)).await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(LONGEST_WAIT, moved).await.ok();
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(WriterThread { jobs, thread }) = writer {
            // Joined so that the lock is free as soon as the log is gone.
            jobs.send(Job::Stop).ok();
            thread.join().ok();
        }
    }
}

fn select(
    connection: &Connection,
    from: Offset,
    max_bytes: usize,
) -> Result<Vec<Record>, ReadError> {
    let mut at = from.0;
    let mut out = Vec::new();
    match fill(connection, &mut at, max_bytes, &mut out) {
        // What was read before the damage still counts; the next read starts at the damage.
        Err(_) if !out.is_empty() => Ok(out),
        result => result.map(|()| out),
    }
}

fn fill(
    connection: &Connection,
    at: &mut i64,
    max_bytes: usize,
    out: &mut Vec<Record>,
) -> Result<(), ReadError> {
    let mut names = schema::Names::default();
    let mut bytes = 0;
    let failed = |e: rusqlite::Error, at: i64| read_error(&e, at);
    let mut statement = connection.prepare_cached(schema::SELECT).map_err(|e| failed(e, *at))?;
    let mut rows = statement.query([*at]).map_err(|e| failed(e, *at))?;
    while let Some(row) = rows.next().map_err(|e| failed(e, *at))? {
        *at = row.get(0).map_err(|e| failed(e, *at))?;
        let record = schema::record(row, &mut names)
            .map_err(|detail| ReadError::Damaged { offset: *at, detail })?;
        bytes += recent::weight(&record);
        if bytes > max_bytes && !out.is_empty() {
            break;
        }
        out.push(record);
    }
    Ok(())
}

fn read_error(error: &rusqlite::Error, offset: i64) -> ReadError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ReadError::Damaged { offset, detail: error.to_string() }
        }
        _ => ReadError::Unavailable(error.to_string()),
    }
}
