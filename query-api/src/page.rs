//! Pages of views and rollups.

use std::sync::Arc;

use actix_web::HttpRequest;
use model::decide::Actor;
use model::{Aggregate, Column, Direction, MeasureKind, Shape, Value, View, ViewKind};
use read_store::{PageRequest, Reader, RunId};
use service::Problem;

use crate::answer::{Answer, write_text};
use crate::consistency::Freshness;
use crate::cursor::{self, Question};
use crate::parameters::{Asking, Parameters};
use crate::{QueryApi, actor, problems};

/// A view, as a question is put to it and its rows are written.
pub struct Pages<'a> {
    aggregate: &'a Aggregate,
    view: &'a Arc<View>,
    columns: &'a [Column],
    key: &'a [usize],
    clustering: &'a [(usize, Direction)],
    /// Name, index in a row and shape of what answers show, in their order.
    shown: Vec<(&'a str, usize, Shape)>,
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
        aggregate: &Arc<Aggregate>,
        view: &Arc<View>,
    ) -> Result<Answer, Problem> {
        let pages = Pages::new(aggregate, view);
        let mut question = pages.question(request)?;
        let freshness = Freshness::asked(request)?;
        let serving = self.runs.current().await?;
        let run = serving.of_view(view)?;
        let under = freshness.reach(&self.reader, &serving, run).await?;
        let actor = actor();
        let source = Source { reader: &self.reader, run, actor: &actor };
        let only = question.columns.clone();
        let (limit, mut rows) = (question.limit, Vec::new());
        let more = loop {
            let more = pages.next(&source, &mut question, &mut rows).await?;
            if !more || rows.len() >= limit {
                break more || rows.len() > limit;
            }
        };
        rows.truncate(limit);
        let next = rows.last().filter(|_| more);
        let next = next.map(|row| {
            cursor::write(&pages.identity(&question), pages.columns, pages.clustering, row)
        });
        let body = pages.write(&rows, only.as_deref(), next.as_deref());
        let parked = self.parked(run, view).await?;
        Ok(Answer::new(body, under.position).parked(parked))
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

impl<'a> Pages<'a> {
    /// The pages of this view.
    pub fn new(aggregate: &'a Aggregate, view: &'a Arc<View>) -> Pages<'a> {
        let (columns, key, clustering): (&[Column], &[usize], &[_]) = match &view.kind {
            ViewKind::Rows(rows) => (&rows.columns, &rows.key, &rows.clustering),
            ViewKind::Rollup(rollup) => (&rollup.group, &rollup.key, &rollup.clustering),
        };
        Pages { aggregate, view, columns, key, clustering, shown: shown(view) }
    }

    /// The question that a request asks, its cursor included.
    pub fn question(&self, request: &HttpRequest) -> Result<PageRequest, Problem> {
        let parameters = Parameters::parse(request.query_string())?;
        let asking = Asking {
            view: self.view,
            columns: self.columns,
            key: self.key,
            clustering: self.clustering,
            shown: self.shown.iter().map(|(name, index, _)| (*name, *index)).collect(),
            names: parameters.columns(),
        };
        let mut question = asking.request(&parameters)?;
        if let Some(text) = parameters.get("cursor") {
            let identity = self.identity(&question);
            question.after = Some(cursor::read(&identity, self.columns, self.clustering, text)?);
        }
        Ok(question)
    }

    fn identity(&self, question: &PageRequest) -> Question<'a> {
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
        let asked = match tested {
            // A rule may read any column, so all are needed.
            true => PageRequest { columns: None, ..question.clone() },
            false => question.clone(),
        };
        let page = source.reader.page(source.run, self.view, &asked).await;
        let page = page.map_err(|error| problems::store(&error))?;
        if let Some(last) = page.rows.last() {
            let values = self.clustering.iter().map(|(index, _)| last[*index].clone());
            question.after = Some(values.collect());
        }
        rows.extend(page.rows.into_iter().filter(|row| {
            !tested || self.aggregate.may_see(self.view, &self.view.row_value(row), source.actor)
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
        for (name, index, shape) in &self.shown {
            if *name == "id" || only.is_none_or(|only| only.contains(index)) {
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
fn shown(view: &View) -> Vec<(&str, usize, Shape)> {
    match &view.kind {
        ViewKind::Rows(rows) => {
            let columns = rows.columns.iter().enumerate().filter(|(_, column)| column.shown);
            let mut shown: Vec<_> =
                columns.map(|(index, c)| (&*c.name, index, c.shape.clone())).collect();
            shown.sort_by_key(|(name, ..)| *name != "id");
            shown
        }
        ViewKind::Rollup(rollup) => {
            let group = rollup.group.iter().map(|c| (&*c.name, c.shape.clone()));
            let measures = rollup.measures.iter().map(|m| (&*m.name, measure_shape(m.kind)));
            let all = group.chain(measures).enumerate();
            all.map(|(index, (name, shape))| (name, index, shape)).collect()
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
