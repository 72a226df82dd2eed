//! The brokers: partitions behind one lock, and what they do by themselves as time goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use super::broker::{Partition, Refused};
use super::link::Random;
use crate::record::{Body, Offset, PartitionId, Record};

/// How long a transaction may stay open.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// All brokers together.
pub struct Cluster {
    partitions: BTreeMap<PartitionId, Mutex<Partition>>,
    /// Moves whenever more may be read.
    moved: Notify,
    random: Random,
    stream: Uuid,
    /// Longest delay of markers and replication, in milliseconds.
    lag: u64,
}

impl Cluster {
    /// Brokers with these partitions. `verifies`: they check a transaction's first record against
    /// its coordinator; `lag`: how many milliseconds followers and markers may be behind.
    pub fn new(
        partitions: impl IntoIterator<Item = PartitionId>,
        random: Random,
        verifies: bool,
        lag: u64,
    ) -> Arc<Cluster> {
        let made = |id| (id, Mutex::new(Partition::new(verifies)));
        Arc::new(Cluster {
            partitions: partitions.into_iter().map(made).collect(),
            moved: Notify::new(),
            stream: Uuid::from_u64_pair(random(), random()),
            random,
            lag,
        })
    }

    /// Committed records of a partition from its start, as the brokers know them.
    pub fn records(&self, partition: &PartitionId) -> Vec<Record> {
        self.partition(partition).map(|p| p.read(Offset(0), usize::MAX)).unwrap_or_default()
    }

    pub(super) fn stream(&self) -> Uuid {
        self.stream
    }

    pub(super) fn ids(&self) -> Vec<PartitionId> {
        self.partitions.keys().cloned().collect()
    }

    /// Wakes its waiters in the order in which they came, always the same.
    pub(super) fn moved(&self) -> &Notify {
        &self.moved
    }

    pub(super) fn init(self: &Arc<Self>, id: &PartitionId) -> Result<u32, Refused> {
        let epoch = self.partition(id).map_or(Err(Refused::InvalidState), |mut p| p.init());
        self.settle(id);
        epoch
    }

    pub(super) fn begin(self: &Arc<Self>, id: &PartitionId, epoch: u32) -> Result<(), Refused> {
        let Some(mut partition) = self.partition(id) else { return Err(Refused::InvalidState) };
        let before = partition.begun;
        partition.begin(epoch)?;
        let begun = partition.begun;
        if begun != before {
            let (cluster, id) = (self.clone(), id.clone());
            tokio::spawn(async move {
                tokio::time::sleep(TRANSACTION_TIMEOUT).await;
                cluster.time_out(&id, begun);
            });
        }
        Ok(())
    }

    pub(super) fn produce(
        self: &Arc<Self>,
        id: &PartitionId,
        epoch: u32,
        time: i64,
        body: Body,
    ) -> Result<Offset, Refused> {
        let Some(mut partition) = self.partition(id) else { return Err(Refused::InvalidState) };
        let offset = partition.produce(epoch, time, body)?;
        drop(partition);
        self.follow(id);
        Ok(offset)
    }

    pub(super) fn end(
        self: &Arc<Self>,
        id: &PartitionId,
        epoch: u32,
        commit: bool,
    ) -> Result<(), Refused> {
        let ended =
            self.partition(id).map_or(Err(Refused::InvalidState), |mut p| p.end(epoch, commit));
        self.settle(id);
        ended
    }

    pub(super) fn lose_leader(&self, id: &PartitionId) {
        if let Some(mut partition) = self.partition(id) {
            partition.truncate();
        }
    }

    pub(super) fn partition(&self, id: &PartitionId) -> Option<MutexGuard<'_, Partition>> {
        Some(self.partitions.get(id)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn time_out(self: &Arc<Self>, id: &PartitionId, begun: u64) {
        if let Some(mut partition) = self.partition(id)
            && partition.begun == begun
        {
            partition.abort_for_good();
        }
        self.settle(id);
    }

    /// Followers fetch what the leader has, a little later.
    fn follow(self: &Arc<Self>, id: &PartitionId) {
        let Some(end) = self.partition(id).map(|p| p.end_offset()) else { return };
        let (cluster, id, delay) = (self.clone(), id.clone(), self.delay());
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if let Some(mut partition) = cluster.partition(&id) {
                partition.replicate(end);
            }
            cluster.moved.notify_waiters();
        });
    }

    /// Writes the markers that are due, a little later.
    fn settle(self: &Arc<Self>, id: &PartitionId) {
        if !self.partition(id).is_some_and(|p| p.owes_marker()) {
            return;
        }
        let (cluster, id, delay) = (self.clone(), id.clone(), self.delay());
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            if let Some(mut partition) = cluster.partition(&id) {
                partition.mark();
            }
            cluster.follow(&id);
            cluster.moved.notify_waiters();
        });
    }

    fn delay(&self) -> Duration {
        let dice = (self.random)();
        let longest = if dice.is_multiple_of(8) { self.lag } else { 3 };
        Duration::from_millis(1 + (dice >> 8) % longest.max(1))
    }
}
