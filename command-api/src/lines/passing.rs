//! Lines for other instances. Each goes its own way, but lines of one aggregate go one after the
//! other, so that they are decided in order.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value as Json;
use service::Problem;
use tokio::sync::oneshot;

use crate::ask::{Ask, Done, Refusal, Success, Verdict};
use crate::forward::{Passed, Reply, segment};
use crate::settle::{Answered, Job, tag_text};
use crate::shared::{Asked, Call, Shared};
use read_store::Position;

/// Above this many aggregates those whose lines are done are forgotten.
const MOST_REMEMBERED: usize = 1_024;

type Of = (usize, Arc<str>);

/// The lines of one stream that were passed on.
pub(super) struct Passing {
    /// Whether this stream was passed on to us: then nothing of it is passed on again.
    forwarded: bool,
    /// The end of the last line of each aggregate.
    last: HashMap<Of, oneshot::Receiver<()>>,
}

/// A line for another instance.
pub(super) struct Elsewhere {
    pub call: Call,
    pub id: Arc<str>,
}

impl Passing {
    pub fn new(forwarded: bool) -> Passing {
        Passing { forwarded, last: HashMap::new() }
    }

    /// Whether a line may be given to an owner here at once.
    pub fn stays_here(&mut self, shared: &Shared, at: usize, of: (usize, &Arc<str>)) -> bool {
        if !shared.places.is_here(at) {
            return false;
        }
        if self.last.is_empty() {
            return true;
        }
        let of = (of.0, of.1.clone());
        let under_way = self.last.get_mut(&of).is_some_and(is_under_way);
        if !under_way {
            self.last.remove(&of);
        }
        !under_way
    }

    /// Gets a line decided elsewhere, after the one of the same aggregate before it.
    pub fn pass(&mut self, shared: &Arc<Shared>, at: usize, mut line: Elsewhere) -> Asked {
        if self.last.len() > MOST_REMEMBERED {
            self.last.retain(|_, last| is_under_way(last));
        }
        let (ended, end) = oneshot::channel();
        let (reply, verdict) = oneshot::channel();
        let (aggregate, command) = (line.call.aggregate, line.call.command);
        let id = line.id.clone();
        let before = self.last.insert((aggregate, id.clone()), end);
        let (shared, forwarded) = (shared.clone(), self.forwarded);
        tokio::spawn(async move {
            if let Some(before) = before {
                // A line that broke has ended too.
                before.await.ok();
            }
            let settled = shared.settle(&mut line, at, forwarded).await;
            reply.send(verdict_of(&shared, at, settled)).ok();
            ended.send(()).ok();
        });
        Asked { aggregate, command, id, dry_run: false, verdict }
    }
}

fn is_under_way(end: &mut oneshot::Receiver<()>) -> bool {
    matches!(end.try_recv(), Err(oneshot::error::TryRecvError::Empty))
}

impl Job for Elsewhere {
    fn ask(&mut self, shared: &Shared) -> Result<(Ask, Asked), Problem> {
        Ok(shared.prepare(self.call.clone(), self.id.clone(), false))
    }

    fn passed(&self, shared: &Shared) -> Passed {
        let call = &self.call;
        let aggregate = &shared.model.aggregates[call.aggregate];
        let command = &aggregate.commands[call.command];
        let mut body = Vec::with_capacity(128);
        command.input_shape.write_json(&call.input, &mut body);
        let mut headers = vec![("content-type", b"application/json".to_vec())];
        headers.extend(call.key.as_ref().map(|key| ("idempotency-key", key.as_bytes().to_vec())));
        headers.extend(call.expected.map(|tag| ("if-match", tag_text(tag).into_bytes())));
        let traceparent = call.traceparent.as_ref();
        headers.extend(traceparent.map(|parent| ("traceparent", parent.as_bytes().to_vec())));
        let path = format!("/{}/{}/{}", aggregate.plural, segment(&self.id), command.name);
        Passed { path, headers, body: body.into() }
    }
}

fn verdict_of(shared: &Shared, at: usize, settled: Result<Answered, Problem>) -> Verdict {
    match settled {
        Ok(Answered::Here(verdict)) => verdict,
        Ok(Answered::There(reply)) => read(shared, at, &reply),
        Err(problem) => Err(Refusal::Elsewhere(Box::new(problem))),
    }
}

/// What another instance answered. An answer that can't be read says nothing of what was done.
fn read(shared: &Shared, at: usize, reply: &Reply) -> Verdict {
    let Ok(Json::Object(body)) = serde_json::from_slice(&reply.body) else {
        return Err(Refusal::OutcomeUnknown);
    };
    match reply.status {
        200 | 201 => {
            done(shared, at, reply, &body).map(Success::Done).ok_or(Refusal::OutcomeUnknown)
        }
        status => match Problem::from_json(status, body) {
            Some(problem) => Err(Refusal::Elsewhere(Box::new(problem))),
            None => Err(Refusal::OutcomeUnknown),
        },
    }
}

fn done(
    shared: &Shared,
    at: usize,
    reply: &Reply,
    body: &serde_json::Map<String, Json>,
) -> Option<Done> {
    let events = body.get("events")?.as_array()?;
    let names: Option<Vec<Arc<str>>> =
        events.iter().map(|event| event.get("type")?.as_str().map(Arc::from)).collect();
    let version = body.get("version")?.as_u64()?;
    let first = events.first().map_or(Some(version), |event| event.get("version")?.as_u64())?;
    let position = Position::parse(body.get("position")?.as_str()?).ok()?;
    Some(Done {
        first_version: first,
        events: names?,
        began: reply.status == 201,
        offset: position.offsets.get(&shared.key_of(at)).copied().unwrap_or(-1),
        replayed: reply.header("idempotency-replayed").is_some(),
    })
}
