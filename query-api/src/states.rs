//! States: one by id, several by id, one as it stood at a version.

use std::io::Write;
use std::sync::Arc;

use actix_web::HttpRequest;
use model::schema::Projection;
use model::{Aggregate, Value};
use read_store::RunId;
use read_store::batch::StateRow;
use service::Problem;

use crate::answer::{Answer, write_text};
use crate::consistency::{Freshness, Under};
use crate::parameters::Parameters;
use crate::plan::Collection;
use crate::{QueryApi, history, problems};

/// Most ids of one call.
const MOST_IDS: usize = 100;

impl QueryApi {
    /// `GET /{plural}/{id}`.
    pub(crate) async fn state(
        &self,
        request: &HttpRequest,
        freshness: &Freshness,
        (collection, id): (&Collection, &Arc<str>),
    ) -> Result<Answer, Problem> {
        let aggregate = &collection.aggregate;
        let asked = Asked::parse(aggregate, request)?;
        let serving = self.runs.current().await?;
        let run = serving.of_aggregate(aggregate)?;
        let under = freshness.reach(&self.reader, &serving, run, &collection.look).await?;
        let found = self.find(run, &under, (aggregate, id), asked.version).await;
        let (row, version, state) = found.map_err(|problem| under.as_of(problem))?;
        let mut body = Vec::with_capacity(256);
        write_state(aggregate, id, (version, &state), &row, &asked, &mut body);
        let mut answer = Answer::new(body, under.reached).tagged(version);
        answer.settled = row.parked_from.is_none();
        Ok(answer)
    }

    /// The row of an aggregate and its state, now or at a version.
    async fn find(
        &self,
        run: &RunId,
        under: &Under<'_>,
        (aggregate, id): (&Aggregate, &Arc<str>),
        version: Option<u64>,
    ) -> Result<(StateRow, u64, Value), Problem> {
        let row = self.known_row(run, under, (aggregate, id)).await?;
        let (version, state) = match version {
            Some(version) => {
                (version, self.state_at(run, aggregate, id, (row.version, version)).await?)
            }
            None => (row.version, decoded(aggregate, &row)?),
        };
        let state = self.readable(aggregate, id, state)?;
        Ok((row, version, state))
    }

    /// The row of an aggregate that has had events, unless it is set aside before what the caller
    /// asks for.
    pub(crate) async fn known_row(
        &self,
        run: &RunId,
        under: &Under<'_>,
        (aggregate, id): (&Aggregate, &Arc<str>),
    ) -> Result<StateRow, Problem> {
        let row = self.reader.state(run, &aggregate.name, id).await;
        let row = row.map_err(|error| problems::store(&error))?;
        let row = row.ok_or_else(|| problems::not_found(aggregate, id))?;
        self.refuse_parked(run, under, (aggregate, id), &row).await?;
        Ok(row)
    }

    /// Refuses where the caller asks for something at or past the event at which this key was set
    /// aside.
    async fn refuse_parked(
        &self,
        run: &RunId,
        under: &Under<'_>,
        (aggregate, id): (&Aggregate, &Arc<str>),
        row: &StateRow,
    ) -> Result<(), Problem> {
        let Some(from) = row.parked_from.filter(|from| under.asks_past(*from, None)) else {
            return Ok(());
        };
        // Only now it matters which partition the key is in: its first pointer says so.
        let first = self.reader.waiting(run, &aggregate.name, id, 1).await;
        let first = first.map_err(|error| problems::store(&error))?;
        let partition = first.first().map(|pointer| &pointer.partition);
        match under.asks_past(from, partition) {
            true => Err(under.not_yet_visible()),
            false => Ok(()),
        }
    }

    /// `GET /{plural}?id=a&id=b`.
    pub(crate) async fn states(
        &self,
        request: &HttpRequest,
        freshness: &Freshness,
        collection: &Collection,
    ) -> Result<Answer, Problem> {
        let aggregate = &collection.aggregate;
        let parameters = Parameters::parse(request.query_string())?;
        let ids = ids(aggregate, &parameters)?;
        let only = projection(aggregate, parameters.get("fields"))?;
        parameters.refuse_others(&["id", "fields"], "`id` (up to 100 times) and `fields`")?;
        let serving = self.runs.current().await?;
        let run = serving.of_aggregate(aggregate)?;
        let under = freshness.reach(&self.reader, &serving, run, &collection.look).await?;
        let rows = self.reader.states(run, &aggregate.name, &ids).await;
        let rows = rows.map_err(|error| problems::store(&error))?;
        let asked = Asked { only, version: None };
        let mut body = b"{\"items\":[".to_vec();
        let mut settled = true;
        for (id, row) in ids.iter().zip(rows) {
            let Some(row) = row else { continue };
            self.refuse_parked(run, &under, (aggregate, id), &row).await?;
            settled &= row.parked_from.is_none();
            let state = self.readable(aggregate, id, decoded(aggregate, &row)?);
            let Ok(state) = state else { continue };
            if body.last() == Some(&b'}') {
                body.push(b',');
            }
            write_state(aggregate, id, (row.version, &state), &row, &asked, &mut body);
        }
        body.extend_from_slice(b"]}");
        let mut answer = Answer::new(body, under.reached);
        answer.settled = settled;
        Ok(answer)
    }

