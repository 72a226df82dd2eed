//! The owner of a partition: one task that decides every command on its aggregates, one after the
//! other, so that no decision misses an event.
//!
//! It decides on states that hold its own undurable decisions; while one batch is being appended
//! the next is decided. Nobody is answered before all that the answer rests on is durable. After
//! any error it forgets everything, claims the partition anew and reads what the log holds.

mod batch;
mod cache;
mod claim;
mod decide;
mod ends;
mod flight;
mod keys;
mod leave;
mod load;
mod refold;
mod split;
mod supervise;
mod tail;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use event_log::{Appender, Log, Membership, PartitionId, planted};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use model::Model;
use read_store::{Reader, RunId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::ask::{Ask, Refusal};
use batch::{Batch, give_up};
use cache::Cache;
use claim::Backoff;
pub(crate) use decide::fresh_id;
use ends::Ends;
use flight::{Flight, Next, come, landed};
use load::{Loaded, Loads};
use tail::Tail;

/// How many questions are taken from the queue at once.
const TAKEN_AT_ONCE: usize = 512;
/// How many questions may wait for cold aggregates.
const MAX_WAITING: usize = 4_096;

/// Bounds of an owner.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Questions that may queue.
    pub queue: usize,
    /// Bytes of states in memory.
    pub state_bytes: usize,
    /// Bytes of the log's tail in memory.
    pub tail_bytes: usize,
    /// Milliseconds since 1970.
    pub clock: fn() -> i64,
    /// Random numbers.
    pub random: fn() -> u64,
    /// A claim that nobody has used for this long is given up; `None` = never.
    pub idle: Option<Duration>,
    /// How far the clock may be off the log's; `None` where the log uses this very clock.
    pub clock_tolerance: Option<Duration>,
}

/// What all owners of a process share.
pub(crate) struct Ground {
    pub model: Arc<Model>,
    pub log: Arc<dyn Log>,
    pub reader: Arc<dyn Reader>,
    pub membership: Arc<dyn Membership>,
    /// Where this instance takes forwarded commands (a URL); empty where it is the only one.
    pub advertise: Arc<str>,
    pub limits: Limits,
    /// Why this instance has left the group by itself, if it has.
    pub left: watch::Sender<Option<String>>,
}

/// What an owner is sent.
pub(crate) enum Message {
    Ask(Box<Ask>),
    /// Finish what is begun, say so, and end.
    Drain(oneshot::Sender<()>),
}

/// Starts the owner of a partition; it claims the partition at its first question, where it is
/// this instance's.
pub(crate) fn spawn(ground: &Arc<Ground>, partition: PartitionId) -> mpsc::Sender<Message> {
    let (sender, queue) = mpsc::channel(ground.limits.queue);
    tokio::spawn(Owner::new(ground.clone(), partition).run(queue));
    sender
}

/// Whether the owner may decide.
enum Standing {
    /// It holds no claim.
    Idle,
    /// It does, and has read everything before it.
    Serving(Box<dyn Appender>),
    /// The log holds what the model lacks: only a newer model can go on.
    GivenUp(String),
}

struct Owner {
    ground: Arc<Ground>,
    model: Arc<Model>,
    partition: PartitionId,
    assigned: watch::Receiver<Arc<BTreeSet<PartitionId>>>,
    /// Whether the partition is this instance's, as last heard.
    is_assigned: bool,
    /// Whether a handover was begun that waits for the batch on its way.
    is_leaving: bool,
    standing: Standing,
    backoff: Backoff,
    /// When a question was last taken.
    used: Instant,
    /// The run that holds the states of each aggregate of this partition.
    runs: Vec<Option<RunId>>,
    /// Time of the partition's last event.
    last_time: i64,
    claimed_at: i64,
    /// How far the store was when last asked.
    mark: i64,
    /// Offset of the last durable event.
    durable: i64,
    ends: Ends,
    cache: Cache,
    tail: Tail,
    loads: Loads,
    fetches: FuturesUnordered<BoxFuture<'static, Loaded>>,
    /// Number of the batch that is being decided.
    number: u64,
    batch: Batch,
    next: Next,
    flight: Option<Flight>,
    backlog: VecDeque<Ask>,
    draining: Vec<oneshot::Sender<()>>,
}

