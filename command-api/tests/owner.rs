//! The owner under races, faults and cold starts.

mod support;

use event_log::Body;
use foldline_command_api::Config;
use futures::future::join_all;
use proptest::prelude::*;
use support::World;
use support::log::Fault;

const ONE: &str = r#"{"amount":1}"#;

async fn opened() -> World {
    let world = World::new();
    assert_eq!(world.post("/accounts/a/open", "{}").await.status, 201);
    world
}

/// Versions of an aggregate in the log are 1, 2, 3, …
fn assert_dense(world: &World, id: &str) {
    let versions: Vec<u64> =
        world.log.events().iter().filter(|e| &*e.id == id).map(|e| e.version).collect();
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
}

#[actix_web::test]
async fn racing_withdrawals_never_overdraw() {
    let world = opened().await;
    world.post("/accounts/a/deposit", r#"{"amount":5}"#).await;
    let calls = (0..20).map(|_| world.post("/accounts/a/withdraw", ONE));
    let answers = join_all(calls).await;
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 5);
    assert_eq!(answers.iter().filter(|a| a.code() == "overdrawn").count(), 15);
    assert_dense(&world, "a");
}

#[actix_web::test]
async fn nobody_is_answered_before_the_batch_is_durable() {
    let world = opened().await;
    world.log.hold(true);
    let deposit = async { world.post("/accounts/a/deposit", ONE).await };
    let refused = async {
        // Decided on the first call's event, so it waits for it too.
        world.log.begun(2).await;
        world.post("/accounts/a/withdraw", r#"{"amount":9}"#).await
    };
    let release = async {
        world.log.begun(2).await;
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        world.log.hold(false);
    };
    let mut deposit = std::pin::pin!(deposit);
    let mut refused = std::pin::pin!(refused);
    tokio::select! {
        biased;
        _ = &mut deposit => panic!("answered before it was durable"),
        _ = &mut refused => panic!("refused on what was not durable"),
        () = release => {}
    }
    assert_eq!(deposit.await.status, 200);
    assert_eq!(refused.await.code(), "overdrawn");
}

#[actix_web::test]
async fn a_used_key_answers_the_first_success_again() {
    let world = opened().await;
    let key = [("idempotency-key", "k-1")];
    let first = world.call("/accounts/a/deposit", &key, ONE).await;
    world.post("/accounts/a/deposit", ONE).await;
    let stale = [("idempotency-key", "\"k-1\""), ("if-match", "\"1\"")];
    let again = world.call("/accounts/a/deposit", &stale, "{ \"amount\" : 1 }").await;
    assert_eq!((again.status, &again.text), (200, &first.text));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(first.header("idempotency-replayed"), None);
    let other = world.call("/accounts/a/deposit", &key, r#"{"amount":2}"#).await;
    assert_eq!(other.brief(), (422, "idempotency-key-reused".to_owned()));
    let other = world.call("/accounts/a/withdraw", &key, ONE).await;
    assert_eq!(other.brief(), (422, "idempotency-key-reused".to_owned()));
}

#[rstest::rstest]
#[case::warm(None)]
#[case::from_the_log(Some(false))]
#[case::from_the_store(Some(true))]
#[actix_web::test]
async fn what_was_deleted_is_created_anew_and_a_replay_says_so_too(#[case] restart: Option<bool>) {
    let mut world = opened().await;
    world.post("/accounts/a/close", "{}").await;
    let key = [("idempotency-key", "again")];
    let first = world.call("/accounts/a/poke", &key, "").await;
    assert_eq!((first.status, first.header("location")), (201, Some("/accounts/a")));
    assert_eq!(first.header("etag"), Some("\"3\""));
    let later = [("idempotency-key", "later")];
    assert_eq!(world.call("/accounts/a/poke", &later, "").await.status, 200);
    if let Some(projected) = restart {
        if projected {
            world.project();
        }
        world.restart(Config { clock: || 2_000, ..Config::default() });
    }
    let again = world.call("/accounts/a/poke", &key, "").await;
    assert_eq!((again.status, &again.text), (201, &first.text));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    let later = world.call("/accounts/a/poke", &later, "").await;
    assert_eq!((later.status, later.header("location")), (200, None));
}

#[actix_web::test]
async fn a_refusal_is_not_remembered() {
    let world = opened().await;
    let key = [("idempotency-key", "k")];
    assert_eq!(world.call("/accounts/a/withdraw", &key, ONE).await.status, 409);
    world.post("/accounts/a/deposit", ONE).await;
    assert_eq!(world.call("/accounts/a/withdraw", &key, ONE).await.status, 200);
}

#[actix_web::test]
async fn twins_in_flight_become_one() {
    let world = opened().await;
    let key = [("idempotency-key", "k")];
    let calls = (0..8).map(|_| world.call("/accounts/a/deposit", &key, ONE));
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|a| a.text == answers[0].text));
    let replayed = answers.iter().filter(|a| a.header("idempotency-replayed").is_some());
    assert_eq!(replayed.count(), 7);
    assert_eq!(world.log.events().len(), 2);
}

