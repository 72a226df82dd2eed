//! One line of a stream of commands, parsed or refused.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use model::decide::Expected;
use model::schema::{InputError, JsonError};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use service::Problem;

use crate::input::{misfits, parse_id};
use crate::request;
use crate::route;
use crate::shared::{Call, Shared};

/// Members that a line may have.
const MEMBERS: [&str; 6] = ["aggregate", "id", "command", "key", "if_match", "input"];

type Parsed = (Call, Option<Arc<str>>);

/// The call that a line makes, and the id that it names.
pub(super) fn parse(
    shared: &Shared,
    text: &[u8],
    traceparent: Option<Arc<str>>,
) -> Result<Parsed, Problem> {
    let line = members(text)?;
    let name = line.required("aggregate")?;
    let mut all = shared.model.aggregates.iter().enumerate();
    let Some((aggregate, declared)) = all.find(|(_, a)| *a.name == *name) else {
        let names: Vec<&str> = shared.model.aggregates.iter().map(|a| &*a.name).collect();
        let detail = format!("there is no aggregate `{name}`; declared are: {}", names.join(", "));
        return Err(Problem::new(404, "unknown-collection", detail));
    };
    let name = line.required("command")?;
    let Some((command, found)) = route::command(declared, &name) else {
        return Err(route::unknown_command(declared, &name));
    };
    let id = match line.text("id")? {
        Some(id) => Some(parse_id(declared, &id)?),
        None if route::makes_ids(declared, found) => None,
        None => return Err(misfit("/id", "missing-field", "give the id".to_owned())),
    };
    let key = line.text("key")?.map(|k| request::key(&k).ok_or_else(request::bad_key));
    let key = key.transpose()?;
    let expected = line.get("if_match").map(if_match).transpose()?;
    let input = line.get("input").unwrap_or("{}");
    let input = found.input_shape.parse_json(input.as_bytes()).map_err(bad_input)?;
    Ok((Call { aggregate, command, input, key, expected, traceparent, dry_run: false }, id))
}

/// The members of a line, their values as they were written.
struct Members<'l>(Vec<(Cow<'l, str>, &'l RawValue)>);

impl<'l> Members<'l> {
    /// A member's JSON; null is as good as none.
    fn get(&self, name: &str) -> Option<&'l str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, json)| json.get()).filter(|json| *json != "null")
    }

    fn text(&self, name: &str) -> Result<Option<Cow<'l, str>>, Problem> {
        let wrong = |_| misfit(&format!("/{name}"), "wrong-type", "a text".to_owned());
        let text = |json| serde_json::from_str(json).map(|Text(text)| text).map_err(wrong);
        self.get(name).map(text).transpose()
    }

    fn required(&self, name: &str) -> Result<Cow<'l, str>, Problem> {
        let missing = || misfit(&format!("/{name}"), "missing-field", format!("give the {name}"));
        self.text(name)?.ok_or_else(missing)
    }
}

/// A text that is borrowed where nothing in it is escaped.
#[derive(serde::Deserialize)]
struct Text<'l>(#[serde(borrow)] Cow<'l, str>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members<'de>, D::Error> {
        deserializer.deserialize_map(Collect)
    }
}

struct Collect;

impl<'de> Visitor<'de> for Collect {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Members<'de>, A::Error> {
        let mut all = Vec::with_capacity(MEMBERS.len());
        while let Some((Text(name), json)) = members.next_entry::<Text<'de>, &'de RawValue>()? {
            all.push((name, json));
        }
        Ok(Members(all))
    }
}

fn members(text: &[u8]) -> Result<Members<'_>, Problem> {
    let line: Members<'_> =
        serde_json::from_slice(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => {
                misfit("", "wrong-type", "a line is an object".to_owned())
            }
            _ => {
                let detail = format!("the line is no JSON at column {}: {error}", error.column());
                Problem::new(400, "malformed-json", detail)
            }
        })?;
    for (at, (name, _)) in line.0.iter().enumerate() {
        let pointer = || format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        if !MEMBERS.contains(&&**name) {
            let allowed = format!("a line has only {}", MEMBERS.join(", "));
            return Err(misfit(&pointer(), "unknown-field", allowed));
        }
        if line.0[..at].iter().any(|(earlier, _)| earlier == name) {
            let once = "give it once".to_owned();
            return Err(misfit(&pointer(), "duplicate-field", once));
        }
    }
    Ok(line)
}

fn if_match(json: &str) -> Result<Expected, Problem> {
    let text = serde_json::from_str(json).map(|Text(text)| text);
    let expected = match &text {
        Ok(text) => request::tag(text).or_else(|| request::version(text)),
        Err(_) => request::version(json),
    };
    expected.ok_or_else(request::bad_tag)
}

/// 400 or 422 for an input that does not fit; its pointers begin at the line.
fn bad_input(error: JsonError) -> Problem {
    match error {
        JsonError::Malformed { message, .. } => {
            Problem::new(400, "malformed-json", format!("the input is no JSON: {message}"))
        }
        JsonError::Misfits(places) => misfits("/input", places),
    }
}

fn misfit(pointer: &str, code: &'static str, message: String) -> Problem {
    misfits("", vec![InputError { pointer: pointer.to_owned(), code, message }])
}
