//! A changed model: what changed is filled anew, the rest stays.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use foldline_projector::Config;
use foldline_projector::generation::PrepareError;
use serde_json::json;
use support::{World, model_with};

fn write(world: &World) {
    for n in 0..20 {
        let id = format!("a{}", n % 7);
        if n < 7 {
            world.command(&id, &[("AccountOpened", json!({ "owner": format!("o{}", n % 3) }))]);
        }
        world.command(&id, &[("MoneyDeposited", json!({ "amount": n + 1 }))]);
    }
}

async fn agrees(world: &World) {
    let report = world.verify().await;
    assert!(report.agrees(), "{:#?}", report.differences);
    assert!(report.rows > 0 && report.events == 27);
}

#[tokio::test]
async fn nothing_changed_is_nothing_to_do() {
    let world = World::new();
    write(&world);
    let first = world.fill().await.unwrap();
    let applied = world.store.faults.lock().unwrap().applied;
    let second = world.fill().await.unwrap();
    assert_eq!(first.runs, second.runs);
    assert_eq!(world.store.faults.lock().unwrap().applied, applied);
}

#[tokio::test]
async fn a_changed_view_is_filled_beside_the_states_and_joins_them() {
    let mut world = World::new();
    write(&world);
    let before = world.fill().await.unwrap();
    world.model = model_with(&[("sort: [-balance]", "sort: [balance]")]);
    let after = world.fill().await.unwrap();
    assert_eq!(after.runs.len(), 1, "the shadow run has joined");
    assert_eq!(after.runs[0].id, before.runs[0].id);
    assert_ne!(after.runs[0].views, before.runs[0].views);
    assert_eq!(world.store.shown("accounts-by-owner").len(), 7);
    agrees(&world).await;
}

#[tokio::test]
async fn where_others_feed_the_states_a_changed_view_serves_from_a_run_of_its_own() {
    let shared = Config { atomic: false, ..Config::default() };
    let mut world = World::new();
    write(&world);
    let before = world.fill_with(&shared).await.unwrap();
    world.model = model_with(&[("sort: [-balance]", "sort: [balance]")]);
    let after = world.fill_with(&shared).await.unwrap();
    assert_eq!(after.runs.len(), 2);
    assert_eq!(after.runs[0].id, before.runs[0].id);
    let shadow = &after.runs[1];
    assert!(shadow.live && !shadow.primary && shadow.views.len() == 1);
    assert!(!after.runs[0].views.iter().any(|(name, _)| *name == shadow.views[0].0));
    agrees(&world).await;
    assert_eq!(world.fill_with(&shared).await.unwrap().runs, after.runs, "nothing is missing");
    world.model = model_with(&[]);
    let back = world.fill_with(&shared).await.unwrap();
    assert_eq!(back.runs.len(), 2, "the other shadow is gone");
    assert_ne!(back.runs[1].id, shadow.id);
}

#[tokio::test]
async fn a_catalog_that_another_projector_changes_is_read_again() {
    let world = World::new();
    write(&world);
    world.store.faults.lock().unwrap().conflicts = 2;
    world.fill().await.unwrap();
    agrees(&world).await;
}

#[tokio::test]
async fn a_changed_fold_gets_a_run_of_its_own() {
    let mut world = World::new();
    write(&world);
    let before = world.fill().await.unwrap();
    world.model = model_with(&[(
        "balance: state.balance + event.amount",
        "balance: state.balance + 2 * event.amount",
    )]);
    let after = world.fill().await.unwrap();
    assert_eq!(after.runs.len(), 1);
    assert_ne!(after.runs[0].id, before.runs[0].id);
    assert!(after.runs[0].live && after.runs[0].primary);
    agrees(&world).await;
}

#[tokio::test]
async fn a_removed_view_is_forgotten() {
    let mut world = World::new();
    write(&world);
    world.fill().await.unwrap();
    world.model = model_with(&[(
        "  shares:\n    where: \"state.balance >= 0\"\n    fields: { share: \"1000 / state.balance\" }\n",
        "",
    )]);
    let after = world.fill().await.unwrap();
    assert!(after.runs[0].views.iter().all(|(name, _)| &**name != "shares"));
    assert!(world.store.tables().rows.keys().all(|(_, view)| &**view != "shares"));
    agrees(&world).await;
}

#[tokio::test]
async fn a_fill_that_was_broken_off_and_given_up_leaves_no_gap() {
    let mut world = World::new();
    write(&world);
    world.fill().await.unwrap();
    let first = world.model.clone();
    world.model = model_with(&[("sort: [-balance]", "sort: [balance]")]);
    world.command("a1", &[("MoneyDeposited", json!({ "amount": 3 }))]);
    world.store.faults.lock().unwrap().fail = Some((2, true));
    let config = Config { batch_events: 5, batch_bytes: 800, ..Config::default() };
    world.fill_with(&config).await.unwrap_err();

    world.model = first;
    world.fill().await.unwrap();
    let report = world.verify().await;
    assert!(report.agrees(), "{:#?}", report.differences);
    assert_eq!(report.events, 28);
}

#[tokio::test]
async fn tables_of_another_log_are_refused() {
    let world = World::new();
    write(&world);
    world.fill().await.unwrap();
    world.store.tables().catalog.stream = Some(uuid::Uuid::from_u128(99));
    let error = world.fill().await.unwrap_err();
    assert!(matches!(error, PrepareError::OtherLog { .. }), "{error}");
}
