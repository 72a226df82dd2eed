//! One instance: an owner of each partition and a projector, behind links that stand still when its
//! process does.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use command_api::{CommandApi, Config as ApiConfig, Question, Reply};
use event_log::adversary::{AdversaryLog, Cluster, Gate, Group, Link};
use futures::FutureExt;
use model::Model;
use projector::{Config as ProjectorConfig, Projector};
use read_store::Writer;
use read_store::adversary::{AdversaryReader, AdversaryWriter, StoreCluster, StoreLink};
use tokio::sync::{Notify, watch};

use super::chance::{below, now, percent, random};
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
    pub model: Arc<Model>,
    pub cluster: Arc<Cluster>,
    pub store: Arc<StoreCluster>,
    pub owners: Arc<Group>,
    pub projectors: Arc<Group>,
    pub skies: Skies,
}

/// One process.
pub struct Instance {
    pub number: u64,
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
        let life = Arc::new(Pulse { life: Mutex::new(Life::Running), changed: Notify::new() });
        let gate = gate(life.clone());
        let log = ground.log(gate.clone(), &format!("instance-{number}"));
        let reader = ground.reader(gate.clone());
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
        let model = ground.model.clone();
        let api = CommandApi::member(model, log.clone(), reader.clone(), member, config);
        let config = ProjectorConfig {
            batch_bytes: 256 * (1 + below(40) as usize),
            batch_events: 1 + below(20) as usize,
            cache_bytes: 500 + below(8_000),
            atomic: false,
            random,
            ..ProjectorConfig::default()
        };
        let writer = ground.writer(gate.clone());
        let writers = move || -> Box<dyn Writer> { Box::new(writer.fresh()) };
        let member = ground.projectors.join(number, ground.link(gate));
        let projector =
            Projector::member(ground.model.clone(), log, reader, Arc::new(writers), member, config);
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(projector.run(stopping));
        Instance { number, api, life, stop }
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

/// How a process is, and who waits for it to be otherwise. Waiters are woken in the order in which
/// they came, so that a run is always the same.
struct Pulse {
    life: Mutex<Life>,
    changed: Notify,
}

impl Pulse {
    fn get(&self) -> Life {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, life: Life) {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner) = life;
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
