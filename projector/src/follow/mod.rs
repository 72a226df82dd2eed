//! Following one partition: read, plan, apply, and begin again from the marks after any error.
//!
//! While a batch is applied the next one is read and planned. An error of either kind throws both
//! away and starts from the stored marks, as a restarted process would: there is one way to
//! recover, and it needs no memory of what was under way.

mod failure;
mod next;
mod refused;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use event_log::validity::Validity;
use event_log::{ClaimId, Log, PartitionId, Record, planted};
use read_store::position::PartitionKey;
use read_store::{Mark, Reader, StoreError, Writer};
use tokio::sync::{Mutex, watch};

use crate::batch::{ActiveRun, Planned};
use crate::config::Config;
use crate::states::States;
use crate::status::StatusHandle;
use crate::stretch::Stretch;
pub(crate) use failure::Failure;

/// What a follower works with.
pub(crate) struct Parts<'a> {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) writer: &'a Mutex<&'a mut dyn Writer>,
    pub(crate) config: Config,
    pub(crate) status: StatusHandle,
}

/// Follows one partition for all runs.
pub(crate) struct Follower<'a> {
    parts: Parts<'a>,
    partition: PartitionId,
    key: PartitionKey,
    runs: Vec<ActiveRun>,
    validity: Validity,
    next: i64,
    queue: std::vec::IntoIter<Record>,
    states: States,
    /// Up to this offset each command is a batch of its own, to find the one that is refused.
    careful_until: i64,
}

/// A batch that waits for its turn.
struct Ready {
    planned: Planned,
    stretch: Arc<Stretch>,
    /// Whether it rests on a row above the own mark: another projector has been here, or an earlier
    /// try that was broken off, so what the writer remembers of rollup cells may be too old.
    overtaken: bool,
}

