//! What can't be projected is set aside by aggregate or by view; what is unknown stops.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use event_log::validity::Validity;
use event_log::{Log, Offset};
use foldline_projector::generation::PrepareError;
use foldline_projector::{ActiveRun, Projector, Stop, Stretch, plan};
use model::Value;
use read_store::position::PartitionKey;
use read_store::{ParkedWrite, RunId};
use serde_json::json;
use support::World;

fn opened(owner: &str) -> support::log::NewEvent {
    ("AccountOpened", json!({ "owner": owner }))
}

fn deposit(amount: i64) -> support::log::NewEvent {
    ("MoneyDeposited", json!({ "amount": amount }))
}

#[tokio::test]
async fn a_failing_fold_sets_one_aggregate_aside_and_the_others_flow() {
    let world = World::new();
    world.command("bad", &[opened("ann"), deposit(i64::MAX)]);
    world.command("bad", &[deposit(1)]);
    world.command("bad", &[deposit(-5)]);
    world.command("good", &[opened("bob"), deposit(10)]);
    world.fill().await.unwrap();

    let failing = world.log.events()[2].0;
    {
        let tables = world.store.tables();
        let states: Vec<_> = tables.states.iter().map(|((_, id), row)| (&**id, row)).collect();
        assert_eq!((states[0].0, states[0].1.version), ("bad", 2));
        assert_eq!(states[0].1.parked_from, Some(failing));
        assert_eq!((states[1].0, states[1].1.version, states[1].1.parked_from), ("good", 2, None));
        let of_fold = tables.parked.values().filter(|parked| parked.view.is_none());
        let waiting: Vec<_> = of_fold.map(|p| (p.version, p.reason.is_empty())).collect();
        assert_eq!(waiting, [(3, false), (4, true)]);
        let mut of_fold = tables.parked.values().filter(|parked| parked.view.is_none());
        let why = &of_fold.next().unwrap().reason;
        assert!(why.starts_with("account/model.yaml:") && why.ends_with("overflows"), "{why}");
    }
    let report = world.verify().await;
    assert!(report.agrees(), "{:#?}", report.differences);
}

#[tokio::test]
async fn a_failing_view_sets_the_aggregate_aside_for_that_view_alone() {
    let world = World::new();
    world.command("a", &[opened("ann")]); // balance 0: the share can't be computed
    world.command("a", &[deposit(10)]);
    world.command("b", &[opened("bob"), deposit(4)]);
    world.fill().await.unwrap();

    assert_eq!(world.store.shown("shares").len(), 0, "both began with balance 0");
    assert_eq!(world.store.shown("accounts-by-owner").len(), 2);
    let tables = world.store.tables().clone();
    assert!(tables.parked.values().all(|parked| parked.view.as_deref() == Some("shares")));
    assert!(tables.states.values().all(|row| row.parked_from.is_none()));
    let told: Vec<_> = tables.parked.values().map(|p| (&*p.id, p.version, &*p.reason)).collect();
    let why = told[0].2;
    assert!(why.starts_with("account/model.yaml:") && why.ends_with("division by zero"), "{why}");
    assert_eq!(told, [("a", 1, why), ("a", 2, ""), ("b", 1, why), ("b", 2, "")]);
    let report = world.verify().await;
    assert!(report.agrees(), "{:#?}", report.differences);
}

/// The run of a world, as if nothing were marked as projected.
fn ahead_of_nothing(world: &World) -> ActiveRun {
    let aggregate = world.model.aggregates[0].clone();
    ActiveRun {
        run: RunId("run".into()),
        views: aggregate.views.clone(),
        aggregate,
        primary: true,
        mark: -1,
        parked: HashMap::new(),
        refused: HashMap::new(),
    }
}

/// All that a world's log holds.
async fn whole(world: &World) -> (PartitionKey, Stretch) {
    let partition = world.log.partitions().remove(0);
    let records = world.log.read(&partition, Offset(0), usize::MAX).await.unwrap();
    let mut stretch = Stretch::default();
    stretch.gather(&mut Validity::default(), &mut records.into_iter(), usize::MAX);
    ((partition.topic, 0), stretch)
}

#[tokio::test]
async fn what_outlived_a_crash_without_its_mark_is_not_folded_twice() {
    let world = World::new();
    world.command("a", &[opened("ann"), deposit(10)]);
    world.command("a", &[deposit(5)]);
    let (partition, stretch) = whole(&world).await;
    let runs = [ahead_of_nothing(&world)];
    let first = plan(&runs, &partition, &stretch, |_, _| None).unwrap().batch;
    let stored = first.states[0].state.clone();
    assert_eq!(stored.version, 3);
    let again = plan(&runs, &partition, &stretch, |_, _| Some(stored.clone())).unwrap().batch;
    assert!(again.states.is_empty() && again.history.is_empty() && again.cells.is_empty());
    assert_eq!(again.marks, first.marks);
}

