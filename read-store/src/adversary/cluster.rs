//! Three replicas and the network between them and one instance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;

use super::cells::{Replica, Row, Statement};
use crate::catalog::Catalog;
use crate::planted;
use crate::store::StoreError;

/// Random numbers of the run.
pub type Random = fn() -> u64;

/// Lets an instance pass while its process runs; waits while it is paused, for good once it is
/// dead.
pub type Gate = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// How bad it is, in calls of ten thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreWeather {
    /// Not answered.
    pub unanswered: u64,
    /// Take long.
    pub slow: u64,
    /// Replicas that a write misses though it counts.
    pub missed: u64,
}

/// The way of one instance to the store.
#[derive(Clone)]
pub struct StoreLink {
    /// Of the run.
    pub random: Random,
    /// Of the instance.
    pub gate: Gate,
    /// How bad it is at this moment.
    pub weather: Arc<dyn Fn() -> StoreWeather + Send + Sync>,
}

/// All replicas, and the catalog, which is changed by compare-and-set.
#[derive(Default)]
pub struct StoreCluster {
    replicas: [Mutex<Replica>; 3],
    catalog: Mutex<Catalog>,
}

impl StoreCluster {
    /// An empty store.
    pub fn new() -> Arc<StoreCluster> {
        Arc::default()
    }

    pub(super) fn catalog(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn replica(&self, number: usize) -> MutexGuard<'_, Replica> {
        self.replicas[number % 3].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StoreLink {
    /// One statement at quorum.
    pub(super) async fn write(
        &self,
        store: &Arc<StoreCluster>,
        statement: Statement,
    ) -> Result<(), StoreError> {
        (self.gate)().await;
        let weather = (self.weather)();
        let dice = (self.random)();
        let unanswered = dice % 10_000 < weather.unanswered;
        let missed = (dice >> 16) % 10_000 < weather.missed;
        tokio::time::sleep(self.hop(weather)).await;
        let first = (dice >> 32) as usize;
        let reached = match (unanswered, missed) {
            (true, _) => (dice >> 40) as usize % 4,
            (false, true) if planted::is("written-at-one") => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        for number in 0..reached {
            store.replica(first + number).apply(&statement);
        }
        if reached < 3 && !(dice >> 48).is_multiple_of(3) {
            self.later(store, first + reached..first + 3, statement);
        }
        if unanswered {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        tokio::time::sleep(self.hop(weather)).await;
        (self.gate)().await;
        match unanswered {
            true => Err(StoreError::Unavailable("a write was not answered".to_owned())),
            false => Ok(()),
        }
    }

    /// One row at quorum: what two replicas have, merged, and given to both.
    pub(super) async fn row(
        &self,
        store: &Arc<StoreCluster>,
        table: &str,
        key: &str,
    ) -> Result<Option<Row>, StoreError> {
        let (one, two) = self.asked().await?;
        let mut merged = store.replica(one).row(table, key).cloned().unwrap_or_default();
        if let Some(row) = store.replica(two).row(table, key) {
            merged.merge(row);
        }
        for replica in [one, two] {
            store.replica(replica).repair(table, key, &merged);
        }
        self.answered().await;
        Ok(merged.exists().then_some(merged))
    }

    /// All rows of a table whose keys begin alike, at quorum.
    pub(super) async fn rows(
        &self,
        store: &Arc<StoreCluster>,
        table: &str,
        prefix: &str,
    ) -> Result<BTreeMap<String, Row>, StoreError> {
        let (one, two) = self.asked().await?;
        let mut merged = store.replica(one).rows(table, prefix);
        for (key, row) in store.replica(two).rows(table, prefix) {
            merged.entry(key).or_default().merge(&row);
        }
        for replica in [one, two] {
            let mut replica = store.replica(replica);
            merged.iter().for_each(|(key, row)| replica.repair(table, key, row));
        }
        self.answered().await;
        merged.retain(|_, row| row.exists());
        Ok(merged)
    }

    /// Waits for the instance and for the network.
    pub(super) async fn reach(&self) {
        (self.gate)().await;
        tokio::time::sleep(self.hop((self.weather)())).await;
    }

    pub(super) async fn answered(&self) {
        tokio::time::sleep(self.hop((self.weather)())).await;
        (self.gate)().await;
    }

    /// Which two replicas a read asks.
    async fn asked(&self) -> Result<(usize, usize), StoreError> {
        self.reach().await;
        let dice = (self.random)();
        if dice % 10_000 < (self.weather)().unanswered {
            tokio::time::sleep(Duration::from_millis(500)).await;
            (self.gate)().await;
            return Err(StoreError::Unavailable("a read was not answered".to_owned()));
        }
        let first = (dice >> 32) as usize % 3;
        if planted::is("read-at-one") {
            return Ok((first, first));
        }
        Ok((first, (first + 1) % 3))
    }

    /// What some replicas missed reaches them later.
    fn later(
        &self,
        store: &Arc<StoreCluster>,
        replicas: std::ops::Range<usize>,
        statement: Statement,
    ) {
        let (store, delay) = (store.clone(), (self.random)() % 8_000);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            replicas.for_each(|number| store.replica(number).apply(&statement));
        });
    }

    fn hop(&self, weather: StoreWeather) -> Duration {
        let dice = (self.random)();
        if dice % 10_000 < weather.slow {
            return Duration::from_millis(10 + (dice >> 16) % 400);
        }
        Duration::from_millis((dice >> 16) % 3)
    }
}
