//! Where a command is decided: here, at another instance, or nowhere just now.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_log::{Membership, PartitionId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::ask::Ask;
use crate::forward::same_url;
use crate::owner::{self, Ground, Message};

/// How often a place that was not found is looked for again.
const TICK: Duration = Duration::from_millis(50);

/// Who decides the commands of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// This instance.
    Here,
    /// The one that takes calls at this URL.
    At(Arc<str>),
    /// Nobody known.
    Nowhere,
}

/// The owners of this instance, and the way to those of others.
pub(crate) struct Places {
    owners: Vec<(PartitionId, mpsc::Sender<Message>)>,
    by_partition: HashMap<PartitionId, usize>,
    membership: Arc<dyn Membership>,
    assigned: watch::Receiver<Arc<BTreeSet<PartitionId>>>,
    advertise: Arc<str>,
    // Whether every partition has had a place.
    settled: AtomicBool,
}

impl Places {
    /// Starts an owner for each partition, idle until it is this instance's.
    pub fn new(ground: &Arc<Ground>) -> Places {
        let partitions = ground.log.partitions();
        let owners: Vec<_> = partitions
            .into_iter()
            .map(|partition| (partition.clone(), owner::spawn(ground, partition)))
            .collect();
        let by_partition = (0..).zip(&owners).map(|(at, (id, _))| (id.clone(), at)).collect();
        let membership = ground.membership.clone();
        let assigned = membership.assigned();
        let advertise = ground.advertise.clone();
        let settled = AtomicBool::new(false);
        Places { owners, by_partition, membership, assigned, advertise, settled }
    }

    /// How many partitions nobody has been given yet. Once each has had a place there are none:
    /// partitions that move are a matter of moments.
    pub fn not_given_yet(&self) -> usize {
        if self.settled.load(Ordering::Relaxed) {
            return 0;
        }
        let waiting = (0..self.owners.len()).filter(|at| self.of(*at) == Place::Nowhere).count();
        self.settled.fetch_or(waiting == 0, Ordering::Relaxed);
        waiting
    }

    /// The number of the partition that holds an aggregate.
    pub fn number(&self, route: impl FnOnce() -> PartitionId) -> usize {
        if self.owners.len() == 1 {
            return 0;
        }
        // The log names only partitions that it has.
        self.by_partition.get(&route()).copied().unwrap_or(0)
    }

    pub fn partition(&self, at: usize) -> &PartitionId {
        &self.owners[at].0
    }

    pub fn is_here(&self, at: usize) -> bool {
        self.assigned.borrow().contains(&self.owners[at].0)
    }

    /// Whether there are no other instances.
    pub fn is_alone(&self) -> bool {
        self.advertise.is_empty()
    }

    pub fn of(&self, at: usize) -> Place {
        if self.is_here(at) {
            return Place::Here;
        }
        match self.membership.owner(&self.owners[at].0) {
            // An old word of ours: nobody has spoken since.
            Some(url) if !self.advertise.is_empty() && same_url(&url, &self.advertise) => {
                Place::Nowhere
            }
            Some(url) => Place::At(url),
            None => Place::Nowhere,
        }
    }

    /// Waits a moment for the place of a partition to change; false once the deadline has passed.
    pub async fn may_have_changed(&self, deadline: Instant) -> bool {
        let now = Instant::now();
        if now >= deadline {
            return false;
        }
        let mut assigned = self.assigned.clone();
        let moment = TICK.min(deadline - now);
        // A change of the assignment is the usual end; the table of owners has to be looked at.
        let _ = tokio::time::timeout(moment, assigned.changed()).await;
        true
    }

    /// Asks the owner here, where its queue has room.
    pub fn offer(&self, at: usize, ask: Ask) -> Result<(), mpsc::error::TrySendError<Message>> {
        self.owners[at].1.try_send(Message::Ask(Box::new(ask)))
    }

    /// Asks the owner here, as soon as its queue has room.
    pub async fn send(&self, at: usize, ask: Ask) -> Result<(), mpsc::error::SendError<Message>> {
        self.owners[at].1.send(Message::Ask(Box::new(ask))).await
    }

    /// Lets every owner finish what it has begun, and ends it.
    pub async fn drain(&self) {
        let one = |owner: &mpsc::Sender<Message>| {
            let owner = owner.clone();
            async move {
                let (done, drained) = oneshot::channel();
                if owner.send(Message::Drain(done)).await.is_ok() {
                    // An owner that ended without a word has nothing left to finish either.
                    drained.await.ok();
                }
            }
        };
        futures::future::join_all(self.owners.iter().map(|(_, owner)| one(owner))).await;
    }

    pub async fn leave(&self) {
        self.membership.leave().await;
    }
}
