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
mod nemesis;
mod tables;
mod weather;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use command_api::Reply;
use event_log::adversary::{Cluster, Group};
use event_log::{Log, PartitionId, Record};
use model::Model;
use projector::generation::prepare;
use read_store::Reader;
use read_store::adversary::StoreCluster;

use chance::{below, percent, trace};
use client::{Callers, Fleet};
use domain::Act;
use history::History;
use instance::{Ground, Instance, open_gate};
use ledger::Ledger;

pub use campaign::{Summary, campaign, judged};
pub use domain::model;
pub use faults::{FAULTS, Fault};

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
pub fn run(model: &Arc<Model>, seed: u64, fault: Option<&Fault>, told: bool) -> Outcome {
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
        match tokio::time::timeout(Duration::from_secs(7_200), simulate(model)).await {
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

async fn simulate(model: &Arc<Model>) -> Outcome {
    let mut violations = Vec::new();
    let partitions: Vec<PartitionId> = (0..1 + below(2) as u32)
        .map(|number| PartitionId { topic: model.aggregates[0].name.clone(), number })
        .collect();
    let ground = ground(model, &partitions);
    prepared(&ground).await;
    let callers = callers(&ground, model);
    nemesis::share(&ground, &callers, &partitions);
    let asking = tokio::task::LocalSet::new();
    for number in 0..3 + below(4) {
        asking.spawn_local(callers.clone().run(number, 10 + below(25)));
    }
    let storm = nemesis::run(&ground, &callers, &partitions, 15_000 + below(20_000));
    asking.run_until(storm).await;
    callers.fleet.borrow_mut().stopping = true;
    asking.await;
    settle(&ground, &callers, &partitions, &mut violations).await;
    let log: Vec<(PartitionId, Vec<Record>)> =
        partitions.iter().map(|id| (id.clone(), ground.cluster.records(id))).collect();
    let ledger = Ledger::read(&model.aggregates[0], &log, &mut violations);
    let ops = callers.history.ops();
    judge::judge(&ops, &ledger, &mut violations);
    let reader = ground.reader(open_gate());
    if let Err(error) = tables::compare(model, &*reader, &ledger, &mut violations).await {
        violations.push(format!("the tables can't be read: {error}"));
    }
    log.iter().flat_map(|(_, records)| records).for_each(|r| trace(format_args!("{r:?}")));
    violations.iter().for_each(|violation| trace(format_args!("VIOLATION {violation}")));
    Outcome {
        simulated_ms: chance::elapsed_ms(),
        fingerprint: chance::fingerprint(),
        violations,
        calls: ops.len(),
    }
}

fn ground(model: &Arc<Model>, partitions: &[PartitionId]) -> Ground {
    let lag = if percent(50) { 2_000 } else { 20 };
    Ground {
        model: model.clone(),
        cluster: Cluster::new(partitions.to_vec(), chance::random, percent(50), lag),
        store: StoreCluster::new(),
        owners: Group::new(),
        projectors: Group::new(),
        skies: weather::Skies::default(),
    }
}

async fn prepared(ground: &Ground) {
    let log: Arc<dyn Log> = ground.log(open_gate(), "first");
    let reader: Arc<dyn Reader> = ground.reader(open_gate());
    let mut writer = ground.writer(open_gate());
    prepare(&ground.model, &log, &mut writer, &reader, &mut |_, _| {})
        .await
        .expect("an empty log in calm weather can be prepared for");
}

fn callers(ground: &Ground, model: &Model) -> Callers {
    let instances = (0..2 + below(2)).map(|number| Instance::start(ground, number)).collect();
    let commands = model.aggregates[0].commands.iter().map(|c| c.name.clone()).collect();
    let fleet = Fleet { instances, commands, stopping: false };
    Callers {
        fleet: Rc::new(RefCell::new(fleet)),
        history: History::default(),
        accounts: 1 + below(6),
        owners: ground.owners.clone(),
        log: ground.log(open_gate(), "router"),
    }
}

/// After the storm: every partition takes commands again, and the tables catch up.
async fn settle(
    ground: &Ground,
    callers: &Callers,
    partitions: &[PartitionId],
    violations: &mut Vec<String>,
) {
    for account in 0..callers.accounts {
        let id: Arc<str> = format!("account-{account}").into();
        let mut attempts = 0;
        loop {
            let reply = callers.ask(&id, &Act::Deposit(0), None, None).await;
            if !matches!(reply, Reply::NothingWritten(_) | Reply::OutcomeUnknown) {
                break;
            }
            attempts += 1;
            if attempts > 60 {
                violations.push(format!("{id} takes no commands any more: {reply:?}"));
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let reader = ground.reader(open_gate());
    for _ in 0..90 {
        let marks = reader.marks().await.unwrap_or_default();
        let reached = |id: &PartitionId| {
            let end = ground.cluster.records(id).last().map_or(-1, |record| record.offset.0);
            end < 0 || marks.iter().any(|mark| mark.partition.1 == id.number && mark.offset >= end)
        };
        if partitions.iter().all(reached) {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    violations.push("the tables do not catch up".to_owned());
}
