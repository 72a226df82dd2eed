//! The dependency graph is the architecture: who may import whom, held against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each room and the rooms that it may import.
const ARROWS: &[(&str, &[&str])] = &[
    ("foldline-model", &[]),
    ("foldline-event-log", &[]),
    ("foldline-service", &[]),
    ("foldline-read-store", &["foldline-model"]),
    (
        "foldline-parts",
        &["foldline-model", "foldline-event-log", "foldline-read-store", "foldline-service"],
    ),
    (
        "foldline-command-api",
        &[
            "foldline-model",
            "foldline-event-log",
            "foldline-read-store",
            "foldline-service",
            "foldline-parts",
        ],
    ),
    (
        "foldline-projector",
        &[
            "foldline-model",
            "foldline-event-log",
            "foldline-read-store",
            "foldline-service",
            "foldline-parts",
        ],
    ),
    (
        "foldline-query-api",
        &["foldline-model", "foldline-read-store", "foldline-service", "foldline-parts"],
    ),
];

/// Libraries that only these rooms may name.
const NAMED_BY: &[(&str, &[&str])] = &[
    ("apache-avro", &["foldline-model"]),
    ("cel", &["foldline-model"]),
    ("rusqlite", &["foldline-event-log", "foldline-read-store"]),
    ("rdkafka", &["foldline-event-log"]),
    ("scylla", &["foldline-read-store"]),
    ("backoff", &["foldline-service"]),
];

/// Rooms that may import every other room.
const OUTERMOST: &[&str] = &["foldline", "foldline-tests"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(foldline_tests::repository(""))
        .output()
        .expect("cargo runs where cargo test runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|package| {
            let named = package["dependencies"].as_array().expect("a list of dependencies");
            let shipped = named.iter().filter(|dependency| dependency["kind"] != "dev");
            let names = shipped.map(|dependency| text(&dependency["name"])).collect();
            (text(&package["name"]), names)
        })
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[test]
fn every_room_imports_only_what_its_arrows_allow() {
    let found = dependencies();
    for (room, names) in &found {
        if OUTERMOST.contains(&room.as_str()) {
            continue;
        }
        let (_, allowed) = ARROWS
            .iter()
            .find(|(name, _)| name == room)
            .unwrap_or_else(|| panic!("{room} has no arrows: add it to this test's list"));
        for name in names.iter().filter(|name| found.contains_key(*name)) {
            assert!(allowed.contains(&name.as_str()), "{room} must not import {name}");
        }
    }
}

#[test]
fn every_guarded_library_is_named_by_its_rooms_only() {
    let found = dependencies();
    for (library, rooms) in NAMED_BY {
        for (room, names) in &found {
            let may = rooms.contains(&room.as_str());
            assert!(may || !names.contains(*library), "{room} must not name {library}");
        }
    }
}

/// `foldline-parts` can open a log; the query API takes it without.
#[test]
fn the_query_api_holds_no_log_by_any_way() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "foldline-query-api", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}", "--offline", "--locked"])
        .current_dir(foldline_tests::repository(""))
        .output()
        .expect("cargo runs where cargo test runs");
    let tree = String::from_utf8_lossy(&output.stdout);
    let holds = |name: &str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(holds("foldline-parts"), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!holds("foldline-event-log"), "{tree}");
    assert!(!holds("rdkafka"), "{tree}");
}

#[test]
fn all_rooms_are_present() {
    let found = dependencies();
    for room in ARROWS.iter().map(|(room, _)| room).chain(OUTERMOST) {
        assert!(found.contains_key(*room), "{room} is missing");
    }
}
