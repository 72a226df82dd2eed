//! A partition that is taken away and given back while a batch is on its way, or about to be.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use event_log::{Log, Membership, PartitionId};
use support::World;
use support::log::FakeLog;
use tokio::sync::watch;

/// All partitions, until they are taken away.
struct Lent(watch::Sender<Arc<BTreeSet<PartitionId>>>);

#[async_trait]
impl Membership for Lent {
    fn assigned(&self) -> watch::Receiver<Arc<BTreeSet<PartitionId>>> {
        self.0.subscribe()
    }

    async fn still_assigned(&self, partition: &PartitionId) -> bool {
        self.0.borrow().contains(partition)
    }

    fn owner(&self, _: &PartitionId) -> Option<Arc<str>> {
        None
    }

    async fn leave(&self) {
        self.0.send_replace(Arc::default());
    }
}

async fn a_while() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

/// A world with an open account, in a group that lends it its partitions.
async fn opened() -> (World, Arc<Lent>) {
    let log = FakeLog::new();
    let all: Arc<BTreeSet<PartitionId>> = Arc::new(log.partitions().into_iter().collect());
    let lent = Arc::new(Lent(watch::Sender::new(all)));
    let world = World::member(log, lent.clone());
    assert_eq!(world.post("/accounts/a/open", "{}").await.status, 201);
    (world, lent)
}

impl Lent {
    /// Takes all partitions away and gives them back.
    async fn take_and_give_back(&self) {
        let all = self.0.borrow().clone();
        self.leave().await;
        a_while().await;
        self.0.send_replace(all);
        a_while().await;
    }
}

fn versions(world: &World) -> Vec<u64> {
    world.log.events().iter().map(|event| event.version).collect()
}

#[actix_web::test]
async fn what_a_handover_dropped_is_not_remembered_where_it_is_taken_back() {
    let (world, lent) = opened().await;
    world.log.hold(true);
    let key = [("idempotency-key", "\"k\"")];
    let (first, second, ()) = tokio::join!(
        world.post("/accounts/a/deposit", r#"{"amount":1}"#),
        async {
            world.log.begun(2).await;
            world.call("/accounts/a/deposit", &key, r#"{"amount":2}"#).await
        },
        async {
            world.log.begun(2).await;
            a_while().await;
            lent.take_and_give_back().await;
            world.log.hold(false);
        }
    );
    assert_eq!((first.status, second.status), (200, 200), "{}", second.text);
    assert_eq!(versions(&world), [1, 2, 3], "both deposits were acknowledged");
}

#[actix_web::test]
async fn a_batch_that_waited_for_its_turn_is_dropped_with_the_partition() {
    let (world, lent) = opened().await;
    world.log.stop_turns(true);
    let (answer, ()) = tokio::join!(world.post("/accounts/a/deposit", r#"{"amount":1}"#), async {
        world.log.asked(2).await;
        lent.take_and_give_back().await;
        assert_eq!(world.log.appends(), 1, "it was not this instance's turn");
        // Asked again under the new claim.
        world.log.asked(3).await;
        world.log.stop_turns(false);
    });
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(versions(&world), [1, 2], "once");
}

#[actix_web::test]
async fn what_comes_in_until_the_turn_goes_into_one_batch() {
    let (world, _lent) = opened().await;
    world.log.stop_turns(true);
    let deposits = (0..5).map(|_| world.post("/accounts/a/deposit", r#"{"amount":1}"#));
    let (answers, ()) = tokio::join!(futures::future::join_all(deposits), async {
        world.log.asked(2).await;
        a_while().await;
        world.log.stop_turns(false);
    });
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(versions(&world), [1, 2, 3, 4, 5, 6]);
    assert_eq!(world.log.appends(), 2, "the account's opening and one batch");
}
