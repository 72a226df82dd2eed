//! The API itself: parses a call, asks the owner, answers.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use event_log::{Alone, KeyedCommand, Log, Membership};
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
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::answer::{self, Of};
use crate::ask::{Ask, Refusal, Success, Verdict};
use crate::forward::{FORWARDED, Forwarder, Passed, passed_headers};
use crate::lines;
use crate::owner::{Ground, Limits, fresh_id};
use crate::place::Places;
use crate::request::Terms;
use crate::route::{self, Named, Target};
use crate::settle::{Answered, Job};

/// Namespace of ids that are made from an idempotency key.
const MADE_IDS: Uuid = Uuid::from_u128(0x6f3c_1c1e_52a0_4d0b_9a57_70d6_27c1_85e4);

/// How many ids are made to find one of a partition that is owned here.
const MOST_MADE: usize = 16;

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
    /// A partition that nobody has asked for this long is let go until somebody does; `None` =
    /// never.
    pub idle: Option<Duration>,
    /// How far the clock may be off the log's before this instance leaves its group; `None` where
    /// the log has no clock of its own.
    pub clock_tolerance: Option<Duration>,
    /// Where other instances reach this one (a URL); empty where it is the only one.
    pub advertise: Arc<str>,
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
            idle: None,
            clock_tolerance: None,
            advertise: "".into(),
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
    pub places: Places,
    pub forwarder: Forwarder,
    ground: Arc<Ground>,
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
#[derive(Clone)]
pub(crate) struct Call {
    /// Index into the model's aggregates.
    pub aggregate: usize,
    /// Index into its commands.
    pub command: usize,
    pub input: Value,
    pub key: Option<Arc<str>>,
    pub expected: Option<Expected>,
    pub traceparent: Option<Arc<str>>,
    pub dry_run: bool,
}

impl CommandApi {
    /// The only command API of a log: it owns all partitions.
    pub fn new(
        model: Arc<Model>,
        log: Arc<dyn Log>,
        reader: Arc<dyn Reader>,
        config: Config,
    ) -> Arc<CommandApi> {
        let alone = Arc::new(Alone::new(log.partitions()));
        CommandApi::member(model, log, reader, alone, config)
    }

    /// One of several command APIs: it owns what the group gives it and passes on what is
    /// others'. Owners run on the current tokio runtime; a partition is claimed at its first
    /// command.
    pub fn member(
        model: Arc<Model>,
        log: Arc<dyn Log>,
        reader: Arc<dyn Reader>,
        membership: Arc<dyn Membership>,
        config: Config,
    ) -> Arc<CommandApi> {
        let limits = Limits {
            queue: config.queue,
            state_bytes: config.state_bytes,
            tail_bytes: config.tail_bytes,
            clock: config.clock,
            random: config.random,
            idle: config.idle,
            clock_tolerance: config.clock_tolerance,
        };
        let ground = Arc::new(Ground {
            model: model.clone(),
            log: log.clone(),
            reader,
            membership,
            advertise: config.advertise.clone(),
            limits,
            left: watch::Sender::new(None),
        });
        let places = Places::new(&ground);
        let stream = log.stream();
        let anonymous = Arc::new(Actor {
            sub: "anonymous".into(),
            roles: Vec::new(),
            scopes: Vec::new(),
            claims: Arc::default(),
            checked: false,
        });
        let forwarder = Forwarder::new();
        let shared = Shared { model, log, config, stream, places, forwarder, ground, anonymous };
        Arc::new(CommandApi { shared: Arc::new(shared) })
    }

    /// Lets every owner finish what it has begun. What is asked afterwards is refused, or passed on
    /// where another instance owns it by then.
    pub async fn drain(&self) {
        self.shared.places.drain().await;
    }

    /// Drains, and gives all partitions back, so that others take them over at once.
    pub async fn hand_over(&self) {
        self.drain().await;
        self.shared.places.leave().await;
    }

    /// Whether commands can be taken: `Err` says why not.
    pub fn ready(&self) -> Result<(), String> {
        if let Some(reason) = &*self.shared.ground.left.borrow() {
            return Err(format!("left the group of owners: {reason}"));
        }
        match self.shared.places.not_given_yet() {
            0 => Ok(()),
            waiting => Err(format!("{waiting} partitions have not been given to anybody yet")),
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
        let given = named.id.map(|id| parse_id(aggregate, &raw_id(id)?)).transpose()?;
        let (id, fresh) = shared.id_of(&named, given, terms.key.as_deref());
        let at = shared.number(named.aggregate, &id);
        let forwarded = request.headers().contains_key(&FORWARDED);
        let dry_run = terms.dry_run;
        let mut single = Single { request, named, id: id.clone(), fresh, body, terms };
        let of = Of { aggregate, command, id: &id, dry_run };
        match shared.settle(&mut single, at, forwarded).await? {
            Answered::Here(Ok(Success::Done(done))) => {
                let minimum = single.terms.minimum.take();
                let mut position = minimum.unwrap_or_else(|| Position::start(shared.stream));
                shared.cover(&mut position, at, done.offset);
                Ok(answer::done(of, &done, &position.to_text()))
            }
            Answered::Here(Ok(Success::Dry { version, events })) => {
                Ok(answer::dry(of, version, &events))
            }
            Answered::Here(Err(Refusal::Moved)) if forwarded => Ok(not_owner()),
            Answered::Here(Err(refusal)) => Err(answer::problem(of, refusal)),
            Answered::There(reply) => Ok(reply.respond()),
        }
    }
}

/// A call of its own.
struct Single<'a> {
    request: &'a HttpRequest,
    named: Named<'a>,
    id: Arc<str>,
    fresh: bool,
    body: Bytes,
    terms: Terms,
}

