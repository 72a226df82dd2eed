//! A stream of commands: NDJSON in, NDJSON out, in order.
//!
//! A bounded number of lines is under way at a time; the body is read on only as answers leave, so
//! a client that does not read its answers is not read either.

mod feed;

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::future::{Either, select};
use futures::{FutureExt, StreamExt};
use model::decide::Expected;
use model::schema::InputError;
use read_store::Position;
use serde_json::Value as Json;
use service::{Problem, body};

use crate::answer::{self, Of};
use crate::api::{Asked, Call, Shared, misfits, parse_id};
use crate::ask::{Refusal, Success, Verdict};
use crate::request;
use crate::route::{self, Named};
use feed::Feed;

/// Most lines under way.
const WINDOW: usize = 256;
/// Members that a line may have.
const MEMBERS: [&str; 6] = ["aggregate", "id", "command", "key", "if_match", "input"];

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

    async fn submit(&self, text: &[u8]) -> Result<State, Problem> {
        let (call, id) = parse(&self.shared, text, self.traceparent.clone())?;
        let (partition, ask, asked) = self.shared.prepare(call, id);
        self.shared.send(partition, ask).await?;
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

type Parsed<'a> = (Call<'a>, Option<Arc<str>>);

fn parse<'a>(
    shared: &Shared,
    text: &[u8],
    traceparent: Option<Arc<str>>,
) -> Result<Parsed<'a>, Problem> {
    let line: Json = serde_json::from_slice(text).map_err(|error| {
        let detail = format!("the line is no JSON at column {}: {error}", error.column());
        Problem::new(400, "malformed-json", detail)
    })?;
    let mut line = match line {
        Json::Object(members) => members,
        _ => return Err(misfit("", "wrong-type", "a line is an object".to_owned())),
    };
    if let Some(unknown) = line.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let pointer = format!("/{}", unknown.replace('~', "~0").replace('/', "~1"));
        let allowed = format!("a line has only {}", MEMBERS.join(", "));
        return Err(misfit(&pointer, "unknown-field", allowed));
    }
    let name = required(&line, "aggregate")?;
    let mut all = shared.model.aggregates.iter().enumerate();
    let Some((aggregate, declared)) = all.find(|(_, a)| *a.name == *name) else {
        let names: Vec<&str> = shared.model.aggregates.iter().map(|a| &*a.name).collect();
        let detail = format!("there is no aggregate `{name}`; declared are: {}", names.join(", "));
        return Err(Problem::new(404, "unknown-collection", detail));
    };
    let name = required(&line, "command")?;
    let Some((command, found)) = route::command(declared, name) else {
        return Err(route::unknown_command(declared, name));
    };
    let id = match text_of(&line, "id")? {
        Some(id) => Some(parse_id(declared, id)?),
        None if route::makes_ids(declared, found) => None,
        None => return Err(misfit("/id", "missing-field", "give the id".to_owned())),
    };
    let key = text_of(&line, "key")?.map(|k| request::key(k).ok_or_else(request::bad_key));
    let key = key.transpose()?;
    let expected = line.get("if_match").and_then(if_match).transpose()?;
    let input = line.remove("input").filter(|i| !i.is_null());
    let input = input.unwrap_or_else(|| Json::Object(serde_json::Map::new()));
    let input = found.input_shape.from_json(&input).map_err(|places| misfits("/input", places))?;
    let named = Named { aggregate, command, id: None };
    Ok((Call { named, input, key, expected, traceparent, dry_run: false }, id))
}

fn if_match(json: &Json) -> Option<Result<Expected, Problem>> {
    let expected = match json {
        Json::Null => return None,
        Json::String(text) => request::tag(text).or_else(|| request::version(text)),
        Json::Number(number) => number.as_u64().map(Expected::Version),
        _ => None,
    };
    Some(expected.ok_or_else(request::bad_tag))
}

fn required<'l>(line: &'l serde_json::Map<String, Json>, name: &str) -> Result<&'l str, Problem> {
    let missing = || misfit(&format!("/{name}"), "missing-field", format!("give the {name}"));
    text_of(line, name)?.ok_or_else(missing)
}

fn text_of<'l>(
    line: &'l serde_json::Map<String, Json>,
    name: &str,
) -> Result<Option<&'l str>, Problem> {
    match line.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(misfit(&format!("/{name}"), "wrong-type", "a text".to_owned())),
    }
}

fn misfit(pointer: &str, code: &'static str, message: String) -> Problem {
    misfits("", vec![InputError { pointer: pointer.to_owned(), code, message }])
}
