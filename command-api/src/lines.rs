//! A stream of commands: NDJSON in, NDJSON out, in order.
//!
//! A bounded number of lines is under way at a time; the body is read on only as answers leave, so
//! a client that does not read its answers is not read either.

mod feed;
mod line;
mod passing;

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::future::{Either, select};
use futures::{FutureExt, StreamExt};
use read_store::Position;
use service::{Problem, body};

use crate::answer::{self, Of};
use crate::api::closed;
use crate::ask::{Refusal, Success, Verdict};
use crate::forward::FORWARDED;
use crate::request;
use crate::route::Named;
use crate::shared::{Asked, Shared};
use feed::Feed;
use passing::{Elsewhere, Passing};

/// Most lines under way.
const WINDOW: usize = 256;

/// Begins to answer; lines are read as the answer is.
pub(crate) fn answer(
    shared: Arc<Shared>,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    body::expect_type(request, "application/x-ndjson")?;
    let minimum = request::minimum(request.headers(), shared.stream)?;
    let session = Session {
        position: minimum.unwrap_or_else(|| Position::start(shared.stream)),
        traceparent: request::traceparent(request.headers()),
        feed: Feed::default(),
        window: VecDeque::new(),
        passing: Passing::new(request.headers().contains_key(&FORWARDED)),
        shared,
        payload,
    };
    let chunks = futures::stream::unfold(session, |mut session| async {
        let chunk = session.next_chunk().await?;
        Some((chunk, session))
    });
    let mut answer = HttpResponse::Ok().streaming(chunks.boxed_local());
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    answer.headers_mut().insert(CONTENT_TYPE, ndjson);
    Ok(answer)
}

/// One call in progress.
struct Session {
    shared: Arc<Shared>,
    payload: Payload,
    feed: Feed,
    window: VecDeque<Slot>,
    passing: Passing,
    /// Covers the request's minimum and every line answered.
    position: Position,
    traceparent: Option<Arc<str>>,
}

/// A line under way.
struct Slot {
    line: u64,
    state: State,
}

enum State {
    Waiting { partition: usize, asked: Asked },
    Refused(Problem),
}

#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
struct Broken;

impl Session {
    /// The next answers, as many as are ready; `None` at the end.
    async fn next_chunk(&mut self) -> Option<Result<Bytes, Broken>> {
        loop {
            self.fill().await;
            let out = self.ready();
            if !out.is_empty() {
                return Some(Ok(out.into()));
            }
            if self.window.is_empty() && self.feed.ended {
                return None;
            }
            if let Err(broken) = self.advance().await {
                return Some(Err(broken));
            }
        }
    }

    /// Sends lines to their owners, as far as the window allows.
    async fn fill(&mut self) {
        while self.window.len() < WINDOW
            && let Some((line, text)) = self.feed.next_line(self.shared.config.max_body)
        {
            let state = match text {
                Ok(text) => self.submit(&text).await,
                Err(problem) => Err(problem),
            };
            self.window.push_back(Slot { line, state: state.unwrap_or_else(State::Refused) });
        }
    }

    async fn submit(&mut self, text: &[u8]) -> Result<State, Problem> {
        let shared = &self.shared;
        let (call, id) = line::parse(shared, text, self.traceparent.clone())?;
        let named = Named { aggregate: call.aggregate, command: call.command, id: None };
        let (id, fresh) = shared.id_of(&named, id, call.key.as_deref());
        let partition = shared.number(call.aggregate, &id);
        let asked = if self.passing.stays_here(shared, partition, (call.aggregate, &id)) {
            let (ask, asked) = shared.prepare(call, id, fresh);
            shared.places.send(partition, ask).await.map_err(|_| closed())?;
            asked
        } else {
            self.passing.pass(shared, partition, Elsewhere { call, id })
        };
        Ok(State::Waiting { partition, asked })
    }

    /// Writes the answers at the front that are there.
    fn ready(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(slot) = self.window.front_mut() {
            let verdict = match &mut slot.state {
                State::Refused(_) => None,
                State::Waiting { asked, .. } => match (&mut asked.verdict).now_or_never() {
                    None => break,
                    Some(verdict) => Some(verdict.unwrap_or(Err(Refusal::OutcomeUnknown))),
                },
            };
            if let Some(slot) = self.window.pop_front() {
                self.write(slot, verdict, &mut out);
            }
        }
        out
    }

    /// Waits for the front answer or, where there is room, for more of the body.
    async fn advance(&mut self) -> Result<(), Broken> {
        let reads = self.window.len() < WINDOW && !self.feed.ended;
        let chunk = match (self.window.front_mut(), reads) {
            (None, _) => self.payload.next().await,
            (Some(front), false) => return wait_for(front).await,
            (Some(front), true) => {
                let answered = std::pin::pin!(wait_for(front));
                match select(answered, self.payload.next()).await {
                    Either::Left(_) => return Ok(()),
                    Either::Right((chunk, _)) => chunk,
                }
            }
        };
        match chunk {
            Some(Ok(bytes)) => self.feed.buffer.extend_from_slice(&bytes),
            Some(Err(_)) => return Err(Broken),
            None => self.feed.ended = true,
        }
        Ok(())
    }

    fn write(&mut self, slot: Slot, verdict: Option<Verdict>, out: &mut Vec<u8>) {
        let line = slot.line;
        let problem = match (slot.state, verdict) {
            (State::Waiting { partition, asked }, Some(verdict)) => {
                let shared = self.shared.clone();
                let aggregate = &shared.model.aggregates[asked.aggregate];
                let command = &aggregate.commands[asked.command];
                let of = Of { aggregate, command, id: &asked.id, dry_run: asked.dry_run };
                match verdict {
                    Ok(Success::Done(done)) => {
                        shared.cover(&mut self.position, partition, done.offset);
                        let status = done.status();
                        // Writing to memory cannot fail.
                        write!(out, "{{\"line\":{line},\"status\":{status},").ok();
                        answer::write_done(of, &done, &self.position.to_text(), out);
                        out.push(b'\n');
                        return;
                    }
                    Ok(Success::Dry { .. }) => answer::problem(of, Refusal::Internal),
                    Err(refusal) => answer::problem(of, refusal),
                }
            }
            (State::Refused(problem), _) => problem,
            (State::Waiting { .. }, None) => return,
        };
        let problem = problem.with("line", line);
        out.extend_from_slice(&problem.to_json());
        out.push(b'\n');
    }
}

/// Until the front line has its answer, which is put back for [`Session::ready`] to take.
async fn wait_for(front: &mut Slot) -> Result<(), Broken> {
    if let State::Waiting { asked, .. } = &mut front.state {
        let verdict = (&mut asked.verdict).await.unwrap_or(Err(Refusal::OutcomeUnknown));
        let (reply, received) = tokio::sync::oneshot::channel();
        reply.send(verdict).ok();
        asked.verdict = received;
    }
    Ok(())
}
