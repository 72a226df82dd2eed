//! The projector at a backlog, beside a raw loop of the same prepared statements.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use event_log::validity::Validity;
use event_log::{Log, Offset, PartitionId, Record};
use model::Model;
use parts::CLOSING;
use projector::program::BATCH_EVENTS;
use projector::{ActiveRun, Stretch, plan};
use read_store::batch::StateRow;
use read_store::cql::yardstick::Statements;
use read_store::position::PartitionKey;
use read_store::{Batch, Catalog};

use super::service::Service;
use super::world::World;
use crate::bench::report::{Report, Row};

/// Events that raw statements are made from, for each of the two times that they are measured.
const EVENTS: usize = 25_000;
/// What is read of a partition.
const READ_BYTES: usize = 4 << 20;
/// How long the projector may take until its first event: it joins a group before.
const BEGINS: Duration = Duration::from_secs(60);
/// A projector that takes nothing in for so long after that is done.
const IDLE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// What is measured, and what is aimed at.
pub struct Wanted {
    pub what: &'static str,
    /// Whether rows are compared with raw rows, or events.
    pub rows: bool,
    pub aim: &'static str,
}

/// Raw statements, and the events that they come from.
#[derive(Default)]
struct Raw {
    statements: Statements,
    events: usize,
}

/// Lets a projector work off what the log of `world` holds.
pub async fn measure(
    world: &World,
    wanted: Wanted,
    time: Duration,
    report: &mut Report,
) -> Result<()> {
    // Raw rows go elsewhere: the projector leaves alone what it finds written.
    let scratch = world.beside().await?;
    let [first, second] = raw_statements(world, &scratch).await?;
    ensure!(first.events > 0 && second.events > 0, "the log holds no events to be projected");
    let rows = (first.statements.len() + second.statements.len()) as f64;
    let per_event = rows / (first.events + second.events) as f64;
    let yardstick = scratch.store.yardstick();
    // Once before and once after, since a database is not as fast at all times.
    let (before, took_before) = yardstick.write(first.statements, time).await?;
    let events = projected(world, time * 5).await?;
    let (after, took_after) = yardstick.write(second.statements, time).await?;
    scratch.remove().await?;
    let raw = (before + after) as f64 / (took_before + took_after).as_secs_f64();
    report.add(Row::plain(
        "raw loop of the same statements".into(),
        format!("{raw:.0} rows/s"),
        "",
    ));
    let (figure, reached) = match wanted.rows {
        true => (format!("{:.0} rows/s", events * per_event), events * per_event),
        false => (format!("{events:.0} events/s"), events),
    };
    report.add(Row {
        ratio: Some(reached / raw),
        ..Row::plain(format!("{} ({per_event:.1} rows an event)", wanted.what), figure, wanted.aim)
    });
    Ok(())
}

/// Events a second that a new projector takes in, counted from when it is ready, so what it takes
/// to join its group counts against it. From its first batch on would flatter it: the batches of the
/// other partitions are half done by then.
async fn projected(world: &World, time: Duration) -> Result<f64> {
    let mut projector = world.start("projector").await?;
    let begun = Instant::now();
    let first = taken_in(&projector).await?;
    let (mut last, mut at) = (first, Duration::ZERO);
    let patience = |taken: bool| if taken { IDLE } else { BEGINS };
    while begun.elapsed() < at + patience(last > first) && (last == first || begun.elapsed() < time)
    {
        tokio::time::sleep(LOOK).await;
        let events = taken_in(&projector).await?;
        if events > last {
            (last, at) = (events, begun.elapsed());
        }
    }
    projector.ask_to_stop()?;
    projector.ended().await?;
    ensure!(last > first, "the projector took nothing in for {BEGINS:?}");
    Ok((last - first) / at.as_secs_f64())
}

async fn taken_in(projector: &Service) -> Result<f64> {
    projector.metric("foldline_projector_events_total").await
}

/// The beginning of a partition, planned batch after batch as the projector does.
struct Batches {
    runs: Vec<ActiveRun>,
    partition: PartitionKey,
    validity: Validity,
    records: std::vec::IntoIter<Record>,
    states: HashMap<(usize, Arc<str>), StateRow>,
}

impl Batches {
    fn of(runs: Vec<ActiveRun>, partition: &PartitionId, records: Vec<Record>) -> Batches {
        Batches {
            runs,
            partition: (partition.topic.clone(), partition.number),
            validity: Validity::default(),
            records: records.into_iter(),
            states: HashMap::new(),
        }
    }

    /// The next batch, and how many events it is made from; none once all was taken.
    fn next(&mut self) -> Result<Option<(Batch, usize)>> {
        let mut stretch = Stretch::default();
        stretch.gather(&mut self.validity, &mut self.records, BATCH_EVENTS);
        if stretch.events == 0 {
            return Ok(None);
        }
        let row = |run: usize, id: &Arc<str>| self.states.get(&(run, id.clone())).cloned();
        let planned = plan(&self.runs, &self.partition, &stretch, row);
        let batch = planned.context("can't plan the log")?.batch;
        for write in &batch.states {
            let of_it = |run: &ActiveRun| run.run == write.run;
            let run = self.runs.iter().position(of_it).context("a state of no run")?;
            self.states.insert((run, write.id.clone()), write.state.clone());
        }
        let end = stretch.end.unwrap_or(-1);
        self.runs.iter_mut().for_each(|run| run.mark = run.mark.max(end));
        Ok(Some((batch, stretch.events)))
    }
}

/// Plans the log as the projector does, and makes two sets of statements of it.
async fn raw_statements(world: &World, scratch: &World) -> Result<[Raw; 2]> {
    let log = world.log().await?;
    let catalog = scratch.store.reader().catalog().await?;
    let yardstick = scratch.store.yardstick();
    let mut out = [Raw::default(), Raw::default()];
    for partition in log.partitions() {
        let records = log.read(&partition, Offset(0), READ_BYTES).await?;
        let runs = runs_of(&world.model, &catalog, &partition);
        let mut batches = Batches::of(runs, &partition, records);
        let lacking = |raw: &&mut Raw| raw.events < EVENTS;
        while let Some(raw) = out.iter_mut().filter(lacking).min_by_key(|raw| raw.events) {
            let Some((batch, events)) = batches.next()? else { break };
            yardstick.make(&batch, &mut raw.statements).await?;
            raw.events += events;
        }
    }
    log.shutdown(CLOSING).await;
    Ok(out)
}

fn runs_of(model: &Arc<Model>, catalog: &Catalog, partition: &PartitionId) -> Vec<ActiveRun> {
    let runs = catalog.runs.iter().filter(|run| run.aggregate == partition.topic);
    let active = runs.filter_map(|run| {
        let aggregate = model.aggregate(&run.aggregate)?;
        let fed = |view: &&Arc<model::View>| run.views.iter().any(|(name, _)| *name == view.name);
        Some(ActiveRun {
            run: run.id.clone(),
            aggregate: aggregate.clone(),
            views: aggregate.views.iter().filter(fed).cloned().collect(),
            primary: run.primary,
            mark: -1,
            parked: HashMap::new(),
            refused: HashMap::new(),
        })
    });
    active.collect()
}
