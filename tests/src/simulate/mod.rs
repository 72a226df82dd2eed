//! Seeded simulation: owners and projectors, unchanged, on a log and a store that do their worst,
//! under a clock of its own. One seed is one run, step by step the same each time.

mod campaign;
mod chance;
mod client;
mod domain;
mod faults;
mod history;
mod instance;
mod judge;
mod ledger;
mod models;
mod nemesis;
mod tables;
mod wanted;
mod weather;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use command_api::Reply;
use event_log::adversary::{Cluster, Group};
use event_log::{Log, PartitionId, Record};
use model::Model;
use projector::generation::prepare;
use read_store::adversary::StoreCluster;
use read_store::{Reader, Run};

use chance::{below, percent, trace};
use client::{Callers, Fleet};
use domain::Act;
use history::History;
use instance::{Ground, Instance, Seen, open_gate};
use ledger::Ledger;
use models::Change;
use nemesis::Nemesis;
use wanted::Wanted;

pub use campaign::{Summary, campaign, judged};
pub use faults::{FAULTS, Fault};
pub use models::Models;

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Fingerprint of all that happened.
    pub fingerprint: u64,
    /// What must not be.
    pub violations: Vec<String>,
    /// How many commands were asked.
    pub calls: usize,
}

/// Runs a seed, with a fault planted or none. `told`: what happens is written to standard error.
pub fn run(models: &Models, seed: u64, fault: Option<&Fault>, told: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing from the system");
    event_log::planted::plant(fault.map(|fault| fault.name));
    read_store::planted::plant(fault.map(|fault| fault.name));
    let outcome = runtime.block_on(async {
        chance::begin(seed, told);
        // Where nothing is left that could happen, time still passes.
        match tokio::time::timeout(Duration::from_secs(7_200), simulate(models)).await {
            Ok(outcome) => outcome,
            Err(_) => Outcome {
                simulated_ms: chance::elapsed_ms(),
                fingerprint: chance::fingerprint(),
                violations: vec!["the run stands still".to_owned()],
                calls: 0,
            },
        }
    });
    event_log::planted::plant(None);
    read_store::planted::plant(None);
    outcome
}

async fn simulate(models: &Models) -> Outcome {
    let topic = models.first.aggregates[0].name.clone();
    let partitions: Vec<PartitionId> = (0..1 + below(2) as u32)
        .map(|number| PartitionId { topic: topic.clone(), number })
        .collect();
    let change = match below(5) {
        0 => Some(Change::Folds),
        1 => Some(Change::Views),
        _ => None,
    };
    let ground = ground(&models.first, &partitions);
    prepared(&ground).await;
    let callers = callers(&ground);
    let later = change.map(|change| models.after(change));
    let nemesis = Nemesis { ground: &ground, callers: &callers, partitions: &partitions, later };
    nemesis.share();
    let asking = tokio::task::LocalSet::new();
    for number in 0..3 + below(4) {
        let calls = if callers.hurry { 20 + below(60) } else { 10 + below(25) };
        asking.spawn_local(callers.clone().run(number, calls));
    }
    asking.run_until(nemesis.run(15_000 + below(20_000))).await;
    callers.fleet.borrow_mut().stopping = true;
    asking.await;
    let mut settled = Settled::default();
    settled.settle(&ground, &callers, &partitions).await;
    let violations = judged_by_all(&ground, &callers, &partitions, change, settled).await;
    violations.iter().for_each(|violation| trace(format_args!("VIOLATION {violation}")));
    Outcome {
        simulated_ms: chance::elapsed_ms(),
        fingerprint: chance::fingerprint(),
        violations,
        calls: callers.history.ops().len(),
    }
}

/// Everything that is checked after a run.
async fn judged_by_all(
    ground: &Ground,
    callers: &Callers,
    partitions: &[PartitionId],
    change: Option<Change>,
    settled: Settled,
) -> Vec<String> {
    let mut violations = settled.found;
    violations.append(&mut ground.seen.lock().unwrap_or_else(PoisonError::into_inner));
    let model = ground.model.borrow().clone();
    let log: Vec<(PartitionId, Vec<Record>)> =
        partitions.iter().map(|id| (id.clone(), ground.cluster.records(id))).collect();
    log.iter().flat_map(|(_, records)| records).for_each(|r| trace(format_args!("{r:?}")));
    let ledger = Ledger::read(&model.aggregates[0], &log, &mut violations);
    judge::judge(&callers.history.ops(), &ledger, change, &mut violations);
    let wanted = Wanted::new(&ledger, change);
    for id in settled.aside.iter().filter(|id| !wanted.is_aside(id)) {
        violations.push(format!("{id} is set aside, but can be folded"));
    }
    let reader = ground.reader(open_gate());
    if let Err(error) = tables::compare(&model, &*reader, &wanted, &mut violations).await {
        violations.push(format!("the tables can't be read: {error}"));
    }
    violations
}

