//! Pages of views and rollups.

use std::sync::Arc;

use actix_web::HttpRequest;
use model::decide::Actor;
use model::{Aggregate, MeasureKind, Shape, Value, View, ViewKind};
use read_store::{PageRequest, Reader, RunId};
use service::Problem;

use crate::answer::{Answer, write_text};
use crate::asking::Asking;
use crate::consistency::{Freshness, Look};
use crate::cursor::{self, Question};
use crate::parameters::{DEFAULT_LIMIT, Parameters};
use crate::{QueryApi, problems};

/// A view, as a question is put to it and its rows are written.
pub struct Pages {
    /// The aggregate that it is made from.
    pub aggregate: Arc<Aggregate>,
    /// The view.
    pub view: Arc<View>,
    /// How far its run was when last looked at.
    pub look: Look,
    shown: Vec<Shown>,
}

/// One member of the objects that answers show.
pub struct Shown {
    /// Its name.
    pub name: Arc<str>,
    /// Where a row holds it.
    pub index: usize,
    shape: Shape,
    /// Whether `fields` can't leave it out.
    always: bool,
}

/// A question, and the limit if the caller gave one.
pub struct Asked {
    /// The question, its cursor included.
    pub request: PageRequest,
    /// `limit`.
    pub limit: Option<usize>,
}

/// Where rows come from and who asks.
pub struct Source<'a> {
    /// The store.
    pub reader: &'a Arc<dyn Reader>,
    /// The run that serves the view.
    pub run: &'a RunId,
    /// The caller.
    pub actor: &'a Actor,
}

impl QueryApi {
    /// `GET /views/{view}`.
    pub(crate) async fn page(
        &self,
        request: &HttpRequest,
        freshness: &Freshness,
        pages: &Pages,
    ) -> Result<Answer, Problem> {
        let Asked { request: mut question, limit } = pages.question(request)?;
        let serving = self.runs.current().await?;
        let run = serving.of_view(&pages.view)?;
        let under = freshness.reach(&self.reader, &serving, run, &pages.look).await?;
        let source = Source { reader: &self.reader, run, actor: &self.actor };
        let (limit, mut rows) = (limit.unwrap_or(DEFAULT_LIMIT), Vec::new());
        let more = loop {
            let more = pages.next(&source, &mut question, &mut rows).await?;
            if !more || rows.len() >= limit {
                break more || rows.len() > limit;
            }
        };
        rows.truncate(limit);
        let next = rows.last().filter(|_| more);
        let next = next.map(|row| {
            let view = &pages.view;
            cursor::write(&pages.identity(&question), view.columns(), view.clustering(), row)
        });
        let body = pages.write(&rows, question.columns.as_deref(), next.as_deref());
        let parked = self.parked(run, &pages.view).await?;
        Ok(Answer::new(body, under.reached).parked(parked))
    }

    /// How many ids of a view's run are set aside, for this view or as a whole.
    pub(crate) async fn parked(&self, run: &RunId, view: &View) -> Result<usize, Problem> {
        let parked = self.reader.parked(run).await.map_err(|error| problems::store(&error))?;
        let concerned = parked.iter().filter(|p| {
            p.aggregate == view.aggregate && p.view.as_ref().is_none_or(|name| *name == view.name)
        });
        let mut ids: Vec<_> = concerned.map(|p| &p.id).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(ids.len())
    }
}

impl Pages {
    /// The pages of this view.
    pub fn new(aggregate: Arc<Aggregate>, view: Arc<View>) -> Pages {
        Pages { shown: shown(&view), look: Look::default(), aggregate, view }
    }

    /// The question that a request asks, its cursor included.
    pub fn question(&self, request: &HttpRequest) -> Result<Asked, Problem> {
        let parameters = Parameters::parse(request.query_string())?;
        let (aggregate, view) = (&self.aggregate, &self.view);
        let asking = Asking { aggregate, view, shown: &self.shown, parameters: &parameters };
        let mut request = asking.request()?;
        if let Some(text) = parameters.get("cursor") {
            let identity = self.identity(&request);
            let after = cursor::read(&identity, self.view.columns(), self.view.clustering(), text);
            request.after = Some(after?);
        }
        Ok(Asked { request, limit: parameters.limit()? })
    }

