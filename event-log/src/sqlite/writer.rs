//! The one thread that writes: a job at a time, a transaction a job.
//!
//! What fails before COMMIT is tried was not written. Once it was tried, a failure but that of a
//! full disk leaves the outcome open: the connection is thrown away, and the next claim looks at
//! the file anew.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::files::Files;
use super::recent::Recent;
use super::schema;
use crate::log::{AppendError, Appended, NewCommand};
use crate::record::{Body, Claim, ClaimId, Offset, Record};

/// What the thread is asked to do.
pub(super) enum Job {
    /// Write a claim; every older one is spent.
    Claim { owner: Arc<str>, reply: oneshot::Sender<Result<(ClaimId, Offset), String>> },
    /// Write commands under a claim.
    Append {
        claim: ClaimId,
        batch: Vec<NewCommand>,
        reply: oneshot::Sender<Result<Appended, AppendError>>,
    },
    /// End the thread.
    Stop,
    /// Breaks something, to see what happens.
    #[cfg(test)]
    Sabotage(Box<dyn FnOnce(&Connection) + Send>),
}

/// The thread's own things.
pub(super) struct Writer {
    files: Files,
    stream: Uuid,
    recent: Arc<Recent>,
    connection: Option<Connection>,
    current: Option<Current>,
    // Held for as long as the thread lives; released after the connection is closed.
    _lock: File,
}

struct Current {
    claim: ClaimId,
    seq: u64,
}

enum Failure {
    BeforeCommit(rusqlite::Error),
    AtCommit(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        Failure::BeforeCommit(error)
    }
}

impl From<Failure> for AppendError {
    fn from(failure: Failure) -> AppendError {
        match failure {
            Failure::BeforeCommit(error) => AppendError::NothingWritten(error.to_string()),
            Failure::AtCommit(error) => AppendError::OutcomeUnknown(error.to_string()),
        }
    }
}

impl Writer {
    pub(super) fn new(files: Files, stream: Uuid, recent: Arc<Recent>, lock: File) -> Writer {
        Writer { files, stream, recent, connection: None, current: None, _lock: lock }
    }

    /// Works until told to stop or nobody is left to ask.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            // Whoever asked may be gone: then nobody needs the answer.
            match job {
                Job::Claim { owner, reply } => drop(reply.send(self.claim(owner))),
                Job::Append { claim, batch, reply } => drop(reply.send(self.append(claim, batch))),
                Job::Stop => break,
                #[cfg(test)]
                Job::Sabotage(act) => act(self.connection.as_ref().expect("claimed before")),
            }
        }
        self.connection = None;
    }

    fn claim(&mut self, owner: Arc<str>) -> Result<(ClaimId, Offset), String> {
        self.current = None;
        if self.connection.is_none() {
            self.connection = Some(self.files.writer().map_err(|e| e.to_string())?);
        }
        let claim = Claim { id: ClaimId(Uuid::now_v7()), stream: self.stream, owner };
        let id = claim.id;
        let written = self.commit(|start, last_time| {
            let time = clock().max(last_time);
            vec![Record { offset: Offset(start), time, body: Body::Claim(claim) }]
        });
        match written {
            Ok(records) => {
                let offset = records[0].offset;
                // A batch whose outcome was unknown may have come to light below this claim.
                self.recent.reset(offset.0);
                self.recent.push(records);
                self.current = Some(Current { claim: id, seq: 0 });
                Ok((id, offset))
            }
            Err(Failure::BeforeCommit(error)) => Err(error.to_string()),
            Err(Failure::AtCommit(error)) => {
                self.connection = None;
                Err(error.to_string())
            }
        }
    }

    fn append(&mut self, claim: ClaimId, batch: Vec<NewCommand>) -> Result<Appended, AppendError> {
        let Some(seq) = self.current.as_ref().filter(|c| c.claim == claim).map(|c| c.seq) else {
            return Err(AppendError::Fenced);
        };
        let commands = batch.len() as u64;
        let mut last = Vec::with_capacity(batch.len());
        let written = self.commit(|start, _| records(claim, seq + 1, start, batch, &mut last));
        match written {
            Ok(records) => {
                self.recent.push(records);
                self.current = Some(Current { claim, seq: seq + commands });
                Ok(Appended { last })
            }
            Err(failure) => {
                self.current = None;
                if matches!(failure, Failure::AtCommit(_)) {
                    self.connection = None;
                }
                let error = AppendError::from(failure);
                tracing::error!(%error, "append failed");
                Err(error)
            }
        }
    }

    /// One transaction: `make` gets the next offset and the last record's time.
    fn commit(
        &mut self,
        make: impl FnOnce(i64, i64) -> Vec<Record>,
    ) -> Result<Vec<Record>, Failure> {
        let Some(connection) = &mut self.connection else {
            return Err(Failure::BeforeCommit(rusqlite::Error::InvalidQuery));
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (start, last_time) = schema::end(&transaction)?;
        let records = make(start, last_time);
        let mut statement = schema::prepare_insert(&transaction)?;
        for record in &records {
            schema::insert(&mut statement, record)?;
        }
        drop(statement);
        transaction.commit().map_err(at_commit)?;
        Ok(records)
    }
}

/// What a failed COMMIT means. One that found no room on the disk stopped within the WAL, before the
/// frame that would have made it a commit; of any other the outcome is open.
fn at_commit(error: rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Failure::BeforeCommit(error),
        _ => Failure::AtCommit(error),
    }
}

/// The records of a batch, numbered from `seq` and `start`; `last` gets each command's end.
fn records(
    claim: ClaimId,
    seq: u64,
    start: i64,
    batch: Vec<NewCommand>,
    last: &mut Vec<Offset>,
) -> Vec<Record> {
    let mut out = Vec::with_capacity(batch.iter().map(|c| c.events.len()).sum());
    let mut offset = start;
    for (command, seq) in batch.into_iter().zip(seq..) {
        let time = command.time;
        for event in command.into_events(claim, seq) {
            out.push(Record { offset: Offset(offset), time, body: Body::Event(event) });
            offset += 1;
        }
        last.push(Offset(offset - 1));
    }
    out
}

fn clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64)
}
