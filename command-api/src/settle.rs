//! Getting one call decided, wherever its owner is.

use std::time::Duration;

use event_log::PartitionId;
use model::decide::Expected;
use service::Problem;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use crate::answer;
use crate::api::closed;
use crate::ask::{Ask, Refusal, Verdict};
use crate::forward::{ForwardError, Passed, Reply};
use crate::place::Place;
use crate::shared::{Asked, Shared};

/// How long a partition that is being handed over is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A call that can be asked here or passed on; more than once where nothing came of it.
pub(crate) trait Job {
    /// The question, and where its answer comes.
    fn ask(&mut self, shared: &Shared) -> Result<(Ask, Asked), Problem>;
    /// The same call for another instance.
    fn passed(&self, shared: &Shared) -> Passed;
}

/// Who answered.
pub(crate) enum Answered {
    Here(Verdict),
    There(Reply),
}

/// What came of one try.
enum Tried {
    Answered(Answered),
    /// Nothing, and trying the same place again may help.
    Refused,
    /// Nothing, and only another place helps.
    Unreached,
}

impl Shared {
    /// Gets a call decided by whoever owns its partition. What was passed on to us is not passed on
    /// again: `forwarded` calls are decided here or not at all.
    pub async fn settle(
        &self,
        job: &mut impl Job,
        at: usize,
        forwarded: bool,
    ) -> Result<Answered, Problem> {
        let deadline = Instant::now() + PATIENCE;
        let mut unreached = Place::Nowhere;
        loop {
            let place = self.places.of(at);
            let tried = match &place {
                Place::Here => self.ask_here(job, at).await?,
                Place::At(_) if forwarded || place == unreached => Tried::Refused,
                Place::At(url) => self.ask_there(job, url).await,
                Place::Nowhere => Tried::Refused,
            };
            match tried {
                Tried::Answered(answered) => return Ok(answered),
                Tried::Refused => {}
                Tried::Unreached => unreached = place,
            }
            if forwarded || !self.places.may_have_changed(deadline).await {
                return Ok(Answered::Here(Err(Refusal::Moved)));
            }
        }
    }

    async fn ask_here(&self, job: &mut impl Job, at: usize) -> Result<Tried, Problem> {
        let (ask, asked) = job.ask(self)?;
        match self.places.offer(at, ask) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(answer::overloaded()),
            Err(TrySendError::Closed(_)) if self.places.is_alone() => return Err(closed()),
            Err(TrySendError::Closed(_)) => return Ok(Tried::Refused),
        }
        Ok(match asked.verdict.await {
            Ok(Err(Refusal::Moved)) => Tried::Refused,
            Ok(verdict) => Tried::Answered(Answered::Here(verdict)),
            Err(_) => Tried::Answered(Answered::Here(Err(Refusal::OutcomeUnknown))),
        })
    }

    async fn ask_there(&self, job: &impl Job, url: &str) -> Tried {
        match self.forwarder.pass(url, job.passed(self)).await {
            Ok(reply) => Tried::Answered(Answered::There(reply)),
            Err(ForwardError::NothingSent) => Tried::Unreached,
            Err(ForwardError::NotOwner) => Tried::Refused,
            Err(ForwardError::Broken) => {
                Tried::Answered(Answered::Here(Err(Refusal::OutcomeUnknown)))
            }
        }
    }

    /// The number of an aggregate's partition.
    pub fn number(&self, aggregate: usize, id: &str) -> usize {
        let name = &self.model.aggregates[aggregate].name;
        let route = || -> PartitionId { self.log.route(name, id) };
        self.places.number(route)
    }
}

/// A tag as it is sent in `If-Match`.
pub(crate) fn tag_text(expected: Expected) -> String {
    match expected {
        Expected::Version(version) => format!("\"{version}\""),
        Expected::Exists => "*".to_owned(),
    }
}
