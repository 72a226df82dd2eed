//! A test file as cases. Everything that can't be meant is reported at its line and column.

mod then;

use std::sync::Arc;

use serde_json::Value as Json;

use super::case::{Case, Invocation, Step};
use super::data::{json, member, only};
use crate::decide::{Actor, Expected};
use crate::domain::{Aggregate, IdKind, Model};
use crate::event::HEADER_BYTES;
use crate::load::report::Report;
use crate::load::source::Source;
use crate::load::suggest::did_you_mean;
use crate::load::yaml::{Kind, Node};
use crate::schema::{InputError, Shape};
use crate::value::Value;

/// The tests of a file; those that can't be read are left out and reported.
pub(super) fn cases<'m>(
    model: &'m Model,
    aggregate: &'m Aggregate,
    source: &Source,
    report: &mut Report,
) -> Vec<Case<'m>> {
    let Some(root) = crate::load::yaml::parse(source, report) else { return Vec::new() };
    let mut reader = Reader { model, aggregate, source, report };
    match &root.kind {
        Kind::List(tests) => tests.iter().filter_map(|test| reader.case(test)).collect(),
        _ if root.is_null() => Vec::new(),
        _ => {
            let hint = "each test starts with `- name: …`";
            reader.report.hinted(root.place(source), "a test file is a list of tests", hint);
            Vec::new()
        }
    }
}

struct Reader<'m, 'r> {
    model: &'m Model,
    aggregate: &'m Aggregate,
    source: &'r Source,
    report: &'r mut Report,
}

