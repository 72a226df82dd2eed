//! An owner whose memory is full of what is not projected yet: it takes nothing more in, and
//! answers what needs no room.

mod support;

use foldline_command_api::Config;
use support::World;

const ONE: &str = r#"{"amount":1}"#;
const KEY: [(&str, &str); 1] = [("idempotency-key", "k")];
const TICKET: &str = r#"{"title":"x"}"#;

/// Account `0` had a deposit under a key; the others fill the memory.
async fn full() -> World {
    let world = World::with(Config { state_bytes: 4_000, ..Config::default() });
    assert_eq!(world.post("/accounts/0/open", "{}").await.status, 201);
    assert_eq!(world.call("/accounts/0/deposit", &KEY, ONE).await.status, 200);
    for n in 1..20 {
        let answer = world.post(&format!("/accounts/{n}/open"), "{}").await;
        if answer.status != 201 {
            assert_eq!(answer.brief(), (429, "overloaded".to_owned()));
            return world;
        }
    }
    panic!("memory is bounded");
}

#[actix_web::test]
async fn a_dry_run_on_what_is_in_memory_is_answered_and_writes_nothing() {
    let world = full().await;
    let before = world.log.records().len();
    let refused = world.post("/accounts/0/deposit", ONE).await;
    assert_eq!(refused.brief(), (429, "overloaded".to_owned()));
    let dry = world.post("/accounts/0/deposit?dry_run=true", ONE).await;
    assert_eq!((dry.status, dry.json()["version"].as_u64()), (200, Some(3)), "{}", dry.text);
    let rule = world.post("/accounts/0/withdraw?dry_run=true", r#"{"amount":9}"#).await;
    assert_eq!(rule.brief(), (409, "overdrawn".to_owned()));
    assert_eq!(world.log.records().len(), before);
}

#[actix_web::test]
async fn a_used_key_is_answered_again() {
    let world = full().await;
    let again = world.call("/accounts/0/deposit", &KEY, ONE).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
}

#[actix_web::test]
async fn what_is_not_in_memory_is_refused_unread_dry_runs_included() {
    let world = full().await;
    let asked = world.store.times_asked();
    for path in [
        "/accounts/x/open",
        "/accounts/x/open?dry_run=true",
        "/tickets/issue",
        "/tickets/issue?dry_run=true",
    ] {
        let body = if path.starts_with("/tickets") { TICKET } else { "{}" };
        let refused = world.post(path, body).await;
        assert_eq!(refused.brief(), (429, "overloaded".to_owned()), "{path}");
    }
    assert_eq!(world.store.times_asked(), asked);
}

#[actix_web::test]
async fn ids_made_for_what_is_refused_leave_nothing_behind() {
    let world = full().await;
    for _ in 0..700 {
        assert_eq!(world.post("/tickets/issue", TICKET).await.status, 429);
    }
    world.project();
    let answer = world.post("/tickets/issue", TICKET).await;
    assert_eq!(answer.status, 201, "one look at the mark makes room: {}", answer.text);
}
