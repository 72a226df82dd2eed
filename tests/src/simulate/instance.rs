//! One instance: an owner of each partition and a projector, behind links that stand still when its
//! process does.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use command_api::{CommandApi, Config as ApiConfig, Question, Reply};
use event_log::Log;
use event_log::adversary::{AdversaryLog, Cluster, Gate, Group, Link, Member, Watch};
use futures::FutureExt;
use model::Model;
use projector::generation::prepare_with;
use projector::{Config as ProjectorConfig, Projector};
use read_store::adversary::{AdversaryReader, AdversaryWriter, StoreCluster, StoreLink};
use read_store::{Reader, Writer};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::chance::{below, now, percent, random, trace};
use super::weather::Skies;

/// How a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Running,
    Paused,
    Dead,
}

/// What all instances share.
#[derive(Clone)]
pub struct Ground {
    /// What is deployed now.
    pub model: Rc<RefCell<Arc<Model>>>,
    pub cluster: Arc<Cluster>,
    pub store: Arc<StoreCluster>,
    pub owners: Arc<Group>,
    pub projectors: Arc<Group>,
    pub skies: Skies,
    /// What instances were seen to do that they must not.
    pub seen: Seen,
}

/// Violations that show while a run goes on.
pub type Seen = Arc<Mutex<Vec<String>>>;

/// How long an instance may go on to claim what it has lost: the group was asked just before.
const CLAIMS_ON: Duration = Duration::from_secs(3);

/// One process.
pub struct Instance {
    pub number: u64,
    /// What it was started with.
    pub model: Arc<Model>,
    api: Arc<CommandApi>,
    life: Arc<Pulse>,
    stop: watch::Sender<bool>,
}

impl Ground {
    /// The log as seen through a gate.
    pub fn log(&self, gate: Gate, name: &str) -> Arc<AdversaryLog> {
        let link = self.link(gate);
        Arc::new(AdversaryLog::new(self.cluster.clone(), link, name, now))
    }

    fn link(&self, gate: Gate) -> Link {
        let skies = self.skies.clone();
        Link { random, gate, weather: Arc::new(move || skies.log()) }
    }

    /// The store as seen through a gate.
    pub fn reader(&self, gate: Gate) -> Arc<AdversaryReader> {
        Arc::new(AdversaryReader::new(self.store.clone(), self.store_link(gate)))
    }

    pub fn writer(&self, gate: Gate) -> AdversaryWriter {
        AdversaryWriter::new(self.store.clone(), self.store_link(gate), now)
    }

    fn store_link(&self, gate: Gate) -> StoreLink {
        let skies = self.skies.clone();
        StoreLink { random, gate, weather: Arc::new(move || skies.store()) }
    }
}

/// A gate that is always open.
pub fn open_gate() -> Gate {
    Arc::new(|| futures::future::ready(()).boxed())
}

impl Instance {
    /// Starts a process.
    pub fn start(ground: &Ground, number: u64) -> Instance {
        let life = Arc::new(Pulse::new());
        let gate = gate(life.clone());
        let log = AdversaryLog::clone(&ground.log(gate.clone(), &format!("instance-{number}")));
        let log = Arc::new(log.watched(watch(ground, number, life.clone())));
        let reader = ground.reader(gate.clone());
        let model = ground.model.borrow().clone();
        let config = ApiConfig {
            // Room for a few accounts only, so that they come and go.
            state_bytes: if percent(50) { 2_000 + below(4_000) as usize } else { 64 << 20 },
            tail_bytes: if percent(20) { 3_000 } else { 64 << 20 },
            clock: now,
            random,
            idle: percent(30).then(|| Duration::from_millis(200 + below(3_000))),
            clock_tolerance: Some(Duration::from_secs(60)),
            advertise: format!("instance-{number}").into(),
            ..ApiConfig::default()
        };
        let member = ground.owners.join(number, ground.link(gate.clone()));
        let api = CommandApi::member(model.clone(), log.clone(), reader.clone(), member, config);
        let config = ProjectorConfig {
            batch_bytes: 256 * (1 + below(40) as usize),
            batch_events: 1 + below(20) as usize,
            cache_bytes: 500 + below(8_000),
            atomic: false,
            random,
            clock: now,
            ..ProjectorConfig::default()
        };
        let (stop, stopping) = watch::channel(false);
        let feeder = Feeder {
            model: model.clone(),
            log,
            reader,
            writer: ground.writer(gate.clone()),
            member: ground.projectors.join(number, ground.link(gate)),
            config,
        };
        tokio::spawn(feeder.run(stopping));
        Instance { number, model, api, life, stop }
    }