#[tokio::test]
async fn a_used_key_that_outlived_a_crash_is_not_counted_twice() {
    let world = World::new();
    let command = |events: &[_], key| world.log.command(&world.model, "a", events, Some(key));
    command(&[opened("ann"), deposit(10)], "first");
    let runs = [ahead_of_nothing(&world)];
    let (partition, stretch) = whole(&world).await;
    let stored = plan(&runs, &partition, &stretch, |_, _| None).unwrap().batch.states.remove(0);
    command(&[deposit(5)], "second");
    let (partition, stretch) = whole(&world).await;
    let again = plan(&runs, &partition, &stretch, |_, _| Some(stored.state.clone())).unwrap();
    let keys = again.batch.commands.iter().map(|write| (write.used.number, &*write.used.key));
    assert_eq!(keys.collect::<Vec<_>>(), [(2, "second")]);
    assert_eq!((stored.state.keyed, again.batch.states[0].state.keyed), (1, 2));
}

#[tokio::test]
async fn pointers_that_outlived_a_crash_hold_back_nothing_below_them() {
    let world = World::new();
    world.command("a", &[opened("ann"), deposit(10)]);
    world.command("a", &[deposit(5)]);
    let views = &world.model.aggregates[0].views;
    let place = views.iter().position(|view| &*view.name == "accounts-by-owner").unwrap();
    let waits = world.log.events()[2].0;
    let mut run = ahead_of_nothing(&world);
    run.parked = HashMap::from([((place, "a".into()), waits)]);
    let (partition, stretch) = whole(&world).await;
    let planned = plan(&[run], &partition, &stretch, |_, _| None).unwrap();

    let batch = planned.batch;
    let kept = batch.rows.iter().filter(|row| &*row.view.name == "accounts-by-owner");
    let kept: Vec<_> = kept.filter(|row| !row.delete).map(|row| row.row.0[1].clone()).collect();
    assert_eq!(kept, [Value::Int(10)], "the row as it was before the event that waits");
    let of_view = |write: &&ParkedWrite| write.view.as_deref() == Some("accounts-by-owner");
    let pointers: Vec<_> = batch.parked.iter().filter(of_view).map(|p| p.offset).collect();
    assert_eq!(pointers, [waits]);
}

#[tokio::test]
async fn a_row_that_the_store_refuses_sets_the_aggregate_aside_for_that_view() {
    let world = World::new();
    world.command("a", &[opened("ann"), deposit(10)]);
    world.command("b", &[opened("bob"), deposit(4)]);
    world.command("c", &[opened("cid"), deposit(4)]);
    world.store.faults.lock().unwrap().refuse = Some(("accounts-by-owner", "b"));
    world.fill().await.unwrap();

    assert_eq!(world.store.shown("accounts-by-owner").len(), 2);
    assert_eq!(world.store.shown("movements").len(), 3);
    let tables = world.store.tables();
    let refused: Vec<_> = tables
        .parked
        .values()
        .filter(|parked| parked.view.as_deref() == Some("accounts-by-owner"))
        .map(|parked| (&*parked.id, parked.version, &*parked.reason))
        .collect();
    let why = "the store refuses it: a value that can't be held";
    assert_eq!(refused, [("b", 1, why), ("b", 2, "")]);
}

#[tokio::test]
async fn an_unknown_event_type_stops_and_names_itself() {
    let world = World::new();
    world.command("a", &[opened("ann"), deposit(10)]);
    world.fill().await.unwrap();
    world.command("a", &[deposit(1)]);
    let (at, mut unknown) = world.log.events().pop().unwrap();
    unknown.event = "AccountFrozen".into();
    unknown.version += 1;
    unknown.seq += 1;
    world.log.push_stale(unknown);

    let projector = Projector::new(
        world.model.clone(),
        world.log.clone(),
        Arc::new(world.store.clone()),
        Box::new(world.store.clone()),
        foldline_projector::Config { batch_events: 1, ..Default::default() },
    );
    let status = projector.status_handle();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(projector.run(stopped));
    let reason = loop {
        match status.get().stopped() {
            Some(reason) => break reason.to_owned(),
            None => tokio::task::yield_now().await,
        }
    };
    assert!(reason.contains("AccountFrozen"), "{reason}");
    let mark = world.store.tables().marks.values().next().unwrap().offset;
    assert_eq!(mark, at, "what lies before it is projected");
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_gap_in_the_versions_stops() {
    let world = World::new();
    world.command("a", &[opened("ann")]);
    let (_, mut skipping) = world.log.events().pop().unwrap();
    skipping.version = 3;
    skipping.seq += 1;
    world.log.push_stale(skipping);
    let error = world.fill().await.unwrap_err();
    assert!(
        matches!(error, PrepareError::Stopped(Stop::VersionGap { found: 3, expected: 2, .. })),
        "{error}"
    );
}
