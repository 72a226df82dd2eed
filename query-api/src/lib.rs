//! Rows in, HTTP out: states, histories, views and rollups, read from the store alone. This room
//! knows nothing of the log, so it cannot write.

mod answer;
mod asking;
mod cache;
mod consistency;
pub mod cursor;
mod declaration;
#[cfg(feature = "cql")]
mod elsewhere;
mod history;
mod page;
mod parameters;
mod plan;
mod problems;
#[cfg(feature = "cql")]
pub mod program;
mod route;
mod serving;
mod states;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};
use futures::future::LocalBoxFuture;
use model::Model;
use model::decide::Actor;
use read_store::Reader;
use service::{Api, Media, Problem, Route};

use answer::Answer;
use cache::Cache;
use consistency::Freshness;
use plan::Plans;
use route::Target;
use serving::Runs;

/// How the query API behaves; all of it can be set from outside.
#[derive(Clone, Copy, Debug)]
pub struct QueryConfig {
    /// Most bytes that cached answers take.
    pub cache_bytes: u64,
    /// How long an answer is served from the cache; zero turns it off.
    pub cache_max_age: Duration,
    /// Whether each aggregate type has a topic of its own name, as on Kafka; else one topic feeds
    /// everything.
    pub topic_per_aggregate: bool,
}

impl Default for QueryConfig {
    fn default() -> QueryConfig {
        QueryConfig {
            cache_bytes: 64 * 1024 * 1024,
            cache_max_age: Duration::from_millis(50),
            topic_per_aggregate: false,
        }
    }
}

/// The query API of a model on a store. Shared by all workers.
pub struct QueryApi {
    model: Arc<Model>,
    plans: Plans,
    reader: Arc<dyn Reader>,
    runs: Runs,
    cache: Cache,
    actor: Actor,
}

impl QueryApi {
    /// Serves this model's reads from this store.
    pub fn new(model: Arc<Model>, reader: Arc<dyn Reader>, config: QueryConfig) -> Arc<QueryApi> {
        let per_aggregate = config.topic_per_aggregate;
        let runs = Runs::new(Arc::clone(&model), Arc::clone(&reader), per_aggregate);
        let plans = Plans::new(Arc::clone(&model));
        Arc::new(QueryApi { model, plans, reader, runs, cache: Cache::new(config), actor: actor() })
    }

    /// Whether reads can be served: `Err` says why not.
    pub async fn ready(&self) -> Result<(), String> {
        let serving = self.runs.current().await.map_err(|problem| problem.detail)?;
        let missing = serving.missing(&self.model);
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("the tables of {} are being filled", missing.join(", "))),
        }
    }

    async fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let target = Target::parse(&self.plans, request.path())?;
        let headers = request.headers();
        let media = service::accept::negotiate(headers, route::offers(request.path()))?;
        let freshness = Freshness::asked(headers)?;
        if media == Media::Ndjson {
            return self.stream(request, &freshness, target).await;
        }
        let minimum = freshness.minimum.as_ref();
        let read = || self.read(request, &freshness, target);
        let kept = self.cache.get_or_read(request, minimum.is_some(), read).await?;
        Ok(kept.answer.respond(headers, minimum))
    }

    async fn read(
        &self,
        request: &HttpRequest,
        freshness: &Freshness,
        target: Target<'_>,
    ) -> Result<Answer, Problem> {
        match target {
            Target::States(of) => self.states(request, freshness, of).await,
            Target::State(of, id) => self.state(request, freshness, (of, &id)).await,
            Target::History(of, id) => self.history(request, freshness, (of, &id)).await,
            Target::View(pages) => self.page(request, freshness, pages).await,
        }
    }
}

/// Who calls. Authentication is off, so everybody is anonymous and nothing is tested.
fn actor() -> Actor {
    Actor {
        sub: "anonymous".into(),
        roles: Vec::new(),
        scopes: Vec::new(),
        claims: Arc::new(serde_json::Value::Null),
        checked: false,
    }
}

impl Api for QueryApi {
    fn route(&self, path: &str) -> Route {
        route::route(&self.plans, path)
    }

    fn offers(&self, path: &str) -> &'static [Media] {
        route::offers(path)
    }

    fn at_once(&self, request: &HttpRequest) -> Option<HttpResponse> {
        self.cache.at_once(request)
    }

    fn call<'a>(
        &'a self,
        request: HttpRequest,
        _payload: Payload,
    ) -> LocalBoxFuture<'a, HttpResponse> {
        Box::pin(
            async move { self.answer(&request).await.unwrap_or_else(|problem| problem.respond()) },
        )
    }
}
