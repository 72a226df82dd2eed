//! Following one partition: read, plan, apply, and begin again from the marks after any error.
//!
//! While a batch is applied the next one is read and planned. An error of either kind throws both
//! away and starts from the stored marks, as a restarted process would: there is one way to
//! recover, and it needs no memory of what was under way.

mod refused;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use event_log::Offset;
use event_log::validity::Validity;
use event_log::{ClaimId, Log, PartitionId, ReadError, Record, planted};
use read_store::position::PartitionKey;
use read_store::{Mark, Reader, StoreError, Writer};
use tokio::sync::{Mutex, watch};

use crate::batch::{ActiveRun, Groups, Planned, Stop, group, plan_groups};
use crate::config::Config;
use crate::fold::Before;
use crate::states::States;
use crate::status::StatusHandle;
use crate::stretch::Stretch;

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

/// Why following was broken off.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Log or store can't be reached: again in a moment.
    Unavailable(String),
    /// The partition stops.
    Stopped(Stop),
    /// The store refuses the stretch that was to be applied.
    Refused(Arc<Stretch>, String),
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Failure {
        Failure::Stopped(stop)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        match error {
            ReadError::Unavailable(detail) => Failure::Unavailable(detail),
            damaged @ ReadError::Damaged { .. } => Failure::Stopped(Stop::Log(damaged.to_string())),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Unavailable(error.to_string())
    }
}

/// A batch that waits for its turn.
struct Ready {
    planned: Planned,
    stretch: Arc<Stretch>,
    /// Whether it rests on a row above the own mark: another projector has been here, or an earlier
    /// try that was broken off, so what the writer remembers of rollup cells may be too old.
    overtaken: bool,
}

/// The states before a stretch: of each run, of each of its aggregates.
#[derive(Default)]
struct StatesBefore {
    by_run: Vec<Vec<Before>>,
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

    /// Reads and plans the next stretch; `None` at the log's end.
    async fn plan_next(&mut self) -> Result<Option<Ready>, Failure> {
        let Some(stretch) = self.next_stretch().await?.map(Arc::new) else { return Ok(None) };
        let (planned, overtaken) = self.plan(&stretch).await?;
        for (run, view, id, from) in &planned.parked_views {
            self.runs[*run].parked.insert((*view, id.clone()), *from);
        }
        if let Some(end) = stretch.end {
            self.runs.iter_mut().for_each(|run| run.mark = run.mark.max(end));
        }
        Ok(Some(Ready { planned, stretch, overtaken }))
    }

    async fn next_stretch(&mut self) -> Result<Option<Stretch>, Failure> {
        let mut stretch = Stretch::default();
        while stretch.end.is_none() {
            if self.queue.len() == 0 && !self.read_more().await? {
                return Ok(None);
            }
            let careful = self.next_in_queue() <= self.careful_until;
            let most = if careful { 1 } else { self.parts.config.batch_events };
            stretch.gather(&mut self.validity, &mut self.queue, most);
        }
        self.parts.status.update(&self.partition, |status| {
            status.pending_since = status.pending_since.or(stretch.first_time);
        });
        Ok(Some(stretch))
    }

    fn next_in_queue(&self) -> i64 {
        self.queue.as_slice().first().map_or(self.next, |record| record.offset.0)
    }

    async fn read_more(&mut self) -> Result<bool, Failure> {
        let bytes = self.parts.config.batch_bytes;
        let records = self.parts.log.read(&self.partition, Offset(self.next), bytes).await?;
        let Some(last) = records.last() else { return Ok(false) };
        self.next = last.offset.0 + 1;
        let next = self.next;
        self.parts.status.update(&self.partition, |status| status.head = status.head.max(next));
        self.queue = records.into_iter();
        Ok(true)
    }

    /// The plan of a stretch, and whether it rests on a row above the own mark.
    async fn plan(&mut self, stretch: &Arc<Stretch>) -> Result<(Planned, bool), Failure> {
        let groups = group(&self.runs, stretch)?;
        let StatesBefore { by_run, overtaken } = self.states_before(&groups, stretch).await?;
        if overtaken && !planted::is("parked-meanwhile") {
            // Whoever was here wrote pointers before those rows: what was set aside stays so.
            for run in &mut self.runs {
                load_parked(&*self.parts.reader, run).await?;
            }
        }
        let atomic = self.parts.config.atomic;
        if stretch.events <= self.parts.config.inline_events {
            let planned = plan_groups(&self.runs, &self.key, stretch, groups, by_run, atomic)?;
            return Ok((planned, overtaken));
        }
        let (runs, key, stretch) = (self.runs.clone(), self.key.clone(), stretch.clone());
        let plan = move || plan_groups(&runs, &key, &stretch, groups, by_run, atomic);
        match tokio::task::spawn_blocking(plan).await {
            Ok(planned) => Ok((planned?, overtaken)),
            Err(error) => Err(Stop::Fault(error.to_string()).into()),
        }
    }

    /// The states of the aggregates in a stretch: from memory, else read in one go per run.
    async fn states_before(
        &self,
        groups: &[Groups],
        stretch: &Stretch,
    ) -> Result<StatesBefore, Failure> {
        let mut all = StatesBefore::default();
        for (run, groups) in groups.iter().enumerate() {
            let mut before = Vec::with_capacity(groups.ids.len());
            let mut missing = Vec::new();
            for (at, id) in groups.ids.iter().enumerate() {
                before.push(match self.states.get(run, id) {
                    Some(known) => Before::Known(known),
                    None if self.parts.config.atomic && begins(stretch, &groups.events[at]) => {
                        Before::Row(None)
                    }
                    None => {
                        missing.push(at);
                        Before::Row(None)
                    }
                });
            }
            let read = self.read_missing(run, &groups.ids, &missing, &mut before);
            all.overtaken |= read.await?;
            all.by_run.push(before);
        }
        Ok(all)
    }

    /// Reads rows that are not in memory; whether one of them is above the run's mark.
    async fn read_missing(
        &self,
        run: usize,
        ids: &[Arc<str>],
        missing: &[usize],
        before: &mut [Before],
    ) -> Result<bool, Failure> {
        if missing.is_empty() {
            return Ok(false);
        }
        let wanted: Vec<Arc<str>> = missing.iter().map(|at| ids[*at].clone()).collect();
        let run = &self.runs[run];
        let rows = self.parts.reader.states(&run.run, &run.aggregate.name, &wanted).await?;
        let mut overtaken = false;
        for (at, row) in missing.iter().zip(rows) {
            overtaken |= row.as_ref().is_some_and(|row| row.offset > run.mark);
            before[*at] = Before::Row(row);
        }
        Ok(overtaken)
    }
}

/// Whether these events are an aggregate's first. Where batches are atomic, an event above the
/// mark is in no row, so nothing of such an aggregate can be stored.
fn begins(stretch: &Stretch, events: &[crate::fold::EventAt]) -> bool {
    events
        .first()
        .and_then(|at| stretch.commands[at.0 as usize].get(at.1 as usize))
        .and_then(event_log::validity::event)
        .is_some_and(|event| event.version == 1)
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
