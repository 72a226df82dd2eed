//! `GET /events`: the log as NDJSON, served by the embedded default itself.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use event_log::validity::{Step, Validity, event};
use event_log::{Log, Offset, PartitionId, Record};
use futures::future::LocalBoxFuture;
use futures::stream;
use model::{Model, Shape, Value};
use read_store::Position;
use service::{Api, Problem, Route};

/// How many bytes of the log are read at a time.
const READ_BYTES: usize = 256 * 1024;

/// The endpoint.
pub struct Events {
    model: Arc<Model>,
    log: Arc<dyn Log>,
}

/// Where a reader of the whole log is.
pub struct Cursor {
    model: Arc<Model>,
    log: Arc<dyn Log>,
    partitions: VecDeque<(PartitionId, Offset)>,
    next: Offset,
    validity: Validity,
    after: Position,
    aggregate: Option<String>,
}

impl Events {
    /// Serves this log.
    pub fn new(model: Arc<Model>, log: Arc<dyn Log>) -> Events {
        Events { model, log }
    }

    async fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let (after, aggregate) = self.parameters(request.query_string())?;
        let cursor = Cursor::new(Arc::clone(&self.model), Arc::clone(&self.log), after, aggregate)
            .await
            .map_err(|_| unavailable())?;
        let lines = stream::try_unfold(cursor, |mut cursor| async move {
            let lines = cursor.next_lines().await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(lines.map(|lines| (Bytes::from(lines), cursor)))
        });
        Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(lines))
    }

    fn parameters(&self, query: &str) -> Result<(Position, Option<String>), Problem> {
        let mut after = Position::start(self.log.stream());
        let mut aggregate = None;
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|_| Problem::new(400, "invalid-value", "the query string is not readable"))?;
        for (name, value) in pairs.into_inner() {
            match name.as_str() {
                "after" => after = self.position(&value)?,
                "aggregate" if self.model.aggregate(&value).is_some() => aggregate = Some(value),
                "aggregate" => return Err(self.no_such_aggregate(&value)),
                other => {
                    let detail =
                        format!("`{other}` is not one of the parameters `after` and `aggregate`");
                    return Err(Problem::new(400, "unsupported-query", detail));
                }
            }
        }
        Ok((after, aggregate))
    }

    fn position(&self, text: &str) -> Result<Position, Problem> {
        let position = Position::parse(text).map_err(|_| {
            let detail = "`after` takes a position as an answer or an event line gave it";
            Problem::new(400, "invalid-position", detail)
        })?;
        if position.stream == self.log.stream() {
            return Ok(position);
        }
        Err(Problem::new(400, "unknown-position", "this position belongs to another log"))
    }

    fn no_such_aggregate(&self, name: &str) -> Problem {
        let known: Vec<_> = self.model.aggregates.iter().map(|a| &*a.name).collect();
        let detail = format!("there is no aggregate `{name}`; there are: {}", known.join(", "));
        Problem::new(400, "invalid-value", detail)
    }
}

impl Api for Events {
    fn route(&self, path: &str) -> Route {
        match path {
            "/events" => Route::Known(&["GET"]),
            _ => Route::Foreign,
        }
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

fn unavailable() -> Problem {
    Problem::new(503, "unavailable", "the log can't be read just now: try again")
}

impl Cursor {
    /// A reader of everything after a position, of one aggregate type or of all.
    pub async fn new(
        model: Arc<Model>,
        log: Arc<dyn Log>,
        after: Position,
        aggregate: Option<String>,
    ) -> Result<Cursor, event_log::ReadError> {
        let heads = log.partitions().into_iter().map(|partition| async {
            let head = log.head(&partition).await?;
            Ok((partition, head))
        });
        let partitions = futures::future::try_join_all(heads).await?.into();
        let (next, validity) = (Offset(0), Validity::default());
        Ok(Cursor { model, log, partitions, next, validity, after, aggregate })
    }

    /// The position after the last line given.
    pub fn reached(self) -> Position {
        self.after
    }

    /// Some lines more; `None` once all that stood in the log at the start has been given.
    pub async fn next_lines(&mut self) -> Result<Option<Vec<u8>>, String> {
        while let Some((partition, head)) = self.partitions.front().cloned() {
            let records = match self.next < head {
                true => self.log.read(&partition, self.next, READ_BYTES).await,
                false => Ok(Vec::new()),
            };
            let records = records.map_err(|error| error.to_string())?;
            let Some(last) = records.last() else {
                self.partitions.pop_front();
                (self.next, self.validity) = (Offset(0), Validity::default());
                continue;
            };
            self.next = Offset(last.offset.0 + 1);
            let mut out = Vec::with_capacity(READ_BYTES);
            for record in records {
                if let Step::Complete(command) = self.validity.step(record) {
                    self.command(&partition, &command, &mut out)?;
                }
            }
            if !out.is_empty() {
                return Ok(Some(out));
            }
        }
        Ok(None)
    }

    fn command(
        &mut self,
        partition: &PartitionId,
        command: &[Record],
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let key = (Arc::clone(&partition.topic), partition.number);
        let given = self.after.offsets.get(&key).copied().unwrap_or(-1);
        for record in command.iter().filter(|record| record.offset.0 > given) {
            self.after.cover(&key, record.offset.0);
            let wanted = self.aggregate.as_deref();
            let of_wanted =
                event(record).is_some_and(|e| wanted.is_none_or(|name| name == &*e.aggregate));
            if of_wanted {
                write_line(&self.model, record, &self.after, out)?;
            }
        }
        Ok(())
    }
}

/// Appends one event as a JSON line; `Err` where the model can't read it.
pub fn write_line(
    model: &Model,
    record: &Record,
    position: &Position,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let Some(event) = event(record) else { return Ok(()) };
    let aggregate = model
        .aggregate(&event.aggregate)
        .ok_or_else(|| format!("unknown aggregate {}", event.aggregate))?;
    let (index, data) =
        aggregate.read_event(&event.event, &event.data).map_err(|e| e.to_string())?;
    let field = |out: &mut Vec<u8>, name: &str, text: &str| {
        let _ = write!(out, "\"{name}\":{},", serde_json::Value::from(text));
    };
    out.push(b'{');
    field(out, "aggregate", &event.aggregate);
    field(out, "id", &event.id);
    field(out, "type", &event.event);
    let _ = write!(out, "\"version\":{},\"time\":", event.version);
    Shape::Timestamp.write_json(&Value::Timestamp(record.time), out);
    out.extend_from_slice(b",\"data\":");
    aggregate.events[index].shape.write_json(&data, out);
    let _ = writeln!(out, ",\"position\":\"{}\"}}", position.to_text());
    Ok(())
}
