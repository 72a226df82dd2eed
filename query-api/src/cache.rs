//! The cache of answers: bounded by bytes, one read at a time per key, kept for a short set time.

use std::future::Future;
use std::time::{Duration, Instant};

use actix_web::http::header::{ACCEPT, AUTHORIZATION};
use actix_web::{HttpRequest, HttpResponse};
use quick_cache::Weighter;
use read_store::Position;
use service::Problem;

use crate::QueryConfig;
use crate::answer::Answer;
use crate::consistency::MINIMUM;

/// Answers by path and query, as sent.
pub struct Cache {
    answers: quick_cache::sync::Cache<String, Kept, ByBytes>,
    max_age: Duration,
}

#[derive(Clone)]
struct Kept {
    answer: Answer,
    until: Instant,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<String, Kept> for ByBytes {
    fn weight(&self, key: &String, kept: &Kept) -> u64 {
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
        if self.max_age.is_zero() || !is_plain(request) {
            return None;
        }
        let kept = self.answers.get(key(request))?;
        let usable = kept.until > Instant::now() && is_new_enough(request, &kept.answer);
        usable.then(|| kept.answer.respond(request.headers()))
    }

    /// Reads an answer and keeps it; callers that ask the same meanwhile wait for that one read.
    pub async fn get_or_read<F>(
        &self,
        request: &HttpRequest,
        read: impl FnOnce() -> F,
    ) -> Result<Answer, Problem>
    where
        F: Future<Output = Result<Answer, Problem>>,
    {
        if self.max_age.is_zero() || !is_plain(request) {
            return read().await;
        }
        let key = key(request);
        if request.headers().contains_key(MINIMUM) {
            let answer = read().await?;
            self.answers.insert(key.to_owned(), self.keep(&answer));
            return Ok(answer);
        }
        if self.answers.get(key).is_some_and(|kept| kept.until <= Instant::now()) {
            self.answers.remove(key);
        }
        match self.answers.get_value_or_guard_async(key).await {
            Ok(kept) => Ok(kept.answer),
            Err(guard) => {
                // A failed read drops the guard, and the next caller reads for itself.
                let answer = read().await?;
                let _ = guard.insert(self.keep(&answer));
                Ok(answer)
            }
        }
    }

    fn keep(&self, answer: &Answer) -> Kept {
        Kept { answer: answer.clone(), until: Instant::now() + self.max_age }
    }
}

/// The key: with authentication off all callers see the same.
fn key(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |path| path.as_str())
}

/// Whether the request asks for JSON and for nobody's own view of it.
fn is_plain(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let json = match headers.get(ACCEPT) {
        None => true,
        Some(accept) => matches!(accept.as_bytes(), b"*/*" | b"application/json"),
    };
    json && !headers.contains_key(AUTHORIZATION)
}

/// Never serves a minimum above what the answer was read under.
fn is_new_enough(request: &HttpRequest, answer: &Answer) -> bool {
    let Some(minimum) = request.headers().get(MINIMUM) else { return true };
    let parsed = minimum.to_str().ok().and_then(|text| Position::parse(text).ok());
    answer.settled
        && parsed.is_some_and(|minimum| {
            minimum.stream == answer.position.stream
                && minimum
                    .offsets
                    .iter()
                    .all(|(p, offset)| answer.position.offsets.get(p).is_some_and(|o| o >= offset))
        })
}
