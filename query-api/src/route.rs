//! Paths: which of the model's reads a path names.

use std::sync::Arc;

use model::{Aggregate, Model, View};
use service::text::percent_decode;
use service::{Media, Problem, Route};

use crate::problems;

/// What a path names.
pub enum Target<'a> {
    /// `/{plural}?id=…`.
    States(&'a Arc<Aggregate>),
    /// `/{plural}/{id}`.
    State(&'a Arc<Aggregate>, Arc<str>),
    /// `/{plural}/{id}/history`.
    History(&'a Arc<Aggregate>, Arc<str>),
    /// `/views/{view}`.
    View(&'a Arc<Aggregate>, &'a Arc<View>),
}

impl<'a> Target<'a> {
    /// Reads a path that [`route`] knows.
    pub fn parse(model: &'a Model, path: &str) -> Result<Target<'a>, Problem> {
        let segments = segments(path);
        if let ["views", name] = segments[..] {
            let found = percent_decode(name, false).and_then(|name| model.view(&name));
            let (aggregate, view) = found.ok_or_else(|| problems::unknown_view(model, name))?;
            return Ok(Target::View(aggregate, view));
        }
        let plural = segments.first().copied().unwrap_or_default();
        let aggregate =
            model.by_plural(plural).ok_or_else(|| problems::unknown_collection(model, plural))?;
        match segments[..] {
            [_] => Ok(Target::States(aggregate)),
            [_, id] => Ok(Target::State(aggregate, parse_id(aggregate, id)?)),
            [_, id, _] => Ok(Target::History(aggregate, parse_id(aggregate, id)?)),
            _ => Err(problems::unknown_collection(model, plural)),
        }
    }

    /// The forms in which it can be answered.
    pub fn offers(&self) -> &'static [Media] {
        match self {
            Target::View(..) => &[Media::Json, Media::Ndjson],
            _ => &[Media::Json],
        }
    }
}

/// What this API says of a path.
pub fn route(model: &Model, path: &str) -> Route {
    match segments(path)[..] {
        ["views", name] if model.view(name).is_some() => Route::Known(&["GET"]),
        ["views", name] => Route::Unknown(problems::unknown_view(model, name)),
        ["views"] => Route::Unknown(problems::unknown_view(model, "")),
        [plural] | [plural, _] | [plural, _, "history"] => match model.by_plural(plural) {
            Some(_) => Route::Known(&["GET"]),
            None => Route::Unknown(problems::unknown_collection(model, plural)),
        },
        _ => Route::Foreign,
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.strip_prefix('/').unwrap_or(path).split('/').collect()
}

/// An id as it stands in a path.
fn parse_id(aggregate: &Aggregate, segment: &str) -> Result<Arc<str>, Problem> {
    let text = percent_decode(segment, false)
        .ok_or_else(|| problems::invalid_id("an id in a path is percent-encoded UTF-8"))?;
    aggregate.parse_id(&text).map_err(|right| problems::invalid_id(&right))
}
