//! Whatever the bounds of the batches and wherever it is broken off: the tables are the fold.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use foldline_projector::{Config, Projector};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use support::World;
use support::log::NewEvent;
use support::store::Tables;

const IDS: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Debug)]
enum Act {
    Command {
        id: usize,
        events: Vec<NewEvent>,
        key: bool,
    },
    /// A new owner, and one record of the old one that comes late.
    Takeover,
}

fn event() -> impl Strategy<Value = NewEvent> {
    let amount = prop_oneof![6 => -20..20_i64, 1 => Just(13), 1 => Just(i64::MAX)];
    prop_oneof![
        2 => (0..3).prop_map(|n| ("AccountOpened", json!({ "owner": format!("o{n}") }))),
        4 => amount.prop_map(|n| ("MoneyDeposited", json!({ "amount": n }))),
        4 => (0..30_i64, 0..4).prop_map(|(n, fee)| {
            ("MoneyWithdrawn", json!({ "amount": n, "fee": f64::from(fee) / 4.0 }))
        }),
        3 => proptest::collection::vec(0..4, 0..4).prop_map(|tags| {
            let tags: Vec<_> = tags.iter().map(|tag| format!("t{tag}")).collect();
            ("AccountTagged", json!({ "tags": tags }))
        }),
        1 => Just(("AccountClosed", json!({}))),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let events = proptest::collection::vec(event(), 1..4);
    prop_oneof![
        12 => (0..IDS.len(), events, any::<bool>())
            .prop_map(|(id, events, key)| Act::Command { id, events, key }),
        1 => Just(Act::Takeover),
    ]
}

#[derive(Clone, Debug)]
struct Crash {
    applies: usize,
    after_effect: bool,
    batch_events: usize,
    batch_bytes: usize,
}

fn crash() -> impl Strategy<Value = Crash> {
    (0..4_usize, any::<bool>(), 1..9_usize, 1..12_usize).prop_map(
        |(applies, after, events, records)| Crash {
            applies,
            after_effect: after,
            batch_events: events,
            batch_bytes: records * 100,
        },
    )
}

fn write(world: &World, acts: &[Act]) {
    for (at, act) in acts.iter().enumerate() {
        match act {
            Act::Command { id, events, key } => {
                let key = key.then(|| format!("k{at}"));
                world.log.command(&world.model, IDS[*id], events, key.as_deref());
            }
            Act::Takeover => {
                let late = world.log.events().pop();
                world.log.claim_anew();
                if let Some((_, mut late)) = late {
                    late.seq += 1;
                    world.log.push_stale(late);
                }
            }
        }
    }
}

/// All but the catalog's revision and the marks' places, which depend on the number of starts.
fn content(world: &World) -> Tables {
    let mut tables = world.store.tables().clone();
    tables.catalog.revision = 0;
    tables.rows.retain(|_, rows| !rows.is_empty());
    tables.cells.retain(|_, cells| !cells.is_empty());
    tables
}

async fn with_crashes(world: &World, crashes: &[Crash]) {
    for crash in crashes {
        world.store.faults.lock().unwrap().fail = Some((crash.applies, crash.after_effect));
        let config = Config {
            batch_events: crash.batch_events,
            batch_bytes: crash.batch_bytes,
            atomic: crash.after_effect,
            ..Config::default()
        };
        // Whether it comes to the end or is broken off is all the same here.
        let _ = world.fill_with(&config).await;
    }
    world.store.faults.lock().unwrap().fail = None;
    world.fill().await.unwrap();
    if world.store.tables().marks.values().any(|mark| mark.offset < last(world)) {
        run_to_the_end(world).await;
    }
}

fn last(world: &World) -> i64 {
    world.log.events().last().map_or(-1, |(offset, _)| *offset)
}

async fn run_to_the_end(world: &World) {
    let projector = Projector::new(
        world.model.clone(),
        world.log.clone(),
        Arc::new(world.store.clone()),
        Box::new(world.store.clone()),
        Config::default(),
    );
    let status = projector.status_handle();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let running = tokio::spawn(projector.run(stopped));
    let target = last(world);
    while status.get().partitions.first().is_none_or(|partition| partition.mark < target) {
        assert_eq!(status.get().stopped(), None);
        tokio::task::yield_now().await;
    }
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_events_in_any_batches_with_any_crashes_leave_the_tables_of_one_fold(
        acts in proptest::collection::vec(act(), 1..40),
        crashes in proptest::collection::vec(crash(), 0..5),
        later in proptest::collection::vec(act(), 0..10),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let broken = World::new();
            write(&broken, &acts);
            with_crashes(&broken, &crashes).await;
            write(&broken, &later);
            run_to_the_end(&broken).await;

            let whole = World { log: broken.log.clone(), ..World::new() };
            whole.fill().await.unwrap();
            assert_eq!(content(&broken), content(&whole));

            let report = broken.verify().await;
            assert!(report.agrees(), "{:#?}", report.differences);
        });
    }
}