    /// The state, if it is there and this caller may read it; else the same 404.
    fn readable(
        &self,
        aggregate: &Aggregate,
        id: &Arc<str>,
        state: Option<Value>,
    ) -> Result<Value, Problem> {
        state
            .filter(|state| aggregate.may_read(id, state, &self.actor))
            .ok_or_else(|| problems::not_found(aggregate, id))
    }

    /// Folds the history up to a version.
    async fn state_at(
        &self,
        run: &RunId,
        aggregate: &Aggregate,
        id: &Arc<str>,
        (has, version): (u64, u64),
    ) -> Result<Option<Value>, Problem> {
        if version == 0 || version > has {
            return Err(problems::no_such_version(has));
        }
        if version > history::MOST_FOLDED {
            let detail =
                format!("at most {} events are folded for an old version", history::MOST_FOLDED);
            return Err(Problem::new(413, "too-large", detail));
        }
        let (mut at, mut state) = (0, None);
        while at < version {
            let limit = (version - at).min(500) as usize;
            let events = self.reader.history(run, &aggregate.name, id, at, limit).await;
            let events = events.map_err(|error| problems::store(&error))?;
            if events.is_empty() {
                return Err(problems::filling(&aggregate.plural));
            }
            for event in events {
                let (index, data) = history::read(aggregate, &event)?;
                let folded = aggregate.fold(state.as_ref(), index, &data, id, event.time);
                state = folded.map_err(|error| problems::unreadable("a fold", &error))?;
                at = event.version;
            }
        }
        Ok(state)
    }
}

/// What a caller asks of a state.
struct Asked {
    only: Option<Projection>,
    version: Option<u64>,
}

impl Asked {
    fn parse(aggregate: &Aggregate, request: &HttpRequest) -> Result<Asked, Problem> {
        let parameters = Parameters::parse(request.query_string())?;
        parameters.refuse_others(&["fields", "version"], "`fields` and `version`")?;
        let version = parameters.get("version").map(|text| {
            let digits = text.bytes().all(|b| b.is_ascii_digit());
            let wrong = || problems::invalid_value("version", "a whole number from 1");
            text.parse::<u64>().ok().filter(|_| digits).ok_or_else(wrong)
        });
        let only = projection(aggregate, parameters.get("fields"))?;
        Ok(Asked { only, version: version.transpose()? })
    }
}

fn projection(aggregate: &Aggregate, fields: Option<&str>) -> Result<Option<Projection>, Problem> {
    let parsed = fields.map(|text| Projection::parse(&aggregate.state_shape, text));
    parsed.transpose().map_err(|right| problems::invalid_value("fields", &right))
}

fn ids(aggregate: &Aggregate, parameters: &Parameters<'_>) -> Result<Vec<Arc<str>>, Problem> {
    let mut ids: Vec<Arc<str>> = Vec::new();
    for text in parameters.all("id") {
        let id = aggregate.parse_id(text).map_err(|right| problems::invalid_id(&right))?;
        if ids.contains(&id) {
            continue;
        }
        if ids.len() == MOST_IDS {
            return Err(problems::invalid_value("id", "at most 100 ids a call"));
        }
        ids.push(id);
    }
    match ids.is_empty() {
        true => Err(problems::undeclared_list(aggregate)),
        false => Ok(ids),
    }
}

/// The state in a row; `None` after deletion.
fn decoded(aggregate: &Aggregate, row: &StateRow) -> Result<Option<Value>, Problem> {
    let decoded = row.state.as_deref().map(|bytes| aggregate.state_shape.decode(bytes));
    decoded.transpose().map_err(|error| problems::unreadable("a state", &error))
}

fn write_state(
    aggregate: &Aggregate,
    id: &str,
    (version, state): (u64, &Value),
    row: &StateRow,
    asked: &Asked,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"{\"id\":");
    write_text(id, out);
    let _ = write!(out, ",\"version\":{version},\"state\":");
    match &asked.only {
        Some(only) => aggregate.state_shape.write_json_projected(state, only, out),
        None => aggregate.state_shape.write_json(state, out),
    }
    if row.parked_from.is_some() {
        out.extend_from_slice(b",\"parked\":true");
    }
    out.push(b'}');
}
