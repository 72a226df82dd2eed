//! Asking the owner from inside the process, without HTTP: for simulated runs.

use std::sync::Arc;

use event_log::Offset;
use model::decide::{Expected, Rejection};
use tokio::sync::mpsc::error::TrySendError;

use crate::api::CommandApi;
use crate::ask::{Refusal, Success};
use crate::shared::{Asked, Call};

/// One call of a command.
#[derive(Clone, Debug)]
pub struct Question {
    /// The aggregate type's place in the model.
    pub aggregate: usize,
    /// The command's place in the aggregate type.
    pub command: usize,
    /// The aggregate.
    pub id: Arc<str>,
    /// The input, as JSON.
    pub input: String,
    /// Idempotency key.
    pub key: Option<Arc<str>>,
    /// `If-Match`.
    pub expected: Option<Expected>,
    /// Names the call in the log.
    pub traceparent: Option<Arc<str>>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It succeeded.
    Done {
        /// The aggregate's version before its events, or at all where it made none.
        before: u64,
        /// Types of its events.
        events: Vec<Arc<str>>,
        /// Its last event, or what it was decided on at least; -1 = nothing.
        offset: Offset,
        /// Whether an earlier call with its key did it.
        replayed: bool,
    },
    /// The model refuses it; nothing was written.
    Rejected(Rejection),
    /// Its key stands for another command; nothing was written.
    KeyReused,
    /// Nothing was written, for want of something else.
    NothingWritten(String),
    /// It may have been written.
    OutcomeUnknown,
}

impl CommandApi {
    /// Asks the owner here. An input that does not fit is answered as a failed expression is not:
    /// with [`Reply::NothingWritten`].
    pub async fn ask(&self, question: Question) -> Reply {
        let Question { aggregate, command, id, input, key, expected, traceparent } = question;
        let shape = &self.shared.model.aggregates[aggregate].commands[command].input_shape;
        let Ok(input) = shape.parse_json(input.as_bytes()) else {
            return Reply::NothingWritten("the input does not fit".to_owned());
        };
        let at = self.shared.number(aggregate, &id);
        let call = Call { aggregate, command, input, key, expected, traceparent, dry_run: false };
        let (ask, asked) = self.shared.prepare(call, id, false);
        if let Err(error) = self.shared.places.offer(at, ask) {
            let full = matches!(error, TrySendError::Full(_));
            let reason = if full { "the queue is full" } else { "the service is stopping" };
            return Reply::NothingWritten(reason.to_owned());
        }
        answer(asked).await
    }
}

async fn answer(asked: Asked) -> Reply {
    match asked.verdict.await {
        Ok(Ok(Success::Done(done))) => {
            let before = done.first_version - u64::from(!done.events.is_empty());
            let offset = Offset(done.offset);
            Reply::Done { before, events: done.events, offset, replayed: done.replayed }
        }
        Ok(Ok(Success::Dry { .. })) => Reply::NothingWritten("a dry run".to_owned()),
        Ok(Err(Refusal::Rejected { rejection, .. })) => Reply::Rejected(rejection),
        Ok(Err(Refusal::KeyReused)) => Reply::KeyReused,
        Ok(Err(Refusal::Overloaded)) => Reply::NothingWritten("overloaded".to_owned()),
        Ok(Err(Refusal::Unavailable(reason))) => Reply::NothingWritten(reason),
        Ok(Err(Refusal::Moved)) => Reply::NothingWritten("the partition is another's".to_owned()),
        Ok(Err(Refusal::Elsewhere(problem))) => Reply::NothingWritten(problem.detail),
        Ok(Err(Refusal::Internal)) => Reply::NothingWritten("the decision broke".to_owned()),
        Ok(Err(Refusal::OutcomeUnknown)) | Err(_) => Reply::OutcomeUnknown,
    }
}
