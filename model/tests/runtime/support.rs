//! Models from text, and commands called in one line.

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use foldline_model::decide::{Actor, Call, Decision, Expected, Rejection, Snapshot};
use foldline_model::expr::Env;
use foldline_model::{Aggregate, Model};
use serde_json::{Value as Json, json};

pub const NOW: i64 = 1_767_225_600_000;

/// A model of one aggregate. `records` are `path: fields` lines, such as
/// `commands/Add: {"name": "n", "type": "int"}`.
pub fn model(yaml: &str, records: &[(&str, Json)]) -> Arc<Aggregate> {
    let folder = tempfile::tempdir().unwrap();
    let thing = folder.path().join("things");
    let head = "foldline: 1\naggregate: thing\nplural: things\nid: text\n";
    write(&thing.join("model.yaml"), &format!("{head}{yaml}"));
    for (path, fields) in records {
        let parts: Vec<_> = path.split('/').collect();
        let name = if parts[0] == "events" { parts[1] } else { parts[parts.len() - 1] };
        let name = if name == "state" { "Thing" } else { name };
        let record = json!({ "type": "record", "name": name, "fields": fields });
        write(&thing.join(format!("{path}.avsc")), &record.to_string());
    }
    let model = Model::load(folder.path()).unwrap_or_else(|errors| panic!("{errors}"));
    model.aggregates[0].clone()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

pub struct NoRandomness;

impl Env for NoRandomness {
    fn new_id(&mut self) -> Arc<str> {
        Arc::from("00000000-0000-7000-8000-000000000001")
    }
}

pub fn nobody() -> Actor {
    let none = Arc::new(json!({}));
    Actor { sub: "anonymous".into(), roles: vec![], scopes: vec![], claims: none, checked: false }
}

pub fn caller(sub: &str) -> Actor {
    Actor { sub: sub.into(), checked: true, ..nobody() }
}

pub fn unseen() -> Snapshot {
    Snapshot { version: 0, state: None }
}

/// An aggregate with a command to be called on it.
pub struct Given<'a> {
    pub aggregate: &'a Aggregate,
    pub before: Snapshot,
    pub actor: Actor,
    pub expected: Option<Expected>,
}

pub fn given(aggregate: &Aggregate, before: Snapshot) -> Given<'_> {
    Given { aggregate, before, actor: nobody(), expected: None }
}

impl Given<'_> {
    pub fn by(mut self, sub: &str) -> Self {
        self.actor = caller(sub);
        self
    }

    pub fn at(mut self, expected: Expected) -> Self {
        self.expected = Some(expected);
        self
    }

    pub fn call(&self, command: &str, input: Json) -> Result<Decision, Rejection> {
        let command = self.aggregate.command(command).expect("a command of the model");
        let input = command.input_shape.from_json(&input).expect("the input fits");
        let id = Arc::from("t-1");
        let mut env = NoRandomness;
        let mut call = Call {
            id: &id,
            input: &input,
            actor: &self.actor,
            expected: self.expected,
            now: NOW,
            env: &mut env,
        };
        if !self.aggregate.allows_early(command, &mut call) {
            return Err(Rejection::Forbidden);
        }
        self.aggregate.decide(command, &self.before, &mut call)
    }
}

/// The state as JSON.
pub fn state(aggregate: &Aggregate, decision: &Decision) -> Json {
    let Some(state) = &decision.after.state else { return Json::Null };
    let mut text = Vec::new();
    aggregate.state_shape.write_json(state, &mut text);
    serde_json::from_slice(&text).unwrap()
}

/// A counter that is opened, changed, split into parts and dropped.
pub fn counter() -> Arc<Aggregate> {
    static COUNTER: LazyLock<Arc<Aggregate>> = LazyLock::new(load_counter);
    COUNTER.clone()
}

fn load_counter() -> Arc<Aggregate> {
    let yaml = r#"
commands:
  open: { input: Open, on: new, emit: [{ event: Opened, when: "input.n >= 0" }] }
  add:
    input: Add
    allow: "actor.sub == state.owner"
    require:
      - { rule: "input.n != 0", code: no-change, message: add something }
      - { rule: "state.n + input.n >= 0", code: below-zero, message: too little, status: 409 }
    emit:
      - { event: Added, with: { n: input.n, seen: state.n } }
      - { event: Added, with: { n: input.n, seen: state.n } }
  admin: { allow: "actor.sub == 'root'", emit: [{ event: Noted }] }
  odd: { allow: "actor.claims.level > 3", on: any, emit: [{ event: Noted, when: "state != null" }] }
  divide: { input: Add, emit: [{ event: Added, with: { n: "state.n / input.n", seen: "0" } }] }
  split:
    input: Split
    emit:
      - { event: Added, each: input.parts, when: it > 0, with: { n: it, seen: index } }
      - { event: Swapped }
  drop: { emit: [{ event: Dropped }] }
events:
  Opened: { fold: { n: event.n, owner: event.owner } }
  Added: { fold: { n: state.n + event.n, sum: state.sum + state.n } }
  Swapped: { fold: { n: state.sum, sum: state.n } }
  Dropped: { delete: true }
views:
  by-owner: { key: [owner], fields: { owner: state.owner, n: state.n } }
  added: { of: [Added], fields: { n: event.n, left: "state != null ? state.n : null" } }
  sums: { group: { owner: state.owner }, measures: { things: count(), n: sum(state.n) } }
  flow: { of: [Added, Opened], group: { type: type }, measures: { times: count(), n: sum(event.n) } }
"#;
    let int = |name: &str| json!({ "name": name, "type": "long" });
    let text = |name: &str| json!({ "name": name, "type": "string" });
    let zero = |name: &str| json!({ "name": name, "type": "long", "default": 0 });
    let parts = json!({ "name": "parts", "type": { "type": "array", "items": "long" } });
    model(
        yaml,
        &[
            (
                "commands/Open",
                json!([int("n"), { "name": "owner", "type": "string", "default": "ann" }]),
            ),
            ("commands/Add", json!([int("n")])),
            ("commands/Split", json!([parts])),
            ("events/Opened/1", json!([int("n"), text("owner")])),
            ("events/Added/1", json!([int("n"), int("seen")])),
            ("events/Noted/1", json!([])),
            ("events/Swapped/1", json!([])),
            ("events/Dropped/1", json!([])),
            (
                "state",
                json!([zero("n"), zero("sum"), { "name": "owner", "type": "string", "default": "" }]),
            ),
        ],
    )
}
