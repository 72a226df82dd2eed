//! The API itself: parses a call, asks the owner, answers.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};
use event_log::{KeyedCommand, Log, PartitionId};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use model::decide::{Actor, Expected};
use model::schema::{InputError, JsonError};
use model::{Aggregate, Command, Model, Value};
use read_store::position::PartitionKey;
use read_store::{Position, Reader};
use service::front::Media;
use service::problem::PlaceError;
use service::{Api, Problem, Route, body};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::answer::{self, Of};
use crate::ask::{Ask, Refusal, Success, Verdict};
use crate::lines;
use crate::owner::{self, Limits, Message};
use crate::request::Terms;
use crate::route::{self, Named, Target};

/// Namespace of ids that are made from an idempotency key.
const MADE_IDS: Uuid = Uuid::from_u128(0x6f3c_1c1e_52a0_4d0b_9a57_70d6_27c1_85e4);

/// Bounds of the command API.
#[derive(Clone, Debug)]
pub struct Config {
    /// Most bytes of a body, or of a line of a stream of commands.
    pub max_body: usize,
    /// Bytes of states in memory, per partition.
    pub state_bytes: usize,
    /// Bytes of the log's end that is not projected yet, kept after a start, per partition.
    pub tail_bytes: usize,
    /// Commands that may wait for the owner, per partition.
    pub queue: usize,
    /// The clock: milliseconds since 1970.
    pub clock: fn() -> i64,
    /// Where jitter and ids that expressions make come from.
    pub random: fn() -> u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_body: 1 << 20,
            state_bytes: 64 << 20,
            tail_bytes: 64 << 20,
            queue: 8_192,
            clock: system_clock,
            random: || Uuid::new_v4().as_u64_pair().1,
        }
    }
}

/// HTTP in, events out. Shared by all workers.
pub struct CommandApi {
    pub(crate) shared: Arc<Shared>,
}

/// What calls need, streams of commands included.
pub(crate) struct Shared {
    pub model: Arc<Model>,
    pub log: Arc<dyn Log>,
    pub config: Config,
    pub stream: Uuid,
    owners: Vec<(PartitionId, mpsc::Sender<Message>)>,
    anonymous: Arc<Actor>,
}

/// A call that the owner was asked to decide.
pub(crate) struct Asked {
    pub aggregate: usize,
    pub command: usize,
    pub id: Arc<str>,
    pub dry_run: bool,
    pub verdict: oneshot::Receiver<Verdict>,
}

/// A call, parsed, for one of the owners.
pub(crate) struct Call<'a> {
    pub named: Named<'a>,
    pub input: Value,
    pub key: Option<Arc<str>>,
    pub expected: Option<Expected>,
    pub traceparent: Option<Arc<str>>,
    pub dry_run: bool,
}

impl CommandApi {
    /// Makes the API and starts an owner per partition, on the current tokio runtime. A partition
    /// is claimed at its first command.
    pub fn new(
        model: Arc<Model>,
        log: Arc<dyn Log>,
        reader: Arc<dyn Reader>,
        config: Config,
    ) -> Arc<CommandApi> {
        let limits = Limits {
            queue: config.queue,
            state_bytes: config.state_bytes,
            tail_bytes: config.tail_bytes,
            clock: config.clock,
            random: config.random,
        };
        let owners = log
            .partitions()
            .into_iter()
            .map(|partition| {
                let (model, log, reader) = (model.clone(), log.clone(), reader.clone());
                let owner = owner::spawn(model, log, reader, partition.clone(), limits.clone());
                (partition, owner)
            })
            .collect();
        let stream = log.stream();
        let anonymous = Arc::new(Actor {
            sub: "anonymous".into(),
            roles: Vec::new(),
            scopes: Vec::new(),
            claims: Arc::default(),
            checked: false,
        });
        Arc::new(CommandApi {
            shared: Arc::new(Shared { model, log, config, stream, owners, anonymous }),
        })
    }

    /// Lets every owner finish what it has begun. What is asked afterwards is refused.
    pub async fn drain(&self) {
        for (_, owner) in &self.shared.owners {
            let (done, drained) = oneshot::channel();
            if owner.send(Message::Drain(done)).await.is_ok() {
                // An owner that ended without a word has nothing left to finish either.
                drained.await.ok();
            }
        }
    }

    async fn command(
        &self,
        request: &HttpRequest,
        payload: Payload,
        named: Named<'_>,
    ) -> Result<HttpResponse, Problem> {
        let shared = &*self.shared;
        let body = body::read_json(request, payload, shared.config.max_body).await?;
        let terms = Terms::of(request, shared.stream)?;
        let aggregate = &shared.model.aggregates[named.aggregate];
        let command = &aggregate.commands[named.command];
        let id = named.id.map(|id| parse_id(aggregate, &raw_id(id)?)).transpose()?;
        let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
        let input = command.input_shape.parse_json(body).map_err(bad_json)?;
        let Terms { key, expected, minimum, traceparent, dry_run } = terms;
        let call = Call { named, input, key, expected, traceparent, dry_run };
        let (partition, ask, asked) = shared.prepare(call, id);
        let sent = shared.owners[partition].1.try_send(Message::Ask(Box::new(ask)));
        sent.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => answer::overloaded(),
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        let Asked { id, verdict, .. } = asked;
        let of = Of { aggregate, command, id: &id, dry_run };
        match verdict.await {
            Ok(Ok(Success::Done(done))) => {
                let mut position = minimum.unwrap_or_else(|| Position::start(shared.stream));
                shared.cover(&mut position, partition, done.offset);
                Ok(answer::done(of, &done, &position.to_text()))
            }
            Ok(Ok(Success::Dry { version, events })) => Ok(answer::dry(of, version, &events)),
            Ok(Err(refusal)) => Err(answer::problem(of, refusal)),
            Err(_) => Err(answer::problem(of, Refusal::OutcomeUnknown)),
        }
    }
}

