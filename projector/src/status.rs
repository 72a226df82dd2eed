//! How the projector is doing, for health, metrics and `status`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use event_log::PartitionId;

/// All partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// In order.
    pub partitions: Vec<PartitionStatus>,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Which.
    pub partition: PartitionId,
    /// Offset after the last record known in the log.
    pub head: i64,
    /// Offset of the last record that all runs have taken in; -1 before any.
    pub mark: i64,
    /// Time of the oldest record that is read and not yet in the tables, milliseconds.
    pub pending_since: Option<i64>,
    /// Events applied since start.
    pub events: u64,
    /// Batches applied since start.
    pub batches: u64,
    /// How many ids are set aside, counted per view.
    pub parked: u64,
    /// Records since start that did not count (stale claim, wrong sequence).
    pub dropped: u64,
    /// Why the partition stands still, if it does.
    pub stopped: Option<String>,
    /// Why log or store can't be reached just now, if so.
    pub unavailable: Option<String>,
}

impl PartitionStatus {
    fn new(partition: PartitionId) -> PartitionStatus {
        PartitionStatus {
            partition,
            head: 0,
            mark: -1,
            pending_since: None,
            events: 0,
            batches: 0,
            parked: 0,
            dropped: 0,
            stopped: None,
            unavailable: None,
        }
    }

    /// How many offsets the tables are behind.
    pub fn lag_events(&self) -> u64 {
        u64::try_from(self.head - 1 - self.mark).unwrap_or(0)
    }

    /// Shows it as metrics, but for what changes with time alone.
    fn show(&self) {
        let place = self.partition.to_string();
        metrics::gauge!("foldline_projector_parked", "partition" => place.clone())
            .set(self.parked as f64);
        metrics::gauge!("foldline_projector_lag_events", "partition" => place)
            .set(self.lag_events() as f64);
    }

    /// For how long the oldest record that is not in the tables has waited.
    pub fn lag_ms(&self, now: i64) -> u64 {
        let waited = self.pending_since.map_or(0, |since| now.saturating_sub(since));
        u64::try_from(waited).unwrap_or(0)
    }
}

impl Status {
    /// The first reason for which some partition stands still.
    pub fn stopped(&self) -> Option<&str> {
        self.partitions.iter().find_map(|partition| partition.stopped.as_deref())
    }
}

/// Reads the status from anywhere, while the projector runs.
#[derive(Clone, Debug, Default)]
pub struct StatusHandle(Arc<Mutex<BTreeMap<PartitionId, PartitionStatus>>>);

impl StatusHandle {
    /// The status at this moment.
    pub fn get(&self) -> Status {
        let partitions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Status { partitions: partitions.values().cloned().collect() }
    }

    /// How many batches of a partition were applied.
    pub(crate) fn batches(&self, partition: &PartitionId) -> u64 {
        let partitions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        partitions.get(partition).map_or(0, |status| status.batches)
    }

    /// Forgets a partition that others feed from now on.
    pub(crate) fn remove(&self, partition: &PartitionId) {
        let mut partitions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if partitions.remove(partition).is_some() {
            PartitionStatus::new(partition.clone()).show();
            show_lag(partition, 0);
        }
    }

    /// Shows as metrics for how long each partition's oldest waiting record has waited by now: it
    /// grows while nothing moves.
    pub(crate) fn show_lags(&self, now: i64) {
        let partitions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (partition, status) in partitions.iter() {
            show_lag(partition, status.lag_ms(now));
        }
    }

    /// Changes one partition's part and shows it as metrics.
    pub(crate) fn update(
        &self,
        partition: &PartitionId,
        change: impl FnOnce(&mut PartitionStatus),
    ) {
        let mut partitions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let status = partitions
            .entry(partition.clone())
            .or_insert_with(|| PartitionStatus::new(partition.clone()));
        change(status);
        status.show();
    }
}

fn show_lag(partition: &PartitionId, lag_ms: u64) {
    let place = partition.to_string();
    metrics::gauge!("foldline_projector_lag_seconds", "partition" => place)
        .set(lag_ms as f64 / 1_000.0);
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn lag_and_parked_ids_are_shown_and_forgotten_with_the_partition() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = recorder.handle();
        let partition = PartitionId { topic: "log".into(), number: 3 };
        let status = StatusHandle::default();
        let line = |name: &str, value: &str| {
            let line = format!("foldline_projector_{name}{{partition=\"log/3\"}} {value}");
            let text = shown.render();
            assert!(text.lines().any(|l| l == line), "{line} is not in {text}");
        };
        metrics::with_local_recorder(&recorder, || {
            status.update(&partition, |status| {
                status.head = 9;
                status.parked = 2;
                status.pending_since = Some(1_000);
            });
            status.show_lags(2_500);
            line("lag_events", "9");
            line("lag_seconds", "1.5");
            line("parked", "2");
            status.show_lags(61_000);
            line("lag_seconds", "60");
            status.remove(&partition);
            for name in ["lag_events", "lag_seconds", "parked"] {
                line(name, "0");
            }
        });
    }
}