#[actix_web::test]
async fn a_retry_of_a_made_id_meets_its_aggregate() {
    let world = World::new();
    let key = [("idempotency-key", "k")];
    let first = world.call("/tickets/issue", &key, r#"{"title":"x"}"#).await;
    let again = world.call("/tickets/issue", &key, r#"{"title":"x"}"#).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(first.text, again.text);
    assert_eq!(first.header("location"), again.header("location"));
}

#[rstest::rstest]
#[case::written(Fault::WrittenUnknown, 503, "outcome-unknown")]
#[case::lost(Fault::LostUnknown, 503, "outcome-unknown")]
#[case::nothing(Fault::NothingWritten, 503, "unavailable")]
#[case::fenced(Fault::Fenced, 503, "unavailable")]
#[actix_web::test]
async fn after_an_error_the_log_decides(
    #[case] fault: Fault,
    #[case] status: u16,
    #[case] code: &str,
) {
    let world = opened().await;
    world.log.fail_next(fault);
    let key = [("idempotency-key", "k")];
    let failed = world.call("/accounts/a/deposit", &key, ONE).await;
    assert_eq!(failed.brief(), (status, code.to_owned()));
    assert!(failed.header("retry-after").is_some());
    if code == "outcome-unknown" {
        assert_eq!(failed.json()["id"], "a");
    }
    // The retry finds out: written once, whatever happened.
    let retry = world.call("/accounts/a/deposit", &key, ONE).await;
    assert_eq!(retry.json()["version"], 2, "{}", retry.text);
    let written = fault == Fault::WrittenUnknown;
    assert_eq!(retry.header("idempotency-replayed").is_some(), written);
    let next = world.post("/accounts/a/deposit", ONE).await;
    assert_eq!(next.json()["version"], 3);
    assert_dense(&world, "a");
}

#[actix_web::test]
async fn a_partition_held_by_another_is_unavailable_until_it_is_free() {
    let world = World::new();
    world.log.refuse_claims(1);
    let refused = world.post("/accounts/a/open", "{}").await;
    assert_eq!(refused.brief(), (503, "unavailable".to_owned()));
    assert_eq!(world.post("/accounts/a/open", "{}").await.status, 201);
}

#[rstest::rstest]
#[case::all_in_the_tail(false)]
#[case::all_in_the_store(true)]
#[actix_web::test]
async fn a_restart_knows_states_and_keys(#[case] projected: bool) {
    let mut world = opened().await;
    let key = [("idempotency-key", "k")];
    let first = world.call("/accounts/a/deposit", &key, ONE).await;
    if projected {
        world.project();
    }
    world.restart(Config::default());
    assert_eq!(world.post("/accounts/a/withdraw", r#"{"amount":2}"#).await.code(), "overdrawn");
    let again = world.call("/accounts/a/deposit", &key, ONE).await;
    assert_eq!(again.text, first.text);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(world.post("/accounts/a/deposit", ONE).await.json()["version"], 3);
}

#[actix_web::test]
async fn a_small_memory_refuses_what_it_cannot_hold_and_goes_on_when_projected() {
    let world = World::with(Config { state_bytes: 4_000, ..Config::default() });
    let mut refused = None;
    for n in 0..20 {
        let answer = world.post(&format!("/accounts/{n}/open"), "{}").await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("memory is bounded");
    assert_eq!(refused.brief(), (429, "overloaded".to_owned()));
    assert!(refused.header("retry-after").is_some());
    for n in 20..50 {
        world.project();
        let answer = world.post(&format!("/accounts/{n}/open"), "{}").await;
        assert_eq!(answer.status, 201, "{}", answer.text);
    }
    world.project();
    assert_eq!(world.post("/accounts/0/deposit", ONE).await.json()["version"], 2);
}

#[actix_web::test]
async fn a_store_that_is_down_leaves_cold_aggregates_unavailable() {
    let world = opened().await;
    world.store.fail(true);
    assert_eq!(world.post("/accounts/b/open", "{}").await.code(), "unavailable");
    assert_eq!(world.post("/accounts/a/deposit", ONE).await.status, 200, "a is warm");
    world.store.fail(false);
    assert_eq!(world.post("/accounts/b/open", "{}").await.status, 201);
}

#[actix_web::test]
async fn an_event_that_the_model_lacks_stops_the_partition() {
    let mut world = opened().await;
    let mut event = world.log.events().remove(0);
    event.event = "FromTheFuture".into();
    event.seq += 1;
    event.version += 1;
    world.log.push_raw(Body::Event(event));
    world.restart(Config::default());
    for _ in 0..2 {
        let answer = world.post("/accounts/z/open", "{}").await;
        assert_eq!(answer.brief(), (503, "unavailable".to_owned()));
    }
}

#[actix_web::test]
async fn draining_finishes_what_is_begun_and_refuses_the_rest() {
    let world = opened().await;
    world.log.hold(true);
    let (deposit, (), ()) = tokio::join!(
        world.post("/accounts/a/deposit", ONE),
        async {
            world.log.begun(2).await;
            world.log.hold(false);
        },
        async {
            world.log.begun(2).await;
            world.api.drain().await;
        }
    );
    assert_eq!(deposit.status, 200);
    assert_eq!(world.post("/accounts/a/deposit", ONE).await.code(), "unavailable");
}

#[actix_web::test]
async fn what_comes_in_behind_a_drain_does_not_keep_it_from_ending() {
    let world = opened().await;
    world.log.hold(true);
    let (deposit, late, (), ()) = tokio::join!(
        world.post("/accounts/a/deposit", ONE),
        async {
            world.log.begun(2).await;
            tokio::task::yield_now().await;
            world.post("/accounts/a/deposit", ONE).await
        },
        async {
            world.log.begun(2).await;
            world.api.drain().await;
        },
        async {
            world.log.begun(2).await;
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            world.log.hold(false);
        }
    );
    assert_eq!((deposit.status, late.code().as_str()), (200, "unavailable"));
    assert_eq!(world.log.events().len(), 2);
}

#[actix_web::test]
async fn a_store_that_was_emptied_meanwhile_is_not_believed() {
    let mut world = opened().await;
    world.project();
    world.restart(Config::default());
    assert_eq!(world.post("/accounts/b/open", "{}").await.status, 201);
    world.store.project(Vec::new());
    assert_eq!(world.post("/accounts/a/open", "{}").await.code(), "already-exists");
    assert_eq!(world.post("/accounts/a/deposit", ONE).await.json()["version"], 2);
    assert_dense(&world, "a");
}

#[rstest::rstest]
#[case::before_writing(Fault::Panic)]
#[case::after_writing(Fault::WrittenPanic)]
#[actix_web::test]
async fn a_fault_of_the_owner_is_answered_and_the_partition_goes_on(#[case] fault: Fault) {
    let world = opened().await;
    world.log.fail_next(fault);
    let key = [("idempotency-key", "k")];
    let broken = world.call("/accounts/a/deposit", &key, ONE).await;
    assert_eq!(broken.brief(), (503, "outcome-unknown".to_owned()));
    assert_eq!(broken.json()["id"], "a");
    let retry = world.call("/accounts/a/deposit", &key, ONE).await;
    assert_eq!(retry.json()["version"], 2, "{}", retry.text);
    let replayed = retry.header("idempotency-replayed").is_some();
    assert_eq!(replayed, fault == Fault::WrittenPanic);
    assert_eq!(world.post("/accounts/a/deposit", ONE).await.json()["version"], 3);
    assert_dense(&world, "a");
}

#[actix_web::test]
async fn a_fault_while_a_cold_aggregate_is_read_leaves_nobody_waiting() {
    let world = opened().await;
    world.store.panic_next();
    let answer = world.post("/accounts/b/open", "{}").await;
    assert_eq!(answer.brief(), (503, "unavailable".to_owned()));
    assert_eq!(world.post("/accounts/b/open", "{}").await.status, 201);
    assert_eq!(world.post("/accounts/a/deposit", ONE).await.json()["version"], 2);
}

#[actix_web::test]
async fn a_row_read_before_the_store_passed_the_tail_is_not_decided_on() {
    // Somewhere in this range memory is tight, so that the mark is looked at, and not yet full.
    for state_bytes in (400..600).step_by(15) {
        let mut world = opened().await;
        world.restart(Config { state_bytes, ..Config::default() });
        world.post("/accounts/b/open", "{}").await;
        world.store.hold(true);
        let asked = world.store.times_asked();
        let mut deposit = std::pin::pin!(world.post("/accounts/a/deposit", ONE));
        let pass = async {
            world.store.asked(asked + 1).await;
            world.project();
            // Makes the owner look at the mark, while the row of `a` is on its way. Where that lets
            // go of `b`, its row is held back too, so the release does not wait for it.
            let poke = world.post("/accounts/b/deposit", ONE);
            let release = async {
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                world.store.hold(false);
            };
            tokio::join!(poke, release);
        };
        let deposit = tokio::select! {
            biased;
            refused = &mut deposit => refused,
            () = pass => deposit.await,
        };
        if deposit.code() == "overloaded" {
            continue;
        }
        assert_eq!(deposit.status, 200, "{}", deposit.text);
        assert_eq!(deposit.json()["version"], 2);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Deposit(i64),
    Withdraw(i64),
    Fault(Fault),
    Project,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1_i64..5).prop_map(Act::Deposit),
        6 => (1_i64..5).prop_map(Act::Withdraw),
        1 => prop_oneof![
            Just(Fault::WrittenUnknown),
            Just(Fault::LostUnknown),
            Just(Fault::NothingWritten),
            Just(Fault::Fenced),
            Just(Fault::Panic),
            Just(Fault::WrittenPanic),
        ]
        .prop_map(Act::Fault),
        1 => Just(Act::Project),
    ]
}

async fn run(acts: Vec<Act>) {
    let world = World::with(Config { state_bytes: 3_000, ..Config::default() });
    world.post("/accounts/a/open", "{}").await;
    for acts in acts.chunks(6) {
        let calls = acts.iter().map(|act| async {
            match act {
                Act::Fault(fault) => world.log.fail_next(*fault),
                Act::Project => world.project(),
                Act::Deposit(n) => {
                    world.post("/accounts/a/deposit", &format!(r#"{{"amount":{n}}}"#)).await;
                }
                Act::Withdraw(n) => {
                    world.post("/accounts/a/withdraw", &format!(r#"{{"amount":{n}}}"#)).await;
                }
            }
        });
        join_all(calls).await;
    }
    assert_dense(&world, "a");
    let account = world.model.aggregate("account").expect("declared");
    let mut balance = 0;
    for event in world.log.events() {
        let (_, data) = account.read_event(&event.event, &event.data).expect("an event");
        let model::Value::Record(fields) = data else { panic!("no record") };
        match (&*event.event, fields.first()) {
            ("Deposited", Some(model::Value::Int(n))) => balance += n,
            ("Withdrawn", Some(model::Value::Int(n))) => balance -= n,
            _ => {}
        }
        assert!(balance >= 0, "overdrawn");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever races and whatever fails: no rule is broken, and versions are dense.
    #[test]
    fn no_race_and_no_fault_breaks_a_rule(acts in proptest::collection::vec(act(), 1..40)) {
        actix_web::rt::System::new().block_on(run(acts));
    }
}