impl<'m> Reader<'m, '_> {
    fn case(&mut self, node: &Node) -> Option<Case<'m>> {
        let known = ["name", "id", "given", "commands", "when", "then"];
        if !only(node, "a test", &known, self.source, self.report) {
            return None;
        }
        let before = self.report.len();
        let name = member(node, "name").and_then(Node::text).map(str::to_owned);
        let Some(name) = name else {
            return self.wrong(node, "a test has a name", "add `name: what it shows`");
        };
        let line = member(node, "name").unwrap_or(node).place(self.source).line;
        let id = self.id(node);
        let mut given = Vec::new();
        for key in ["given", "commands"] {
            given.extend(member(node, key).into_iter().flat_map(|node| self.steps(node)));
        }
        let when = member(node, "when").and_then(|when| self.invocation(when));
        let then = match member(node, "then") {
            Some(then) => self.then(then, when.as_ref().map(|when| when.command)),
            None => self.wrong(node, "a test has a `then`", "such as `then: { state: { … } }`"),
        };
        (self.report.len() == before).then_some(())?;
        Some(Case { line, name, id: id?, given, when, then: then? })
    }

    fn wrong<T>(&mut self, node: &Node, message: &str, hint: &str) -> Option<T> {
        self.report.hinted(node.place(self.source), message, hint);
        None
    }

    /// The test's own id, or one that suits the aggregate.
    fn id(&mut self, test: &Node) -> Option<Arc<str>> {
        let given = member(test, "id").or_else(|| member(member(test, "when")?, "id"));
        let Some(node) = given else {
            return Some(Arc::from(match self.aggregate.id {
                IdKind::Uuid => "00000000-0000-7000-8000-000000000000",
                IdKind::Text => "test-1",
            }));
        };
        let parsed = self.aggregate.parse_id(node.text().unwrap_or_default());
        parsed.map_err(|hint| self.report.error(node.place(self.source), hint)).ok()
    }

    fn steps(&mut self, node: &Node) -> Vec<Step<'m>> {
        match &node.kind {
            Kind::List(steps) => steps.iter().filter_map(|step| self.step(step)).collect(),
            Kind::Map(_) => {
                only(node, "given", &["events", "commands"], self.source, self.report);
                let lists = ["events", "commands"].map(|key| member(node, key));
                lists.into_iter().flatten().flat_map(|list| self.steps(list)).collect()
            }
            Kind::Scalar(_) if node.is_null() => Vec::new(),
            Kind::Scalar(_) => {
                let hint = "such as `[{ event: …, data: { … } }]`";
                self.wrong::<()>(node, "this is a list of events or commands", hint);
                Vec::new()
            }
        }
    }

    fn step(&mut self, node: &Node) -> Option<Step<'m>> {
        if member(node, "command").is_some() {
            return self.invocation(node).map(Step::Command);
        }
        let known = ["event", "type", "data", "version", "time", "now"];
        if node.text().is_none() && !only(node, "an event", &known, self.source, self.report) {
            return None;
        }
        let event = self.event_type(node)?;
        let data = self.event_data(node, event)?;
        let time = member(node, "time").or_else(|| member(node, "now"));
        let time = time.and_then(|time| self.instant(time));
        Some(Step::Event { event, data, time })
    }

    /// `event: OrderPlaced`, `type: OrderPlaced`, or nothing but the name.
    fn event_type(&mut self, node: &Node) -> Option<usize> {
        let named = member(node, "event").or_else(|| member(node, "type"));
        let named = named.unwrap_or(node);
        let Some(name) = named.text() else {
            return self.wrong(node, "an event has a type", "such as `event: OrderPlaced`");
        };
        let found = self.aggregate.event(name).map(|(index, _)| index);
        if found.is_none() {
            let hint = did_you_mean(name, self.aggregate.events.iter().map(|e| &*e.name));
            let message = format!("{} has no event `{name}`", self.aggregate.name);
            self.report.push(named.place(self.source), message, hint);
        }
        found
    }

    /// The event's data in its current version, read through the upcasts if `version` names an
    /// older one.
    fn event_data(&mut self, node: &Node, event: usize) -> Option<Value> {
        let kind = &self.aggregate.events[event];
        let version = match member(node, "version") {
            None => kind.current(),
            Some(number) => {
                let wanted = number.text().and_then(|text| text.parse::<u32>().ok());
                let Some(found) = kind.versions.iter().find(|v| Some(v.number) == wanted) else {
                    let hint =
                        format!("the versions of {} go up to {}", kind.name, kind.versions.len());
                    return self.wrong(number, "no such version", &hint);
                };
                found
            }
        };
        let data = self.fitting(&version.shape, member(node, "data"), node)?;
        if version.number == kind.current().number {
            return Some(data);
        }
        let mut wire = Vec::with_capacity(HEADER_BYTES + 64);
        wire.push(0);
        wire.extend_from_slice(&version.schema_id.to_be_bytes());
        version.shape.encode(&data, &mut wire);
        match self.aggregate.read_event(&kind.name, &wire) {
            Ok((_, data)) => Some(data),
            Err(error) => self.wrong(node, &error.to_string(), "look at the event's `upcast`"),
        }
    }

    /// A value of a shape, or its misfits reported; nothing written is `{}`.
    fn fitting(&mut self, shape: &Shape, node: Option<&Node>, around: &Node) -> Option<Value> {
        let misfits = match fit(shape, node) {
            Ok(value) => return Some(value),
            Err(misfits) => misfits,
        };
        for misfit in misfits {
            let at = if misfit.pointer.is_empty() { "" } else { &misfit.pointer };
            let place = find(node.unwrap_or(around), at).place(self.source);
            self.report.error(place, format!("{at}: {}", misfit.message));
        }
        None
    }

    fn invocation(&mut self, node: &Node) -> Option<Invocation<'m>> {
        let known = ["command", "id", "input", "actor", "now", "if_match"];
        if !only(node, "a call", &known, self.source, self.report) {
            return None;
        }
        let Some(named) = member(node, "command") else {
            return self.wrong(node, "a call names its command", "such as `command: place`");
        };
        let name = named.text().unwrap_or_default();
        let Some(command) = self.aggregate.command(name) else {
            let hint = did_you_mean(name, self.aggregate.commands.iter().map(|c| &*c.name));
            let message = format!("{} has no command `{name}`", self.aggregate.name);
            self.report.push(named.place(self.source), message, hint);
            return None;
        };
        let input = fit(&command.input_shape, member(node, "input"));
        let now = member(node, "now").and_then(|now| self.instant(now));
        let expected = member(node, "if_match").and_then(|tag| self.if_match(tag));
        let actor = self.actor(member(node, "actor"));
        Some(Invocation { command, input, actor, now, expected })
    }

    fn if_match(&mut self, node: &Node) -> Option<Expected> {
        let tag = node.text().unwrap_or_default();
        match tag.trim_matches('"').parse() {
            Ok(version) => Some(Expected::Version(version)),
            Err(_) if tag == "*" => Some(Expected::Exists),
            Err(_) => self.wrong(node, "this is no version", "a number, or \"*\""),
        }
    }

    fn instant(&mut self, node: &Node) -> Option<i64> {
        match Shape::Timestamp.from_json(&json(node)) {
            Ok(Value::Timestamp(millis)) => Some(millis),
            _ => self.wrong(node, "this is no time", "such as \"2026-11-21T10:00:00Z\""),
        }
    }

    /// Without an actor nothing is checked, as with auth off.
    fn actor(&mut self, node: Option<&Node>) -> Actor {
        if let Some(node) = node {
            only(node, "an actor", &["sub", "roles", "scopes", "claims"], self.source, self.report);
        }
        let part = |name| node.and_then(|node| member(node, name));
        Actor {
            sub: part("sub").and_then(Node::text).unwrap_or("anonymous").into(),
            roles: self.texts(part("roles")),
            scopes: self.texts(part("scopes")),
            claims: Arc::new(part("claims").map_or_else(|| Json::Object(Default::default()), json)),
            checked: node.is_some(),
        }
    }

    fn texts(&mut self, node: Option<&Node>) -> Vec<Arc<str>> {
        let Some(node) = node else { return Vec::new() };
        let Kind::List(items) = &node.kind else {
            self.wrong::<()>(node, "this is a list of texts", "such as `[clerk]`");
            return Vec::new();
        };
        items.iter().filter_map(Node::text).map(Arc::from).collect()
    }
}

fn fit(shape: &Shape, node: Option<&Node>) -> Result<Value, Vec<InputError>> {
    let written = node.filter(|node| !node.is_null()).map(json);
    shape.from_json(&written.unwrap_or_else(|| Json::Object(Default::default())))
}

/// The node that a JSON pointer names, or the nearest around it.
fn find<'n>(node: &'n Node, pointer: &str) -> &'n Node {
    let mut found = node;
    for name in pointer.split('/').skip(1) {
        let name = name.replace("~1", "/").replace("~0", "~");
        let next = match &found.kind {
            Kind::List(items) => name.parse().ok().and_then(|index: usize| items.get(index)),
            _ => member(found, &name),
        };
        match next {
            Some(next) => found = next,
            None => break,
        }
    }
    found
}
