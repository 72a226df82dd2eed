//! The right to append, as handed to an owner: a handle on the writing thread.

use std::sync::mpsc::Sender;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::writer::Job;
use crate::log::{AppendError, Appended, Appender, NewCommand};
use crate::record::{ClaimId, Offset};

pub(super) struct SqliteAppender {
    claim: ClaimId,
    claimed_at: Offset,
    jobs: Sender<Job>,
}

impl SqliteAppender {
    pub(super) fn new(claim: ClaimId, claimed_at: Offset, jobs: Sender<Job>) -> SqliteAppender {
        SqliteAppender { claim, claimed_at, jobs }
    }
}

impl Appender for SqliteAppender {
    fn claim(&self) -> ClaimId {
        self.claim
    }

    fn claimed_at(&self) -> Offset {
        self.claimed_at
    }

    fn append(
        &mut self,
        batch: Vec<NewCommand>,
    ) -> BoxFuture<'static, Result<Appended, AppendError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Job::Append { claim: self.claim, batch, reply });
        async move {
            let stopped = "the log's writer has stopped";
            sent.map_err(|_| AppendError::NothingWritten(stopped.to_owned()))?;
            answer.await.unwrap_or_else(|_| Err(AppendError::OutcomeUnknown(stopped.to_owned())))
        }
        .boxed()
    }

    fn confirm(&mut self) -> BoxFuture<'static, Result<(), AppendError>> {
        // The OS lock is proof enough: nobody else can have written.
        futures::future::ready(Ok(())).boxed()
    }
}
