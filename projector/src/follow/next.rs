//! The next stretch: read, with the states before it, and planned.

use std::sync::Arc;

use event_log::{Offset, planted};

use super::{Failure, Follower, Ready, load_parked};
use crate::batch::{Groups, Planned, Stop, group, plan_groups};
use crate::fold::Before;
use crate::stretch::Stretch;

/// The states before a stretch: of each run, of each of its aggregates.
#[derive(Default)]
struct StatesBefore {
    by_run: Vec<Vec<Before>>,
    overtaken: bool,
}

impl Follower<'_> {
    /// Reads and plans the next stretch; `None` at the log's end.
    pub(super) async fn plan_next(&mut self) -> Result<Option<Ready>, Failure> {
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
    pub(super) async fn plan(
        &mut self,
        stretch: &Arc<Stretch>,
    ) -> Result<(Planned, bool), Failure> {
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