    fn identity(&self, question: &PageRequest) -> Question<'_> {
        Question {
            view: &self.view.hash,
            fold: &self.aggregate.fold_hash,
            asked: cursor::asked(question),
        }
    }

    /// Reads on after the last row, appends what the caller may see, and says whether more
    /// follows.
    pub async fn next(
        &self,
        source: &Source<'_>,
        question: &mut PageRequest,
        rows: &mut Vec<Vec<Value>>,
    ) -> Result<bool, Problem> {
        let tested = source.actor.checked && self.view.allow.is_some();
        let page = if tested {
            // A rule may read any column, so all are needed.
            let all = PageRequest { columns: None, ..question.clone() };
            source.reader.page(source.run, &self.view, &all).await
        } else {
            source.reader.page(source.run, &self.view, question).await
        };
        let page = page.map_err(|error| problems::store(&error))?;
        if let Some(last) = page.rows.last().filter(|_| page.more) {
            let clustering = self.view.clustering().iter();
            question.after = Some(clustering.map(|(index, _)| last[*index].clone()).collect());
        }
        if !tested {
            rows.extend(page.rows);
            return Ok(page.more);
        }
        rows.extend(page.rows.into_iter().filter(|row| {
            self.aggregate.may_see(&self.view, &self.view.row_value(row), source.actor)
        }));
        Ok(page.more)
    }

    fn write(&self, rows: &[Vec<Value>], only: Option<&[usize]>, next: Option<&str>) -> Vec<u8> {
        let mut body = Vec::with_capacity(64 + rows.len() * 128);
        body.extend_from_slice(b"{\"items\":[");
        for (number, row) in rows.iter().enumerate() {
            if number > 0 {
                body.push(b',');
            }
            self.write_row(row, only, &mut body);
        }
        body.extend_from_slice(b"],\"next\":");
        match next {
            Some(next) => write_text(next, &mut body),
            None => body.extend_from_slice(b"null"),
        }
        body.push(b'}');
        body
    }

    /// Appends one row as an object; `id` is always shown.
    pub fn write_row(&self, row: &[Value], only: Option<&[usize]>, out: &mut Vec<u8>) {
        let mut before = b'{';
        for Shown { name, index, shape, always } in &self.shown {
            if *always || only.is_none_or(|only| only.contains(index)) {
                out.push(before);
                // Names of columns are plain letters, digits, `_`: nothing to escape.
                out.push(b'"');
                out.extend_from_slice(name.as_bytes());
                out.extend_from_slice(b"\":");
                shape.write_json(&row[*index], out);
                before = b',';
            }
        }
        if before == b'{' {
            out.push(b'{');
        }
        out.push(b'}');
    }
}

/// What answers show: of rows `id` first and then the declared fields, of a rollup the group and
/// the measures.
fn shown(view: &View) -> Vec<Shown> {
    let show = |(index, (name, shape)): (usize, (&Arc<str>, Shape)), always| {
        let name = Arc::clone(name);
        Shown { name, index, shape, always }
    };
    match &view.kind {
        ViewKind::Rows(rows) => {
            let columns = rows.columns.iter().enumerate().filter(|(_, column)| column.shown);
            let mut shown: Vec<_> = columns
                .map(|(index, c)| show((index, (&c.name, c.shape.clone())), &*c.name == "id"))
                .collect();
            shown.sort_by_key(|shown| !shown.always);
            shown
        }
        ViewKind::Rollup(rollup) => {
            let group = rollup.group.iter().map(|c| (&c.name, c.shape.clone()));
            let measures = rollup.measures.iter().map(|m| (&m.name, measure_shape(m.kind)));
            group.chain(measures).enumerate().map(|member| show(member, false)).collect()
        }
    }
}

fn measure_shape(kind: MeasureKind) -> Shape {
    match kind {
        MeasureKind::Count | MeasureKind::Int => Shape::Long,
        MeasureKind::Decimal(places) => Shape::Decimal { precision: 28, scale: places },
        MeasureKind::Double => Shape::Double,
    }
}
