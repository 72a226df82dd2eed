//! A small bank: accounts with text ids, tickets with uuids.

use std::path::Path;
use std::sync::Arc;

use model::Model;
use tempfile::TempDir;

const ACCOUNT: &str = r#"
foldline: 1
aggregate: account
plural: accounts
id: text
commands:
  open: { input: Open, on: new, emit: [ { event: Opened } ] }
  deposit:
    input: Amount
    emit:
      - event: Deposited
        when: "input.amount != 0"
  withdraw:
    input: Amount
    require:
      - rule: "state.balance - input.amount >= 0"
        code: overdrawn
        message: "the balance may not fall below zero"
        status: 409
    emit:
      - event: Withdrawn
      - event: Noted
  divide:
    input: Amount
    emit:
      - event: Deposited
        with: { amount: "100 / input.amount" }
  close: { emit: [ { event: Closed } ] }
  wake: { on: any, emit: [ { event: Noted }, { event: Noted } ] }
  poke: { on: any, emit: [ { event: Noted } ] }
  wish:
    input: Amount
    on: any
    emit:
      - event: Deposited
        when: "input.amount > 0"
events:
  Opened: { fold: { owner: event.owner } }
  Deposited: { fold: { balance: state.balance + event.amount } }
  Withdrawn: { fold: { balance: state.balance - event.amount } }
  Closed: { delete: true }
"#;

const TICKET: &str = r#"
foldline: 1
aggregate: ticket
plural: tickets
commands:
  issue:
    input: Issue
    on: new
    emit:
      - event: Issued
        when: "input.title != ''"
  rename: { input: Issue, emit: [ { event: Renamed } ] }
events:
  Issued: { fold: { title: event.title } }
  Renamed: { fold: { title: event.title } }
"#;

fn record(name: &str, fields: &str) -> String {
    format!(r#"{{"type":"record","name":"{name}","fields":[{fields}]}}"#)
}

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// The loaded domain.
pub fn model() -> Arc<Model> {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let amount = r#"{"name":"amount","type":"long"}"#;
    let owner = r#"{"name":"owner","type":"string","default":""}"#;
    let title = r#"{"name":"title","type":"string"}"#;
    put(root, "accounts/model.yaml", ACCOUNT);
    put(root, "accounts/commands/Open.avsc", &record("Open", owner));
    put(root, "accounts/commands/Amount.avsc", &record("Amount", amount));
    put(root, "accounts/events/Opened/1.avsc", &record("Opened", owner));
    put(root, "accounts/events/Deposited/1.avsc", &record("Deposited", amount));
    put(root, "accounts/events/Withdrawn/1.avsc", &record("Withdrawn", amount));
    put(root, "accounts/events/Noted/1.avsc", &record("Noted", ""));
    put(root, "accounts/events/Closed/1.avsc", &record("Closed", ""));
    let state = format!(r#"{owner},{{"name":"balance","type":"long","default":0}}"#);
    put(root, "accounts/state.avsc", &record("Account", &state));
    put(root, "tickets/model.yaml", TICKET);
    put(root, "tickets/commands/Issue.avsc", &record("Issue", title));
    put(root, "tickets/events/Issued/1.avsc", &record("Issued", title));
    put(root, "tickets/events/Renamed/1.avsc", &record("Renamed", title));
    put(root, "tickets/state.avsc", &record("Ticket", title));
    match Model::load(root) {
        Ok(model) => Arc::new(model),
        Err(diagnostics) => panic!("{diagnostics:?}"),
    }
}