fn ground(model: &Arc<Model>, partitions: &[PartitionId]) -> Ground {
    let lag = if percent(50) { 2_000 } else { 20 };
    Ground {
        model: Rc::new(RefCell::new(model.clone())),
        cluster: Cluster::new(partitions.to_vec(), chance::random, percent(50), lag),
        store: StoreCluster::new(),
        owners: Group::new(),
        projectors: Group::new(),
        skies: weather::Skies::default(),
        seen: Seen::default(),
    }
}

async fn prepared(ground: &Ground) {
    let log: Arc<dyn Log> = ground.log(open_gate(), "first");
    let reader: Arc<dyn Reader> = ground.reader(open_gate());
    let mut writer = ground.writer(open_gate());
    let model = ground.model.borrow().clone();
    prepare(&model, &log, &mut writer, &reader, &mut |_, _| {})
        .await
        .expect("an empty log in calm weather can be prepared for");
}

fn callers(ground: &Ground) -> Callers {
    let instances = (0..2 + below(2)).map(|number| Instance::start(ground, number)).collect();
    let aggregate = ground.model.borrow().aggregates[0].clone();
    let commands = aggregate.commands.iter().map(|c| c.name.clone()).collect();
    let fleet = Fleet { instances, commands, stopping: false };
    Callers {
        fleet: Rc::new(RefCell::new(fleet)),
        history: History::default(),
        accounts: 1 + below(6),
        hurry: percent(40),
        owners: ground.owners.clone(),
        log: ground.log(open_gate(), "router"),
    }
}

/// What came of waiting for everything to be in order again.
#[derive(Default)]
struct Settled {
    found: Vec<String>,
    /// Accounts that are said not to be foldable.
    aside: Vec<Arc<str>>,
}

impl Settled {
    /// After the storm: every partition takes commands again, and the tables catch up.
    async fn settle(&mut self, ground: &Ground, callers: &Callers, partitions: &[PartitionId]) {
        for account in 0..callers.accounts {
            self.ask(callers, format!("account-{account}").into()).await;
        }
        let reader = ground.reader(open_gate());
        for _ in 0..90 {
            if caught_up(ground, &*reader, partitions).await.unwrap_or(false) {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.found.push("the tables do not catch up".to_owned());
    }

    /// Asks until there is an answer.
    async fn ask(&mut self, callers: &Callers, id: Arc<str>) {
        let mut last = None;
        for _ in 0..60 {
            match callers.ask(&id, &Act::Deposit(0), None, None).await {
                Reply::NothingWritten(reason) if reason.contains("set aside") => {
                    return self.aside.push(id);
                }
                reply @ (Reply::NothingWritten(_) | Reply::OutcomeUnknown) => last = Some(reply),
                _ => return,
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.found.push(format!("{id} takes no commands any more: {last:?}"));
    }
}

/// Whether the tables that the deployed model wants are served, and hold the whole log.
async fn caught_up(
    ground: &Ground,
    reader: &dyn Reader,
    partitions: &[PartitionId],
) -> anyhow::Result<bool> {
    let (catalog, marks) = (reader.catalog().await?, reader.marks().await?);
    let aggregate = ground.model.borrow().aggregates[0].clone();
    let runs = tables::live_runs(&catalog, &aggregate);
    let served = aggregate.views.iter().all(|view| tables::run_of(&runs, view).is_some());
    let reached = |id: &PartitionId| {
        let end = ground.cluster.records(id).last().map_or(-1, |record| record.offset.0);
        let of = |run: &&Run| {
            marks.iter().any(|m| m.run == run.id && m.partition.1 == id.number && m.offset >= end)
        };
        end < 0 || runs.iter().all(of)
    };
    Ok(served && partitions.iter().all(reached))
}