impl Shared {
    /// Finds the owner and makes the question; the id is made where there is none.
    pub fn prepare(&self, call: Call<'_>, id: Option<Arc<str>>) -> (usize, Ask, Asked) {
        let Call { named, input, key, expected, traceparent, dry_run } = call;
        let aggregate = &self.model.aggregates[named.aggregate];
        let command = &aggregate.commands[named.command];
        let actor = self.anonymous.clone();
        let fresh = id.is_none() && key.is_none();
        let id = id.unwrap_or_else(|| make_id(aggregate, command, &actor, key.as_deref()));
        let key = key.map(|key| KeyedCommand {
            key,
            caller: actor.sub.clone(),
            hash: hash(command, &input),
        });
        let (reply, verdict) = oneshot::channel();
        let partition = self.partition(&aggregate.name, &id);
        let (aggregate, command) = (named.aggregate, named.command);
        let asked = Asked { aggregate, command, id: id.clone(), dry_run, verdict };
        let ask = Ask {
            aggregate,
            command,
            id,
            fresh,
            input,
            actor,
            expected,
            key,
            dry_run,
            traceparent,
            reply,
        };
        (partition, ask, asked)
    }

    /// Where the owner of a partition takes questions.
    pub fn owner(&self, partition: usize) -> &mpsc::Sender<Message> {
        &self.owners[partition].1
    }

    /// Hands a question over as soon as there is room for it.
    pub async fn send(&self, partition: usize, ask: Ask) -> Result<(), Problem> {
        let sent = self.owners[partition].1.send(Message::Ask(Box::new(ask))).await;
        sent.map_err(|_| closed())
    }

    /// Extends a position by what a partition's answer covers.
    pub fn cover(&self, position: &mut Position, partition: usize, offset: i64) {
        if offset >= 0 {
            let id = &self.owners[partition].0;
            let key: PartitionKey = (id.topic.clone(), id.number);
            position.cover(&key, offset);
        }
    }

    fn partition(&self, aggregate: &str, id: &str) -> usize {
        if self.owners.len() == 1 {
            return 0;
        }
        let wanted = self.log.route(aggregate, id);
        self.owners.iter().position(|(partition, _)| *partition == wanted).unwrap_or(0)
    }
}

impl Api for CommandApi {
    fn route(&self, path: &str) -> Route {
        route::route(&self.shared.model, path)
    }

    fn offers(&self, path: &str) -> &'static [Media] {
        if path == "/commands" { &[Media::Ndjson, Media::Json] } else { &[Media::Json] }
    }

    fn call<'a>(
        &'a self,
        request: HttpRequest,
        payload: Payload,
    ) -> LocalBoxFuture<'a, HttpResponse> {
        async move {
            let answered = match route::target(&self.shared.model, request.path()) {
                Target::Command(named) => self.command(&request, payload, named).await,
                Target::Lines => lines::answer(self.shared.clone(), &request, payload),
                Target::Unknown(problem) | Target::Member(problem) => Err(problem),
                Target::Foreign => Err(Problem::new(404, "not-found", "there is nothing here")),
            };
            answered.unwrap_or_else(|problem| problem.respond())
        }
        .boxed_local()
    }
}

/// The id of a path, decoded.
fn raw_id(segment: &str) -> Result<Cow<'_, str>, Problem> {
    service::text::percent_decode(segment, false)
        .ok_or_else(|| Problem::new(400, "invalid-id", "the id in the path is no UTF-8"))
}

/// An id in its canonical form.
pub(crate) fn parse_id(aggregate: &Aggregate, text: &str) -> Result<Arc<str>, Problem> {
    aggregate.parse_id(text).map_err(|detail| Problem::new(400, "invalid-id", detail))
}

fn make_id(aggregate: &Aggregate, command: &Command, actor: &Actor, key: Option<&str>) -> Arc<str> {
    let id = match key {
        // Made from the key, so that a retry meets the same aggregate.
        Some(key) => {
            let name = [&*aggregate.plural, &*command.name, &*actor.sub, key].join("\n");
            Uuid::new_v5(&MADE_IDS, name.as_bytes())
        }
        None => Uuid::now_v7(),
    };
    let mut text = Uuid::encode_buffer();
    Arc::from(&*id.hyphenated().encode_lower(&mut text))
}

fn hash(command: &Command, input: &Value) -> [u8; 32] {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(command.name.as_bytes());
    bytes.push(0);
    command.input_shape.encode(input, &mut bytes);
    Sha256::digest(&bytes).into()
}

/// 400 or 422 for an input that does not fit.
fn bad_json(error: JsonError) -> Problem {
    match error {
        JsonError::Malformed { line, column, message } => {
            let detail = format!("the body is no JSON at line {line}, column {column}: {message}");
            Problem::new(400, "malformed-json", detail)
        }
        JsonError::Misfits(places) => misfits("", places),
    }
}

/// 422 that names every place.
pub(crate) fn misfits(below: &str, places: Vec<InputError>) -> Problem {
    let detail = match &places[..] {
        [one] => format!("at `{below}{}`: {}", one.pointer, one.message),
        many => format!("{} places of the input do not fit, see `errors`", many.len()),
    };
    let mut problem = Problem::new(422, "invalid-input", detail);
    problem.errors = places
        .into_iter()
        .map(|place| PlaceError {
            pointer: format!("{below}{}", place.pointer),
            code: Cow::Borrowed(place.code),
            message: place.message,
        })
        .collect();
    problem
}

fn closed() -> Problem {
    Problem::unavailable("this service is shutting down; nothing was written", 1)
}

fn system_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |passed| passed.as_millis() as i64)
}