impl Owner {
    fn new(ground: Arc<Ground>, partition: PartitionId) -> Owner {
        let aggregates = ground.model.aggregates.len();
        let mut assigned = ground.membership.assigned();
        let is_assigned = assigned.borrow_and_update().contains(&partition);
        Owner {
            cache: Cache::new(aggregates, ground.limits.state_bytes),
            tail: Tail::new(aggregates, ground.limits.tail_bytes),
            loads: Loads::new(aggregates),
            fetches: FuturesUnordered::new(),
            runs: vec![None; aggregates],
            model: ground.model.clone(),
            ground,
            partition,
            assigned,
            is_assigned,
            is_leaving: false,
            standing: Standing::Idle,
            backoff: Backoff::default(),
            used: Instant::now(),
            last_time: 0,
            claimed_at: -1,
            mark: -1,
            durable: -1,
            ends: Ends::default(),
            number: 1,
            batch: Batch::default(),
            next: Next::Unasked,
            flight: None,
            backlog: VecDeque::new(),
            draining: Vec::new(),
        }
    }

    /// Takes questions and decides them, until nothing is left to do.
    async fn serve(&mut self, queue: &mut mpsc::Receiver<Message>) {
        let mut taken = Vec::with_capacity(TAKEN_AT_ONCE);
        let mut open = true;
        let idle = self.ground.limits.idle.unwrap_or(Duration::MAX / 4);
        while !self.is_at_rest() || (open && self.draining.is_empty()) {
            // What comes in behind a drain is refused at the end: else under load it never ended.
            let takes = open
                && self.draining.is_empty()
                && !self.batch.is_full()
                && self.loads.waiting() < MAX_WAITING;
            tokio::select! {
                biased;
                result = landed(&mut self.flight), if self.flight.is_some() => self.land(result),
                turn = come(&mut self.next), if matches!(self.next, Next::Waiting(_)) => {
                    self.next = Next::Come(turn);
                }
                Some(loaded) = self.fetches.next(), if !self.fetches.is_empty() => {
                    self.install(loaded);
                }
                Ok(()) = self.assigned.changed() => self.look_at_assignment(),
                count = queue.recv_many(&mut taken, TAKEN_AT_ONCE), if takes => {
                    open = count > 0;
                    self.used = Instant::now();
                    taken.drain(..).for_each(|message| self.take(message));
                }
                () = tokio::time::sleep_until(self.used + idle), if self.may_rest() => {
                    self.rest();
                }
            }
            self.work().await;
        }
    }

    fn is_at_rest(&self) -> bool {
        self.flight.is_none()
            && self.batch.is_empty()
            && self.backlog.is_empty()
            && self.loads.waiting() == 0
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Ask(ask) => self.backlog.push_back(*ask),
            Message::Drain(done) => self.draining.push(done),
        }
    }

    /// Decides what can be decided and sends off what can be sent.
    async fn work(&mut self) {
        if !self.is_assigned || self.is_leaving {
            return self.hand_over();
        }
        if self.cache.is_tight() {
            self.look_at_mark().await;
        }
        if !self.backlog.is_empty() || self.loads.are_stale() {
            self.stand().await;
        }
        loop {
            while !self.batch.is_full()
                && let Some(ask) = self.backlog.pop_front()
            {
                self.admit(ask);
            }
            self.fetch();
            self.launch();
            let waits = self.flight.is_some() || matches!(self.next, Next::Waiting(_));
            if waits || self.backlog.is_empty() {
                return;
            }
            // The batch has landed at once; where it failed, the claim is gone.
            self.stand().await;
        }
    }

    /// Drops claim and states; what waits for cold aggregates goes on waiting.
    fn forget(&mut self) {
        self.standing = Standing::Idle;
        self.next = Next::Unasked;
        if !planted::is("states-kept-after-an-error") {
            self.cache.clear();
        }
        self.tail.clear();
        self.ends.clear();
        self.loads.restart();
    }

    fn refuse_backlog(&mut self, reason: &str) {
        for ask in self.backlog.drain(..).chain(self.loads.drain()) {
            ask.answer(Err(Refusal::Unavailable(reason.to_owned())));
        }
    }
}
