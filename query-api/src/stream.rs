//! All rows of a view as NDJSON: read page by page as the socket takes them, so memory stays flat.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::stream;
use model::decide::Actor;
use model::{Aggregate, View};
use read_store::{PageRequest, Reader, RunId};
use service::{Media, Problem};

use crate::page::{Pages, Source};
use crate::parameters::Parameters;
use crate::route::Target;
use crate::serving::Serving;
use crate::{QueryApi, actor, answer, consistency::Freshness};

/// Rows that are read at a time.
const ROWS_AT_A_TIME: usize = 500;

/// A stream that is under way.
struct Under {
    reader: Arc<dyn Reader>,
    serving: Arc<Serving>,
    aggregate: Arc<Aggregate>,
    view: Arc<View>,
    question: PageRequest,
    only: Option<Vec<usize>>,
    actor: Actor,
    /// Rows that may still be sent.
    left: usize,
    more: bool,
}

impl QueryApi {
    /// Streams a view, or refuses before the first byte.
    pub(crate) async fn stream(
        &self,
        request: &HttpRequest,
        target: Target<'_>,
    ) -> Result<HttpResponse, Problem> {
        let Target::View(aggregate, view) = target else {
            return Err(Problem::new(406, "not-acceptable", "only views are streamed"));
        };
        let question = Pages::new(aggregate, view).question(request)?;
        let limit = Parameters::parse(request.query_string())?.limit()?;
        let freshness = Freshness::asked(request)?;
        let serving = self.runs.current().await?;
        let run = serving.of_view(view)?;
        let under = freshness.reach(&self.reader, &serving, run).await?;
        let parked = self.parked(run, view).await?;
        let only = question.columns.clone();
        let rows = stream::try_unfold(
            Under {
                reader: Arc::clone(&self.reader),
                serving: Arc::clone(&serving),
                aggregate: Arc::clone(aggregate),
                view: Arc::clone(view),
                question,
                only,
                actor: actor(),
                left: limit.unwrap_or(usize::MAX),
                more: true,
            },
            Under::next,
        );
        let mut answer = HttpResponse::Ok().streaming(rows);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(Media::Ndjson.name()));
        answer::mark_stream(headers, &under.position, parked);
        Ok(answer)
    }
}

impl Under {
    /// The next piece; an error leaves the body without its last chunk, so that the caller sees
    /// that it is broken.
    async fn next(mut self) -> Result<Option<(Bytes, Under)>, std::io::Error> {
        let mut rows = Vec::new();
        while self.more && self.left > 0 && rows.is_empty() {
            self.question.limit = self.left.min(ROWS_AT_A_TIME);
            self.more = self.read(&mut rows).await.map_err(|p| std::io::Error::other(p.detail))?;
        }
        if rows.is_empty() {
            return Ok(None);
        }
        rows.truncate(self.left);
        self.left -= rows.len();
        let mut piece = Vec::with_capacity(rows.len() * 128);
        let pages = Pages::new(&self.aggregate, &self.view);
        for row in &rows {
            pages.write_row(row, self.only.as_deref(), &mut piece);
            piece.push(b'\n');
        }
        Ok(Some((Bytes::from(piece), self)))
    }

    async fn read(&mut self, rows: &mut Vec<Vec<model::Value>>) -> Result<bool, Problem> {
        let run: &RunId = self.serving.of_view(&self.view)?;
        let source = Source { reader: &self.reader, run, actor: &self.actor };
        let pages = Pages::new(&self.aggregate, &self.view);
        pages.next(&source, &mut self.question, rows).await
    }
}
