//! Histories: the events of an aggregate, oldest first, in their current version.

use std::io::Write;
use std::sync::Arc;

use actix_web::HttpRequest;
use model::event::ReadEventError;
use model::{Aggregate, Shape, Value};
use read_store::store::StoredEvent;
use service::Problem;

use crate::answer::{Answer, write_text};
use crate::consistency::Freshness;
use crate::cursor;
use crate::parameters::Parameters;
use crate::plan::Collection;
use crate::{QueryApi, problems};

/// Most events that are folded to answer an old version.
pub const MOST_FOLDED: u64 = 10_000;

impl QueryApi {
    /// `GET /{plural}/{id}/history`.
    pub(crate) async fn history(
        &self,
        request: &HttpRequest,
        freshness: &Freshness,
        (collection, id): (&Collection, &Arc<str>),
    ) -> Result<Answer, Problem> {
        let aggregate = &collection.aggregate;
        let parameters = Parameters::parse(request.query_string())?;
        parameters.refuse_others(&["limit", "cursor"], "`limit` and `cursor`")?;
        let limit = parameters.limit()?.unwrap_or(crate::parameters::DEFAULT_LIMIT);
        let after =
            parameters.get("cursor").map(|text| cursor::read_version(&aggregate.name, id, text));
        let after = after.transpose()?.unwrap_or(0);
        let serving = self.runs.current().await?;
        let run = serving.of_aggregate(aggregate)?;
        let under = freshness.reach(&self.reader, &serving, run, &collection.look).await?;
        let row = self.known_row(run, &under, (aggregate, id)).await.and_then(|row| {
            self.may_read_history(aggregate, id, row.state.as_deref())?;
            Ok(row)
        });
        row.map_err(|problem| under.as_of(problem))?;
        let events = self.reader.history(run, &aggregate.name, id, after, limit + 1).await;
        let mut events = events.map_err(|error| problems::store(&error))?;
        let more = events.len() > limit;
        events.truncate(limit);
        let body = write_page(aggregate, id, &events, more)?;
        Ok(Answer::new(body, under.reached))
    }

    fn may_read_history(
        &self,
        aggregate: &Aggregate,
        id: &Arc<str>,
        state: Option<&[u8]>,
    ) -> Result<(), Problem> {
        if !self.actor.checked || aggregate.read.is_none() {
            return Ok(());
        }
        // Of a deleted state nobody can be said to be its reader.
        let state = state.ok_or_else(|| problems::not_found(aggregate, id))?;
        let state = aggregate.state_shape.decode(state);
        let state = state.map_err(|error| problems::unreadable("a state", &error))?;
        match aggregate.may_read(id, &state, &self.actor) {
            true => Ok(()),
            false => Err(problems::not_found(aggregate, id)),
        }
    }
}

/// An event in its current version.
pub fn read(aggregate: &Aggregate, event: &StoredEvent) -> Result<(usize, Value), Problem> {
    let read = aggregate.read_event(&event.event, &event.data);
    read.map_err(|error| match &error {
        ReadEventError::Failed { .. } => problems::unreadable("an event", &error),
        _ => problems::outdated(&error),
    })
}

fn write_page(
    aggregate: &Aggregate,
    id: &str,
    events: &[StoredEvent],
    more: bool,
) -> Result<Vec<u8>, Problem> {
    let mut body = b"{\"items\":[".to_vec();
    for (number, event) in events.iter().enumerate() {
        let (index, data) = read(aggregate, event)?;
        body.extend_from_slice(if number > 0 { b",{\"type\":" } else { b"{\"type\":" });
        write_text(&event.event, &mut body);
        let _ = write!(body, ",\"version\":{},\"time\":", event.version);
        Shape::Timestamp.write_json(&Value::Timestamp(event.time), &mut body);
        body.extend_from_slice(b",\"data\":");
        aggregate.events[index].shape.write_json(&data, &mut body);
        body.push(b'}');
    }
    body.extend_from_slice(b"],\"next\":");
    match events.last() {
        Some(last) if more => {
            write_text(&cursor::write_version(&aggregate.name, id, last.version), &mut body);
        }
        _ => body.extend_from_slice(b"null"),
    }
    body.push(b'}');
    Ok(body)
}
