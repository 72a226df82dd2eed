//! Groups, and who owns what.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use foldline_event_log::kafka::{Group, KafkaConfig};
use foldline_event_log::{Log, Membership, PartitionId};

use crate::support::{config, open, partition};

type Set = BTreeSet<PartitionId>;

/// Waits until a member holds what is wanted.
async fn holds(member: &Arc<dyn Membership>, wanted: impl Fn(&Set) -> bool) -> Arc<Set> {
    let mut assigned = member.assigned();
    let found = assigned.wait_for(|set| wanted(set));
    let found = tokio::time::timeout(Duration::from_secs(30), found).await;
    found.expect("an assignment in time").expect("a member").clone()
}

#[tokio::test]
async fn two_members_share_and_hand_over() {
    let config = KafkaConfig { partitions: 4, ..config() };
    let (here, there) = (open(&config).await, open(&config).await);
    let first = here.join(Group::Owners).await.expect("a place");
    let all = holds(&first, |set| set.len() == 4).await;
    assert!(first.still_assigned(&partition(0)).await);
    let second = there.join(Group::Owners).await.expect("a place");
    let kept = holds(&first, |set| set.len() == 2).await;
    let moved = holds(&second, |set| set.len() == 2).await;
    assert_eq!(kept.union(&moved).cloned().collect::<Set>(), *all);
    for partition in all.iter() {
        assert_eq!(first.still_assigned(partition).await, kept.contains(partition));
        assert_eq!(second.still_assigned(partition).await, moved.contains(partition));
    }
    first.leave().await;
    assert!(first.assigned().borrow().is_empty());
    holds(&second, |set| set.len() == 4).await;
    assert!(!first.still_assigned(&partition(0)).await);
}

#[tokio::test]
async fn the_partitions_of_each_type_are_shared_out_by_themselves() {
    let types = vec!["order".into(), "cart".into(), "item".into()];
    let config = KafkaConfig { partitions: 4, aggregates: types, ..config() };
    let (here, there) = (open(&config).await, open(&config).await);
    let first = here.join(Group::Owners).await.expect("a place");
    holds(&first, |set| set.len() == 12).await;
    let second = there.join(Group::Owners).await.expect("a place");
    let of_each = |set: &Set| {
        let of = |name: &str| set.iter().filter(|partition| &*partition.topic == name).count();
        ["order", "cart", "item"].map(of) == [2; 3]
    };
    holds(&first, of_each).await;
    holds(&second, of_each).await;
    first.leave().await;
    assert!(first.assigned().borrow().is_empty());
    holds(&second, |set| set.len() == 12).await;
}

#[tokio::test]
async fn owners_and_projectors_are_two_groups() {
    let log = open(&config()).await;
    let owners = log.join(Group::Owners).await.expect("a place");
    let projectors = log.join(Group::Projectors).await.expect("a place");
    holds(&owners, |set| set.len() == 2).await;
    holds(&projectors, |set| set.len() == 2).await;
}

/// Waits until a member knows that owner.
async fn hears(member: &Arc<dyn Membership>, partition: &PartitionId, owner: Option<&str>) {
    let heard = async {
        while member.owner(partition).as_deref() != owner {
            tokio::task::yield_now().await;
        }
    };
    let heard = tokio::time::timeout(Duration::from_secs(15), heard).await;
    heard.unwrap_or_else(|_| panic!("{:?} instead of {owner:?}", member.owner(partition)));
}

#[tokio::test]
async fn everybody_hears_who_was_given_and_who_claimed_a_partition() {
    let config = config();
    let at = |url: &str| KafkaConfig { advertise: url.into(), ..config.clone() };
    let (here, there) = (open(&at("http://a")).await, open(&at("http://b")).await);
    let first = here.join(Group::Owners).await.expect("a place");
    holds(&first, |set| set.len() == 2).await;
    let second = there.join(Group::Projectors).await.expect("a place");
    hears(&second, &partition(0), Some("http://a")).await;
    assert_eq!(first.owner(&partition(0)), None);
    let _owner = there.claim(&partition(0), "").await.expect("a claim");
    hears(&first, &partition(0), Some("http://b")).await;
    hears(&second, &partition(0), None).await;
    // Who comes later knows it too.
    let later = open(&at("http://c")).await.join(Group::Projectors).await.expect("a place");
    assert_eq!(later.owner(&partition(0)).as_deref(), Some("http://b"));
    assert_eq!(later.owner(&partition(1)).as_deref(), Some("http://a"));
}