    pub fn life(&self) -> Life {
        self.life.get()
    }

    pub fn set(&self, life: Life) {
        if self.life() != Life::Dead {
            self.life.set(life);
        }
    }

    /// Lets it go on, later.
    pub fn waker(&self) -> impl Fn() + Send + 'static {
        let life = self.life.clone();
        move || {
            if life.get() == Life::Paused {
                life.set(Life::Running);
            }
        }
    }

    /// Ends the process at once: nothing of it reaches anybody from now on.
    pub fn kill(&self) {
        self.set(Life::Dead);
        self.stop.send_replace(true);
    }

    /// Asks it. A process that dies says nothing.
    pub fn ask(&self, question: Question) -> impl Future<Output = Reply> + use<> {
        let (api, gate) = (self.api.clone(), gate(self.life.clone()));
        let life = self.life.clone();
        async move {
            let answered = async {
                gate().await;
                let reply = api.ask(question).await;
                gate().await;
                reply
            };
            tokio::select! {
                biased;
                () = life.wait_for(Life::Dead) => Reply::OutcomeUnknown,
                reply = answered => reply,
            }
        }
    }
}

/// The projector of an instance.
struct Feeder {
    model: Arc<Model>,
    log: Arc<AdversaryLog>,
    reader: Arc<AdversaryReader>,
    writer: AdversaryWriter,
    member: Arc<Member>,
    config: ProjectorConfig,
}

impl Feeder {
    /// Makes the tables ready, then projects.
    async fn run(self, stopping: watch::Receiver<bool>) {
        let Feeder { model, log, reader, writer, member, config } = self;
        let (log, reader): (Arc<dyn Log>, Arc<dyn Reader>) = (log, reader);
        loop {
            let mut writer = writer.fresh();
            let ready =
                prepare_with(&config, &model, &log, &mut writer, &reader, &mut |_, _| {}).await;
            match ready {
                Ok(_) => break,
                Err(error) => trace(format_args!("tables are not ready: {error}")),
            }
            tokio::time::sleep(Duration::from_millis(100 + below(400))).await;
        }
        let writers = move || -> Box<dyn Writer> { Box::new(writer.fresh()) };
        let projector = Projector::member(model, log, reader, Arc::new(writers), member, config);
        if let Err(error) = projector.run(stopping).await {
            trace(format_args!("a projector ended: {error}"));
        }
    }
}

/// Looks at what an instance claims: once it has run for a while since the group took a partition
/// from it, it must know.
fn watch(ground: &Ground, number: u64, life: Arc<Pulse>) -> Watch {
    let (owners, seen) = (ground.owners.clone(), ground.seen.clone());
    Arc::new(move |partition| {
        let Some(lost) = owners.lost(partition, number) else { return };
        if lost.max(life.since()).elapsed() > CLAIMS_ON {
            let found = format!("instance {number} claims {partition}, which it lost long ago");
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(found);
        }
    })
}

/// How a process is, and who waits for it to be otherwise. Waiters are woken in the order in which
/// they came, so that a run is always the same.
struct Pulse {
    life: Mutex<(Life, Instant)>,
    changed: Notify,
}

impl Pulse {
    fn new() -> Pulse {
        Pulse { life: Mutex::new((Life::Running, Instant::now())), changed: Notify::new() }
    }

    fn get(&self) -> Life {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Since when it is so.
    fn since(&self) -> Instant {
        self.life.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn set(&self, life: Life) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = (life, Instant::now());
        self.changed.notify_waiters();
    }

    async fn wait_for(&self, wanted: Life) {
        loop {
            let changed = self.changed.notified();
            if self.get() == wanted {
                return;
            }
            changed.await;
        }
    }
}

/// Passes while the process runs.
fn gate(life: Arc<Pulse>) -> Gate {
    Arc::new(move || {
        if life.get() == Life::Running {
            return futures::future::ready(()).boxed();
        }
        let life = life.clone();
        async move { life.wait_for(Life::Running).await }.boxed()
    })
}
