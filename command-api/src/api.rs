//! The API itself: parses a call, asks the owner, answers.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use event_log::{Alone, Log, Membership};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use model::Model;
use model::decide::Actor;
use read_store::{Position, Reader};
use service::front::Media;
use service::{Api, Problem, Route, body};
use tokio::sync::watch;

use crate::answer::{self, Of};
use crate::ask::{Ask, Refusal, Success};
use crate::config::Config;
use crate::forward::{FORWARDED, Forwarder, Passed, passed_headers};
use crate::input::{bad_json, parse_id, raw_id};
use crate::lines;
use crate::owner::{Ground, Limits};
use crate::place::Places;
use crate::request::Terms;
use crate::route::{self, Named, Target};
use crate::settle::{Answered, Job};
use crate::shared::{Asked, Call, Shared};

/// HTTP in, events out. Shared by all workers.
pub struct CommandApi {
    pub(crate) shared: Arc<Shared>,
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
