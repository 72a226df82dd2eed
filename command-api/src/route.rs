//! Which command a path names.

use std::borrow::Cow;

use model::{Aggregate, Command, IdKind, Model, Occurrence};
use service::{Problem, Route};

/// First segments that belong to others.
const RESERVED: [&str; 6] = ["views", "commands", "events", "registry", "docs", "openapi.json"];

/// What a path names.
pub(crate) enum Target<'p> {
    /// One command.
    Command(Named<'p>),
    /// The stream of commands.
    Lines,
    /// Something of this API that is not declared.
    Unknown(Problem),
    /// A collection, with something behind it that is no command; it may be an id.
    Member(Problem),
    /// Nothing of this API.
    Foreign,
}

/// One command of one aggregate.
pub(crate) struct Named<'p> {
    pub aggregate: usize,
    pub command: usize,
    /// As sent, percent-encoded; `None` where the server makes it.
    pub id: Option<&'p str>,
}

/// Reads a path.
pub(crate) fn target<'p>(model: &Model, path: &'p str) -> Target<'p> {
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let (first, second, third) = (segments.next(), segments.next(), segments.next());
    match (first, second, third, segments.next()) {
        (Some("commands"), None, ..) => Target::Lines,
        (Some(plural), Some(command), None, _) => made(model, plural, command),
        (Some(plural), Some(id), Some(command), None) => given(model, plural, id, command),
        _ => Target::Foreign,
    }
}

/// What the front is told of a path.
pub(crate) fn route(model: &Model, path: &str) -> Route {
    match target(model, path) {
        Target::Command(_) | Target::Lines => Route::Known(&["POST"]),
        Target::Unknown(problem) => Route::Unknown(problem),
        // A POST there means a command, so this API says which there are.
        Target::Member(problem) if problem.status == 404 => Route::Known(&["POST"]),
        Target::Member(_) | Target::Foreign => Route::Foreign,
    }
}

/// `/{plural}/{command}`.
fn made<'p>(model: &Model, plural: &str, name: &str) -> Target<'p> {
    if RESERVED.contains(&plural) {
        return Target::Foreign;
    }
    let Some((aggregate, found)) = collection(model, plural) else {
        return Target::Unknown(unknown_collection(model, &decoded(plural)));
    };
    let name = decoded(name);
    match command(found, &name) {
        Some((command, declared)) if makes_ids(found, declared) => {
            Target::Command(Named { aggregate, command, id: None })
        }
        Some(_) => Target::Member(unknown_command(found, &name)),
        // Whatever could be an id is a path of the read side.
        _ if found.parse_id(&name).is_ok() => Target::Foreign,
        _ => Target::Member(unknown_command(found, &name)),
    }
}

/// `/{plural}/{id}/{command}`.
fn given<'p>(model: &Model, plural: &str, id: &'p str, name: &str) -> Target<'p> {
    if RESERVED.contains(&plural) {
        return Target::Foreign;
    }
    let Some((aggregate, found)) = collection(model, plural) else {
        return Target::Unknown(unknown_collection(model, &decoded(plural)));
    };
    let name = decoded(name);
    match command(found, &name) {
        Some((command, _)) => Target::Command(Named { aggregate, command, id: Some(id) }),
        None => Target::Unknown(unknown_command(found, &name)),
    }
}

/// Whether the server makes ids for this command.
pub(crate) fn makes_ids(aggregate: &Aggregate, command: &Command) -> bool {
    aggregate.id == IdKind::Uuid && command.on == Occurrence::New
}

/// A command by its name.
pub(crate) fn command<'m>(aggregate: &'m Aggregate, name: &str) -> Option<(usize, &'m Command)> {
    aggregate.commands.iter().enumerate().find(|(_, c)| &*c.name == name)
}

fn collection<'m>(model: &'m Model, plural: &str) -> Option<(usize, &'m Aggregate)> {
    let plural = decoded(plural);
    let mut all = model.aggregates.iter().enumerate();
    all.find(|(_, a)| *a.plural == *plural).map(|(index, a)| (index, &**a))
}

fn decoded(segment: &str) -> Cow<'_, str> {
    service::text::percent_decode(segment, false).unwrap_or(Cow::Borrowed(segment))
}

/// 404 that names the collections.
pub(crate) fn unknown_collection(model: &Model, given: &str) -> Problem {
    let all: Vec<&str> = model.aggregates.iter().map(|a| &*a.plural).collect();
    let detail = format!("there is no collection `{given}`; there are: {}", all.join(", "));
    Problem::new(404, "unknown-collection", detail)
}

/// 404 that names the commands.
pub(crate) fn unknown_command(aggregate: &Aggregate, given: &str) -> Problem {
    let all: Vec<String> = aggregate
        .commands
        .iter()
        .map(|c| match makes_ids(aggregate, c) {
            true => format!("{} (also without an id)", c.name),
            false => c.name.to_string(),
        })
        .collect();
    let (plural, all) = (&aggregate.plural, all.join(", "));
    if aggregate.commands.iter().any(|c| &*c.name == given) {
        let detail = format!("`{given}` takes an id: send POST /{plural}/{{id}}/{given}");
        return Problem::new(404, "unknown-command", detail);
    }
    let detail = format!(
        "there is no command `{given}` for POST /{plural}/{{id}}/{{command}}; declared are: {all}"
    );
    Problem::new(404, "unknown-command", detail)
}
