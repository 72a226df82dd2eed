//! The used keys that a projector writes: one row per keyed command that was folded whole.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::sync::Arc;

use foldline_projector::Config;
use read_store::batch::UsedKey;
use serde_json::json;
use support::World;
use support::log::NewEvent;

fn opened() -> NewEvent {
    ("AccountOpened", json!({ "owner": "ann" }))
}

fn deposit(amount: i64) -> NewEvent {
    ("MoneyDeposited", json!({ "amount": amount }))
}

fn closed() -> NewEvent {
    ("AccountClosed", json!({}))
}

/// One that began its aggregate or not; the log says at which offset its last event stands.
fn used(world: &World, key: &str, of: (&str, u64, u64), events: &[&str], began: bool) -> UsedKey {
    let (id, number, first_version) = of;
    let last = first_version + events.len() as u64 - 1;
    let at = world.log.events().into_iter().find(|(_, e)| (&*e.id, e.version) == (id, last));
    UsedKey {
        number,
        key: key.into(),
        caller: "ann".into(),
        hash: [3; 32],
        first_version,
        events: events.iter().map(|event| Arc::from(*event)).collect(),
        began,
        offset: at.unwrap().0,
    }
}

#[rstest::rstest]
#[case::all_at_once(Config::default())]
#[case::one_command_at_a_time(Config { batch_events: 1, ..Config::default() })]
#[tokio::test]
async fn a_keyed_command_is_remembered_as_the_log_has_it(#[case] config: Config) {
    let world = World::new();
    let command = |id, events: &[NewEvent], key| world.log.command(&world.model, id, events, key);
    command("a", &[opened(), deposit(10)], Some("k1"));
    command("a", &[deposit(1)], None);
    command("b", &[opened()], Some("k1"));
    command("a", &[deposit(2)], Some("k2"));
    command("a", &[closed()], Some("k3"));
    command("a", &[opened(), deposit(3), closed()], Some("k4"));
    command("b", &[deposit(4)], None);
    command("bad", &[opened()], Some("k5"));
    command("bad", &[deposit(i64::MAX), deposit(1)], Some("not folded whole"));
    command("bad", &[deposit(1)], Some("not folded"));
    world.fill_with(&config).await.unwrap();

    let tables = world.store.tables();
    let found: Vec<_> = tables.commands.iter().map(|(key, u)| (&*key.0.1, u.clone())).collect();
    let (opened, deposited, closed) = ("AccountOpened", "MoneyDeposited", "AccountClosed");
    let expected = [
        ("a", used(&world, "k1", ("a", 1, 1), &[opened, deposited], true)),
        ("a", used(&world, "k2", ("a", 2, 4), &[deposited], false)),
        ("a", used(&world, "k3", ("a", 3, 5), &[closed], false)),
        ("a", used(&world, "k4", ("a", 4, 6), &[opened, deposited, closed], true)),
        ("b", used(&world, "k1", ("b", 1, 1), &[opened], true)),
        ("bad", used(&world, "k5", ("bad", 1, 1), &[opened], true)),
    ];
    assert_eq!(found, expected);
    let counted: Vec<_> = tables.states.iter().map(|((_, id), row)| (&**id, row.keyed)).collect();
    assert_eq!(counted, [("a", 4), ("b", 1), ("bad", 1)]);
}
