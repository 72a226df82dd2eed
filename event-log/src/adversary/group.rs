//! A group of instances that share partitions out. News of it comes late to those who stand still.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::link::Link;
use crate::membership::Membership;
use crate::record::PartitionId;

/// What the coordinator of the group says.
#[derive(Default)]
struct Agreed {
    owners: BTreeMap<PartitionId, u64>,
    /// Since when a partition is no longer a member's that had it once.
    lost: BTreeMap<(PartitionId, u64), Instant>,
}

/// The group.
#[derive(Default)]
pub struct Group {
    agreed: Mutex<Agreed>,
    moved: Notify,
}

/// What a member has heard, and who listens: each with a channel of its own, for of several on one
/// nobody could say who wakes first.
#[derive(Default)]
struct Heard {
    mine: Arc<BTreeSet<PartitionId>>,
    listeners: Vec<watch::Sender<Arc<BTreeSet<PartitionId>>>>,
}

/// An instance's place in it.
pub struct Member {
    group: Arc<Group>,
    link: Link,
    number: u64,
    heard: Mutex<Heard>,
}

impl Group {
    /// A group without members.
    pub fn new() -> Arc<Group> {
        Arc::default()
    }

    /// Shares the partitions out anew: the member of each.
    pub fn rebalance(&self, owners: BTreeMap<PartitionId, u64>) {
        let mut agreed = self.agreed();
        for (partition, owner) in owners {
            agreed.lost.remove(&(partition.clone(), owner));
            if let Some(before) = agreed.owners.insert(partition.clone(), owner)
                && before != owner
            {
                agreed.lost.insert((partition, before), Instant::now());
            }
        }
        drop(agreed);
        self.moved.notify_waiters();
    }

    /// Since when a partition is no longer this member's; `None` where it is, or never was.
    pub fn lost(&self, partition: &PartitionId, member: u64) -> Option<Instant> {
        self.agreed().lost.get(&(partition.clone(), member)).copied()
    }

    /// Which member a partition belongs to.
    pub fn owner(&self, partition: &PartitionId) -> Option<u64> {
        self.agreed().owners.get(partition).copied()
    }

    /// Joins as a member of this number; what is its own is heard a little later.
    pub fn join(self: &Arc<Self>, number: u64, link: Link) -> Arc<Member> {
        let heard = Mutex::default();
        let member = Arc::new(Member { group: self.clone(), link, number, heard });
        let (listening, group) = (Arc::downgrade(&member), self.clone());
        tokio::spawn(async move {
            loop {
                let moved = group.moved.notified();
                let Some(member) = listening.upgrade() else { return };
                member.hear().await;
                drop(member);
                moved.await;
            }
        });
        member
    }

    fn agreed(&self) -> MutexGuard<'_, Agreed> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, number: u64) -> BTreeSet<PartitionId> {
        let agreed = self.agreed();
        let mine = agreed.owners.iter().filter(|(_, owner)| **owner == number);
        mine.map(|(partition, _)| partition.clone()).collect()
    }
}

impl Member {
    async fn hear(&self) {
        let delay = 5 + self.link.below(300);
        tokio::time::sleep(Duration::from_millis(delay)).await;
        (self.link.gate)().await;
        if self.link.below(6) == 0 {
            self.hear_half().await;
        }
        self.tell(Arc::new(self.group.of(self.number)));
    }

    /// For a while it hears of what it is given, not of what it has lost, and goes on as if nothing
    /// had happened.
    async fn hear_half(&self) {
        let until = Instant::now() + Duration::from_millis(1_000 + self.link.below(12_000));
        loop {
            let moved = self.group.moved.notified();
            let mut mine = self.group.of(self.number);
            mine.extend(self.heard().mine.iter().cloned());
            self.tell(Arc::new(mine));
            if tokio::time::timeout_at(until, moved).await.is_err() {
                return (self.link.gate)().await;
            }
            (self.link.gate)().await;
        }
    }

    fn tell(&self, mine: Arc<BTreeSet<PartitionId>>) {
        let mut heard = self.heard();
        if heard.mine != mine {
            heard.listeners.iter().for_each(|listener| drop(listener.send_replace(mine.clone())));
            heard.mine = mine;
        }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Membership for Member {
    fn assigned(&self) -> watch::Receiver<Arc<BTreeSet<PartitionId>>> {
        let mut heard = self.heard();
        let (sender, receiver) = watch::channel(heard.mine.clone());
        heard.listeners.push(sender);
        receiver
    }

    async fn still_assigned(&self, partition: &PartitionId) -> bool {
        let (group, number, partition) = (self.group.clone(), self.number, partition.clone());
        let asked = self.link.call(move || group.owner(&partition) == Some(number)).await;
        asked.unwrap_or(false)
    }

    fn owner(&self, _: &PartitionId) -> Option<Arc<str>> {
        None
    }

    async fn leave(&self) {
        self.tell(Arc::default());
    }
}
