//! The cache of answers: bounded by bytes, one read at a time per key, kept for a short set time.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{ACCEPT, AUTHORIZATION};
use actix_web::{HttpRequest, HttpResponse};
use quick_cache::Weighter;
use quick_cache::sync::{EntryAction, EntryResult};
use read_store::Position;
use service::{Media, Problem};

use crate::QueryConfig;
use crate::answer::Answer;
use crate::consistency::MINIMUM;
use crate::route;

/// Answers by path and query, as sent.
pub struct Cache {
    answers: quick_cache::sync::Cache<String, Arc<Kept>, ByBytes>,
    max_age: Duration,
}

/// An answer and how long it is served.
pub struct Kept {
    /// The answer.
    pub answer: Answer,
    until: Instant,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<String, Arc<Kept>> for ByBytes {
    fn weight(&self, key: &String, kept: &Arc<Kept>) -> u64 {
        (key.len() + kept.answer.size()) as u64
    }
}

impl Cache {
    /// An empty cache.
    pub fn new(config: QueryConfig) -> Cache {
        // About how many answers fit: it only sizes the cache's own tables.
        let items = (config.cache_bytes / 1024).clamp(16, 1 << 20) as usize;
        let answers = quick_cache::sync::Cache::with_weighter(items, config.cache_bytes, ByBytes);
        Cache { answers, max_age: config.cache_max_age }
    }

    /// A kept answer, if there is one that this caller may have.
    pub fn at_once(&self, request: &HttpRequest) -> Option<HttpResponse> {
        if self.max_age.is_zero() {
            return None;
        }
        let kept = self.answers.get(key(request))?;
        if kept.until <= Instant::now() || !takes_kept(request) {
            return None;
        }
        let headers = request.headers();
        let Some(sent) = headers.get(&MINIMUM) else {
            return Some(kept.answer.respond(headers, None));
        };
        let minimum = Position::parse(sent.to_str().ok()?).ok()?;
        let usable = kept.answer.is_as_new_as(&minimum);
        usable.then(|| kept.answer.respond(headers, Some(&minimum)))
    }

    /// Reads an answer and keeps it; callers that ask the same meanwhile wait for that one read,
    /// but for those with a minimum: they may have to wait longer than the others want to.
    pub async fn get_or_read<F>(
        &self,
        request: &HttpRequest,
        has_minimum: bool,
        read: impl FnOnce() -> F,
    ) -> Result<Arc<Kept>, Problem>
    where
        F: Future<Output = Result<Answer, Problem>>,
    {
        if self.max_age.is_zero() || !takes_kept(request) {
            return Ok(self.keep(read().await?));
        }
        let key = key(request);
        if has_minimum {
            let kept = self.keep(read().await?);
            self.answers.insert(key.to_owned(), Arc::clone(&kept));
            return Ok(kept);
        }
        let now = Instant::now();
        let look = |_: &String, kept: &mut Arc<Kept>| match kept.until > now {
            true => EntryAction::Retain(Arc::clone(kept)),
            false => EntryAction::ReplaceWithGuard,
        };
        match self.answers.entry_async(key, look).await {
            EntryResult::Retained(kept) => Ok(kept),
            EntryResult::Vacant(guard) | EntryResult::Replaced(guard, _) => {
                // A failed read drops the guard, and the next caller reads for itself.
                let kept = self.keep(read().await?);
                let _ = guard.insert(Arc::clone(&kept));
                Ok(kept)
            }
            EntryResult::Removed(..) | EntryResult::Timeout => Ok(self.keep(read().await?)),
        }
    }

    fn keep(&self, answer: Answer) -> Arc<Kept> {
        Arc::new(Kept { answer, until: Instant::now() + self.max_age })
    }
}

/// The key: with authentication off all callers see the same.
fn key(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |path| path.as_str())
}

/// Whether the request asks for JSON and for nobody's own view of it.
fn takes_kept(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let json = match headers.get(ACCEPT).map(|accept| accept.as_bytes()) {
        None | Some(b"*/*" | b"application/json") => true,
        Some(_) => {
            let media = service::accept::negotiate(headers, route::offers(request.path()));
            matches!(media, Ok(Media::Json))
        }
    };
    json && !headers.contains_key(AUTHORIZATION)
}