impl<'a> Follower<'a> {
    pub(crate) fn new(
        parts: Parts<'a>,
        partition: PartitionId,
        runs: Vec<ActiveRun>,
    ) -> Follower<'a> {
        Follower {
            key: (partition.topic.clone(), partition.number),
            states: States::new(parts.config.cache_bytes),
            parts,
            partition,
            runs,
            validity: Validity::default(),
            next: 0,
            queue: Vec::new().into_iter(),
            careful_until: -1,
        }
    }

    /// The lowest mark of its runs.
    pub(crate) fn mark(&self) -> i64 {
        self.runs.iter().map(|run| run.mark).min().unwrap_or(-1)
    }

    /// Forgets what was under way and stands at the stored marks.
    pub(crate) async fn restart(&mut self) -> Result<(), Failure> {
        // First, so that no mark is read of tables that it does not know.
        self.parts.writer.lock().await.begin();
        let marks = self.parts.reader.marks().await?;
        let mine = |run: &ActiveRun| -> Option<&Mark> {
            marks.iter().find(|mark| mark.run == run.run && mark.partition == self.key)
        };
        let stored: Vec<Option<Mark>> = self.runs.iter().map(|run| mine(run).cloned()).collect();
        let lowest = stored.iter().map(|m| m.as_ref().map_or(-1, |m| m.offset)).min();
        let at = stored.iter().flatten().find(|mark| Some(mark.offset) == lowest);
        self.validity = Validity {
            claim: at.and_then(|m| m.claim).map(|bytes| ClaimId(uuid::Uuid::from_bytes(bytes))),
            seq: at.map_or(0, |mark| mark.seq),
            held: Vec::new(),
        };
        let mut parked = 0;
        for (run, mark) in self.runs.iter_mut().zip(stored) {
            run.mark = mark.map_or(-1, |mark| mark.offset);
            run.parked.clear();
            if !planted::is("parked-views-forgotten") {
                parked += load_parked(&*self.parts.reader, run).await?;
            }
        }
        self.states.clear();
        self.queue = Vec::new().into_iter();
        self.next = self.mark() + 1;
        let head = self.parts.log.head(&self.partition).await?.0;
        let mark = self.mark();
        self.parts.status.update(&self.partition, |status| {
            status.mark = mark;
            status.head = head;
            status.parked = parked;
        });
        Ok(())
    }

    /// Applies batch after batch until the log's end is reached (`true`) or `shutdown` says so
    /// (`false`); `progress` hears of every mark.
    pub(crate) async fn catch_up(
        &mut self,
        shutdown: Option<&watch::Receiver<bool>>,
        progress: &mut (dyn FnMut(i64) + Send),
    ) -> Result<bool, Failure> {
        let mut ready: Option<Ready> = None;
        loop {
            if shutdown.is_some_and(|shutdown| *shutdown.borrow()) {
                return Ok(false);
            }
            let batch = ready
                .as_mut()
                .map(|ready| (std::mem::take(&mut ready.planned.batch), ready.overtaken));
            let writer = self.parts.writer;
            let pause = ready.as_ref().and_then(|ready| gathering(ready.stretch.events));
            let (applied, next) = tokio::join!(apply(writer, batch), async {
                if let Some(pause) = pause {
                    tokio::time::sleep(pause).await;
                }
                self.plan_next().await
            });
            if let Some(ready) = ready.take() {
                self.settle(ready, applied)?;
                progress(self.applied_mark());
            }
            match next? {
                Some(mut next) => {
                    self.states.planned(std::mem::take(&mut next.planned.states));
                    ready = Some(next);
                }
                None => return Ok(true),
            }
        }
    }

    fn applied_mark(&self) -> i64 {
        let status = self.parts.status.get();
        let mine = status.partitions.iter().find(|status| status.partition == self.partition);
        mine.map_or(-1, |status| status.mark)
    }

    fn settle(&mut self, ready: Ready, applied: Result<(), StoreError>) -> Result<(), Failure> {
        match applied {
            Ok(()) => {}
            Err(StoreError::Refused(detail)) => {
                return Err(Failure::Refused(ready.stretch, detail));
            }
            Err(error) => return Err(Failure::Unavailable(error.to_string())),
        }
        self.states.applied();
        let Ready { planned, stretch, .. } = ready;
        metrics::counter!("foldline_projector_events_total").increment(stretch.events as u64);
        metrics::counter!("foldline_projector_batches_total").increment(1);
        if stretch.dropped > 0 {
            tracing::warn!(partition = %self.partition, dropped = stretch.dropped,
                "records that do not count were passed over");
        }
        let parked = planned.parked + planned.parked_views.len();
        if parked > 0 {
            tracing::error!(partition = %self.partition, parked, "aggregates were set aside");
        }
        self.parts.status.update(&self.partition, |status| {
            status.mark = stretch.end.unwrap_or(status.mark).max(status.mark);
            status.head = status.head.max(status.mark + 1);
            status.events += stretch.events as u64;
            status.batches += 1;
            status.dropped += stretch.dropped;
            status.parked += parked as u64;
            status.stopped = None;
            status.unavailable = None;
            status.pending_since = None;
        });
        Ok(())
    }
}

/// Adds the ids that wait for views to those that are known; how many wait in all.
async fn load_parked(reader: &dyn Reader, run: &mut ActiveRun) -> Result<u64, Failure> {
    let pointers = reader.parked(&run.run).await?;
    let mut folds = std::collections::HashSet::new();
    for pointer in pointers {
        match &pointer.view {
            None => {
                folds.insert(pointer.id);
            }
            Some(name) => {
                if let Some(at) = run.views.iter().position(|view| view.name == *name) {
                    let from = run.parked.entry((at, pointer.id)).or_insert(pointer.offset);
                    *from = pointer.offset.min(*from);
                }
            }
        }
    }
    Ok((folds.len() + run.parked.len()) as u64)
}

/// How long to let events gather after a batch of this many. A batch rewrites every page that it
/// touches, so under load many small ones would cost more than a few larger ones; a lone event,
/// or a batch that is large already, waits for nothing.
fn gathering(events: usize) -> Option<Duration> {
    (16..1_024).contains(&events).then_some(Duration::from_millis(4))
}

async fn apply(
    writer: &Mutex<&mut dyn Writer>,
    batch: Option<(read_store::Batch, bool)>,
) -> Result<(), StoreError> {
    let Some((batch, overtaken)) = batch else { return Ok(()) };
    let mut writer = writer.lock().await;
    if overtaken && !planted::is("overtaken-unnoticed") {
        writer.forget();
    }
    writer.apply(batch).await
}
