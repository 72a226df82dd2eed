//! All rows of a view as NDJSON: read page by page as the socket takes them, so memory stays flat.

use std::sync::Arc;

use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures::{StreamExt, stream};
use model::decide::Actor;
use read_store::{PageRequest, Reader, RunId};
use service::{Media, Problem};

use crate::page::{Asked, Pages, Source};
use crate::route::Target;
use crate::serving::Serving;
use crate::{QueryApi, answer, consistency::Freshness};

/// A page aims at this many bytes, however large its rows are.
const PAGE_BYTES: usize = 128 << 10;
const FIRST_PAGE: usize = 100;
const LARGEST_PAGE: usize = 1_000;

/// A stream that is under way.
struct Under {
    reader: Arc<dyn Reader>,
    serving: Arc<Serving>,
    pages: Arc<Pages>,
    question: PageRequest,
    actor: Actor,
    /// Rows that may still be sent.
    left: usize,
    more: bool,
    /// Rows to ask for next.
    page: usize,
}

impl QueryApi {
    /// Streams a view, or refuses before the first byte.
    pub(crate) async fn stream(
        &self,
        request: &HttpRequest,
        freshness: &Freshness,
        target: Target<'_>,
    ) -> Result<HttpResponse, Problem> {
        let Target::View(pages) = target else {
            return Err(Problem::new(406, "not-acceptable", "only views are streamed"));
        };
        let Asked { request: question, limit } = pages.question(request)?;
        let serving = self.runs.current().await?;
        let run = serving.of_view(&pages.view)?;
        let under = freshness.reach(&self.reader, &serving, run, &pages.look).await?;
        let parked = self.parked(run, &pages.view).await?;
        let mut flow = Under {
            reader: Arc::clone(&self.reader),
            serving: Arc::clone(&serving),
            pages: Arc::clone(pages),
            question,
            actor: self.actor.clone(),
            left: limit.unwrap_or(usize::MAX),
            more: true,
            page: FIRST_PAGE,
        };
        // What fails before the first row is a problem like any other, not a broken body.
        let first = flow.piece().await?;
        let rest = stream::try_unfold(flow, Under::next);
        let rows = stream::iter(first.map(Ok::<Bytes, std::io::Error>)).chain(rest);
        let mut answer = HttpResponse::Ok().streaming(rows);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(Media::Ndjson.name()));
        answer::mark_stream(headers, under.header(), parked);
        Ok(answer)
    }
}

impl Under {
    /// The next piece; an error leaves the body without its last chunk, so that the caller sees
    /// that it is broken.
    async fn next(mut self) -> Result<Option<(Bytes, Under)>, std::io::Error> {
        let piece = self.piece().await.map_err(|problem| std::io::Error::other(problem.detail))?;
        Ok(piece.map(|piece| (piece, self)))
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Problem> {
        let mut rows = Vec::new();
        while self.more && self.left > 0 && rows.is_empty() {
            self.question.limit = self.left.min(self.page);
            self.more = self.read(&mut rows).await?;
        }
        if rows.is_empty() {
            return Ok(None);
        }
        rows.truncate(self.left);
        self.left -= rows.len();
        let mut piece: Vec<u8> = Vec::with_capacity(rows.len() * 128);
        for row in &rows {
            self.pages.write_row(row, self.question.columns.as_deref(), &mut piece);
            piece.push(b'\n');
        }
        let row_bytes = (piece.len() / rows.len()).max(1);
        self.page = (PAGE_BYTES / row_bytes).clamp(1, LARGEST_PAGE);
        Ok(Some(Bytes::from(piece)))
    }

    async fn read(&mut self, rows: &mut Vec<Vec<model::Value>>) -> Result<bool, Problem> {
        let run: &RunId = self.serving.of_view(&self.pages.view)?;
        let source = Source { reader: &self.reader, run, actor: &self.actor };
        self.pages.next(&source, &mut self.question, rows).await
    }
}