impl Job for Single<'_> {
    fn ask(&mut self, shared: &Shared) -> Result<(Ask, Asked), Problem> {
        let Named { aggregate, command, .. } = self.named;
        let shape = &shared.model.aggregates[aggregate].commands[command].input_shape;
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        let input = shape.parse_json(body).map_err(bad_json)?;
        let Terms { key, expected, traceparent, dry_run, .. } = &self.terms;
        let (key, traceparent) = (key.clone(), traceparent.clone());
        let (expected, dry_run) = (*expected, *dry_run);
        let call = Call { aggregate, command, input, key, expected, traceparent, dry_run };
        Ok(shared.prepare(call, self.id.clone(), self.fresh))
    }

    fn passed(&self, shared: &Shared) -> Passed {
        let aggregate = &shared.model.aggregates[self.named.aggregate];
        let uri = self.request.uri();
        let path = match self.named.id {
            Some(_) => uri.to_string(),
            // The owner must not make another id.
            None => {
                let name = &aggregate.commands[self.named.command].name;
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                format!("/{}/{}/{name}{query}", aggregate.plural, self.id)
            }
        };
        let headers = passed_headers(self.request.headers());
        Passed { path, headers, body: self.body.clone() }
    }
}

impl Shared {
    /// The id that a call is about, and whether it was just made at random. Such an id is chosen so
    /// that this instance owns its partition, where it owns any.
    pub fn id_of(
        &self,
        named: &Named<'_>,
        given: Option<Arc<str>>,
        key: Option<&str>,
    ) -> (Arc<str>, bool) {
        let aggregate = &self.model.aggregates[named.aggregate];
        if let Some(id) = given {
            return (id, false);
        }
        if let Some(key) = key {
            let command = &aggregate.commands[named.command];
            return (made_id(aggregate, command, &self.anonymous, key), false);
        }
        let make = || fresh_id((self.config.clock)(), self.config.random);
        let mut id = make();
        for _ in 0..MOST_MADE {
            if self.places.is_here(self.number(named.aggregate, &id)) {
                break;
            }
            id = make();
        }
        (id, true)
    }

    /// Makes the question.
    pub fn prepare(&self, call: Call, id: Arc<str>, fresh: bool) -> (Ask, Asked) {
        let Call { aggregate, command, input, key, expected, traceparent, dry_run } = call;
        let declared = &self.model.aggregates[aggregate].commands[command];
        let actor = self.anonymous.clone();
        let key = key.map(|key| KeyedCommand {
            key,
            caller: actor.sub.clone(),
            hash: hash(declared, &input),
        });
        let (reply, verdict) = oneshot::channel();
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
        (ask, asked)
    }

    /// Extends a position by what a partition's answer covers.
    pub fn cover(&self, position: &mut Position, at: usize, offset: i64) {
        if offset >= 0 {
            position.cover(&self.key_of(at), offset);
        }
    }

    /// A partition as positions name it.
    pub fn key_of(&self, at: usize) -> PartitionKey {
        let partition = self.places.partition(at);
        (partition.topic.clone(), partition.number)
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

/// Made from the key, so that a retry meets the same aggregate.
fn made_id(aggregate: &Aggregate, command: &Command, actor: &Actor, key: &str) -> Arc<str> {
    let name = [&*aggregate.plural, &*command.name, &*actor.sub, key].join("\n");
    let id = Uuid::new_v5(&MADE_IDS, name.as_bytes());
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
        [one] if below.is_empty() && one.pointer.is_empty() => one.message.clone(),
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

/// The answer to a call that was passed on to the wrong instance: whoever passed it on may look
/// again.
fn not_owner() -> HttpResponse {
    let mut answer = answer::moved().respond();
    answer.headers_mut().insert(FORWARDED.clone(), HeaderValue::from_static("refused"));
    answer
}

pub(crate) fn closed() -> Problem {
    Problem::unavailable("this service is shutting down; nothing was written", 1)
}

fn system_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |passed| passed.as_millis() as i64)
}
