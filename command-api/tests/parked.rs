//! Aggregates that the store has set aside: the owner completes them from the log, or says that it
//! can't.

mod support;

use foldline_command_api::Config;
use read_store::ParkedWrite;
use support::World;

const ONE: &str = r#"{"amount":1}"#;

/// Account `a` with a balance of 4 after 5 events: opened, deposited 5, withdrawn 1 (two events,
/// under the key `out`), closed or not.
async fn account() -> World {
    let world = World::new();
    world.post("/accounts/a/open", "{}").await;
    world.call("/accounts/a/deposit", &[("idempotency-key", "in")], r#"{"amount":5}"#).await;
    world.call("/accounts/a/withdraw", &[("idempotency-key", "out")], ONE).await;
    world
}

/// Parks `a` from this version on, and starts with nothing in memory.
fn parked(mut world: World, from: u64) -> World {
    world.store.park("account", "a", from);
    world.project();
    world.restart(Config { clock: || 2_000, ..Config::default() });
    world
}

#[rstest::rstest]
#[case::before_anything_was_folded(1)]
#[case::between_commands(2)]
#[case::before_the_last_command(3)]
#[case::inside_a_command(4)]
#[actix_web::test]
async fn a_row_that_is_set_aside_is_completed_from_the_log(#[case] from: u64) {
    let world = parked(account().await, from);
    let overdrawn = world.post("/accounts/a/withdraw", r#"{"amount":5}"#).await;
    assert_eq!(overdrawn.brief(), (409, "overdrawn".to_owned()));
    let all = world.post("/accounts/a/withdraw", r#"{"amount":4}"#).await;
    assert_eq!((all.status, all.json()["version"].as_u64()), (200, Some(6)));
}

#[rstest::rstest]
#[case(1)]
#[case(2)]
#[case(3)]
#[case(4)]
#[actix_web::test]
async fn keys_of_events_that_wait_are_known(#[case] from: u64) {
    let world = account().await;
    let before = world.log.events().len();
    let seen = |world: World| async move {
        let mut seen = Vec::new();
        for (command, key, body) in [("withdraw", "out", ONE), ("deposit", "in", r#"{"amount":5}"#)]
        {
            let path = format!("/accounts/a/{command}");
            let answer = world.call(&path, &[("idempotency-key", key)], body).await;
            assert_eq!(answer.header("idempotency-replayed"), Some("true"), "{key}");
            seen.push((answer.status, answer.text));
        }
        assert_eq!(world.log.events().len(), before);
        (seen, world)
    };
    let (warm, world) = seen(world).await;
    let (cold, _) = seen(parked(world, from)).await;
    assert_eq!(cold, warm);
}

#[actix_web::test]
async fn a_command_that_began_an_aggregate_anew_says_so_from_its_second_half() {
    let world = account().await;
    world.post("/accounts/a/close", "{}").await;
    let key = [("idempotency-key", "again")];
    let first = world.call("/accounts/a/wake", &key, "").await;
    assert_eq!((first.status, first.header("etag")), (201, Some("\"7\"")));
    let world = parked(world, 7);
    let again = world.call("/accounts/a/wake", &key, "").await;
    assert_eq!((again.status, &again.text), (201, &first.text));
}

#[actix_web::test]
async fn what_is_decided_after_it_joins_what_waits() {
    let mut world = parked(account().await, 2);
    for version in 5..8 {
        let answer = world.post("/accounts/a/deposit", ONE).await;
        assert_eq!(answer.json()["version"].as_u64(), Some(version));
        if version == 5 {
            // One more waits in the store, the others are in the log's tail.
            world.project();
        }
    }
    world.restart(Config::default());
    let answer = world.post("/accounts/a/withdraw", r#"{"amount":7}"#).await;
    assert_eq!((answer.status, answer.json()["version"].as_u64()), (200, Some(9)));
}

type Pointers = Vec<ParkedWrite>;

#[rstest::rstest]
#[case::none(|pointers: &mut Pointers| pointers.clear())]
#[case::the_first_is_missing(|pointers: &mut Pointers| drop(pointers.remove(0)))]
#[case::one_between_is_missing(|pointers: &mut Pointers| drop(pointers.remove(1)))]
#[case::one_points_elsewhere(|pointers: &mut Pointers| pointers[1].offset -= 1)]
#[actix_web::test]
async fn what_can_not_be_completed_is_unavailable_and_others_go_on(
    #[case] wrong: fn(&mut Pointers),
) {
    let world = account().await;
    world.post("/accounts/b/open", "{}").await;
    let world = parked(world, 2);
    world.store.change_pointers("account", "a", wrong);
    let answer = world.post("/accounts/a/deposit", ONE).await;
    assert_eq!(answer.brief(), (503, "unavailable".to_owned()));
    assert_eq!(world.post("/accounts/b/deposit", ONE).await.status, 200);
}

#[actix_web::test]
async fn a_key_with_more_waiting_than_is_read_is_unavailable() {
    let world = account().await;
    for _ in 0..999 {
        assert_eq!(world.post("/accounts/a/deposit", ONE).await.status, 200);
    }
    let world = parked(world, 3);
    assert_eq!(world.post("/accounts/a/deposit", ONE).await.code(), "unavailable");
    let world = parked(world, 4);
    assert_eq!(world.post("/accounts/a/deposit", ONE).await.json()["version"], 1004);
}
