//! Paths: which of the model's reads a path names.

use std::sync::Arc;

use model::Aggregate;
use service::text::percent_decode;
use service::{Media, Problem, Route};

use crate::page::Pages;
use crate::plan::{Collection, Plans};
use crate::problems;

/// What a path names.
pub enum Target<'a> {
    /// `/{plural}?id=…`.
    States(&'a Collection),
    /// `/{plural}/{id}`.
    State(&'a Collection, Arc<str>),
    /// `/{plural}/{id}/history`.
    History(&'a Collection, Arc<str>),
    /// `/views/{view}`.
    View(&'a Arc<Pages>),
}

impl<'a> Target<'a> {
    /// Reads a path that [`route`] knows.
    pub fn parse(plans: &'a Plans, path: &str) -> Result<Target<'a>, Problem> {
        match segments(path) {
            [Some("views"), Some(name), None, _] => plans.view(name).map(Target::View),
            [Some(plural), None, ..] => plans.collection(plural).map(Target::States),
            [Some(plural), Some(id), None, _] => {
                let collection = plans.collection(plural)?;
                Ok(Target::State(collection, parse_id(&collection.aggregate, id)?))
            }
            [plural, id, ..] => {
                let collection = plans.collection(plural.unwrap_or_default())?;
                let id = parse_id(&collection.aggregate, id.unwrap_or_default())?;
                Ok(Target::History(collection, id))
            }
        }
    }
}

/// The forms in which a path can be answered.
pub fn offers(path: &str) -> &'static [Media] {
    match path.starts_with("/views/") {
        true => &[Media::Json, Media::Ndjson],
        false => &[Media::Json],
    }
}

/// What this API says of a path.
pub fn route(plans: &Plans, path: &str) -> Route {
    let known = match segments(path) {
        [Some("views"), name, None, _] => plans.view(name.unwrap_or_default()).err(),
        [Some(plural), _, None, _] | [Some(plural), _, Some("history"), None] => {
            plans.collection(plural).err()
        }
        _ => return Route::Foreign,
    };
    known.map_or(Route::Known(&["GET"]), Route::Unknown)
}

/// The first four segments: no path of this API has more than three.
fn segments(path: &str) -> [Option<&str>; 4] {
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
    [parts.next(), parts.next(), parts.next(), parts.next()]
}

/// An id as it stands in a path.
fn parse_id(aggregate: &Aggregate, segment: &str) -> Result<Arc<str>, Problem> {
    let text = percent_decode(segment, false)
        .ok_or_else(|| problems::invalid_id("an id in a path is percent-encoded UTF-8"))?;
    aggregate.parse_id(&text).map_err(|right| problems::invalid_id(&right))
}
