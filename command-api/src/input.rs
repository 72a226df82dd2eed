//! What a call says, read: ids of paths, and the problems of inputs that do not fit.

use std::borrow::Cow;
use std::sync::Arc;

use model::Aggregate;
use model::schema::{InputError, JsonError};
use service::Problem;
use service::problem::PlaceError;

/// The id of a path, decoded.
pub(crate) fn raw_id(segment: &str) -> Result<Cow<'_, str>, Problem> {
    service::text::percent_decode(segment, false)
        .ok_or_else(|| Problem::new(400, "invalid-id", "an id in a path is percent-encoded UTF-8"))
}

/// An id in its canonical form.
pub(crate) fn parse_id(aggregate: &Aggregate, text: &str) -> Result<Arc<str>, Problem> {
    aggregate.parse_id(text).map_err(|detail| Problem::new(400, "invalid-id", detail))
}

/// 400 or 422 for an input that does not fit.
pub(crate) fn bad_json(error: JsonError) -> Problem {
    match error {
        JsonError::Malformed { line, column, message } => {
            let detail = format!("the body is no JSON at line {line}, column {column}: {message}");
            Problem::new(400, "malformed-json", detail)
        }
        JsonError::Misfits(places) => misfits("", places),
    }
}

/// 422 that names every place.
pub(crate) fn misfits(below: &str, places: Vec<InputError>) -> Problem {
    let detail = match &places[..] {
        [one] if below.is_empty() && one.pointer.is_empty() => one.message.clone(),
        [one] => format!("at `{below}{}`: {}", one.pointer, one.message),
        many => format!("{} places of the input do not fit, see `errors`", many.len()),
    };
    let mut problem = Problem::new(422, "invalid-input", detail);
    problem.errors = places
        .into_iter()
        .map(|place| PlaceError {
            pointer: format!("{below}{}", place.pointer),
            code: Cow::Borrowed(place.code),
            message: place.message,
        })
        .collect();
    problem
}
