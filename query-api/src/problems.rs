//! The problems of reads, each in one place.

use actix_web::http::header::HeaderMap;
use model::{Aggregate, Model};
use read_store::StoreError;
use service::{Problem, seldom};

/// 404 for a plural that no aggregate has.
pub fn unknown_collection(model: &Model, plural: &str) -> Problem {
    let known: Vec<&str> = model.aggregates.iter().map(|a| &*a.plural).collect();
    let detail = format!("there is no collection `{plural}`; there are: {}", known.join(", "));
    Problem::new(404, "unknown-collection", detail)
}

/// 404 for a view that no aggregate declares.
pub fn unknown_view(model: &Model, name: &str) -> Problem {
    let known: Vec<&str> = model.views().map(|(_, view)| &*view.name).collect();
    let detail = format!("there is no view `{name}`; there are: {}", known.join(", "));
    Problem::new(404, "unknown-view", detail)
}

/// 404 for a list that nobody declared, with the lines that declare it.
pub fn undeclared_list(aggregate: &Aggregate) -> Problem {
    let plural = &aggregate.plural;
    let names = aggregate.state.fields.iter().map(|field| &*field.name);
    // Every row shows its id; a column of that name would be refused.
    let field = names.into_iter().find(|name| *name != "id" && is_column_name(name));
    let fields = field.map(|name| format!("{name}: state.{name}")).unwrap_or_default();
    // Names of views have at most 40 characters.
    let name = format!("all-{plural}");
    let name = name.get(..40).unwrap_or(&name).trim_end_matches('-');
    let detail = format!(
        "name ids (`/{plural}?id=…`), or declare a list of all {plural} in model.yaml and read it \
         at /views/{name}:\nviews:\n  {name}:\n    sort: [id]\n    fields: {{ {fields} }}"
    );
    Problem::new(404, "unknown-view", detail)
}

/// Whether a view's column may be called so.
pub fn is_column_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

/// 400 for an id of the wrong form.
pub fn invalid_id(right: &str) -> Problem {
    Problem::new(400, "invalid-id", right)
}

/// 404 for what is not there, or not for this caller.
pub fn not_found(aggregate: &Aggregate, id: &str) -> Problem {
    Problem::new(404, "not-found", format!("there is no {} with the id {id}", aggregate.name))
}

/// 404 for a version that the aggregate does not have.
pub fn no_such_version(has: u64) -> Problem {
    Problem::new(404, "no-such-version", format!("versions go from 1 to {has}"))
}

/// 400 for a parameter's value.
pub fn invalid_value(name: &str, right: &str) -> Problem {
    Problem::new(400, "invalid-value", format!("`{name}`: {right}"))
}

/// 400 for a cursor that was not given out for this very question.
pub fn invalid_cursor() -> Problem {
    let detail = "`cursor` takes the `next` of an answer to the same question; start without one";
    Problem::new(400, "invalid-cursor", detail)
}

/// 400 for a query that no declared path answers.
pub fn unsupported(detail: String) -> Problem {
    Problem::new(400, "unsupported-query", detail)
}

/// 503 while the tables that are asked for are not complete.
pub fn filling(what: &str) -> Problem {
    Problem::unavailable(format!("the tables of {what} are being filled: try again"), 1)
}

/// 503 where the store does not answer; the log has the reason.
pub fn store(error: &StoreError) -> Problem {
    seldom!(warn, %error, "the read store did not answer");
    Problem::unavailable("the read store does not answer just now: try again", 1)
}

/// 500 where what is stored can't be read; the log has the reason under the trace id.
pub fn unreadable(what: &str, error: &dyn std::fmt::Display) -> Problem {
    let trace_id = service::front::trace_id(&HeaderMap::new());
    tracing::error!(trace_id, what, %error, "a stored value can't be read");
    Problem::internal(&trace_id)
}

/// 503 where the log holds events that only a newer model knows.
pub fn outdated(error: &dyn std::fmt::Display) -> Problem {
    seldom!(error, %error, "the log is ahead of this process's model");
    Problem::unavailable("this process is older than the data: try again", 1)
}
