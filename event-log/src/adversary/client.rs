//! An instance's log: the client half, whose steps are those of the real one.
//!
//! Claim: new producer, then a Claim in a transaction of its own. Append: one transaction with
//! nothing but the batch, then read back. Confirm: one transaction of an offset, committed once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;
use uuid::Uuid;

use super::broker::Refused;
use super::cluster::Cluster;
use super::link::Link;
use super::session::{Broken, Seen, Session};
use crate::log::{AppendError, Appended, Appender, ClaimError, Log, NewCommand, ReadError};
use crate::planted;
use crate::record::{Body, Claim, ClaimId, Offset, PartitionId, Record};
use crate::validity::Validity;

/// The cluster as one instance sees it.
#[derive(Clone)]
pub struct AdversaryLog {
    cluster: Arc<Cluster>,
    link: Link,
    name: Arc<str>,
    clock: fn() -> i64,
    watch: Option<Watch>,
}

/// Hears of every partition that is about to be claimed.
pub type Watch = Arc<dyn Fn(&PartitionId) + Send + Sync>;

impl AdversaryLog {
    /// A client of this name behind a link.
    pub fn new(cluster: Arc<Cluster>, link: Link, name: &str, clock: fn() -> i64) -> AdversaryLog {
        AdversaryLog { cluster, link, name: name.into(), clock, watch: None }
    }

    /// The same, whose claims are watched.
    pub fn watched(self, watch: Watch) -> AdversaryLog {
        AdversaryLog { watch: Some(watch), ..self }
    }

    fn new_claim(&self) -> ClaimId {
        ClaimId(Uuid::from_u64_pair((self.link.random)(), (self.link.random)()))
    }

    /// The claim that stands at the partition's end, and its last sequence number.
    fn standing(&self, partition: &PartitionId) -> Validity {
        let mut validity = Validity::default();
        for record in self.cluster.records(partition) {
            validity.step(record);
        }
        validity
    }
}

#[async_trait]
impl Log for AdversaryLog {
    fn stream(&self) -> Uuid {
        self.cluster.stream()
    }

    fn partitions(&self) -> Vec<PartitionId> {
        self.cluster.ids()
    }

    fn route(&self, aggregate: &str, id: &str) -> PartitionId {
        let count = self.cluster.ids().iter().filter(|p| &*p.topic == aggregate).count();
        let hash = id.bytes().fold(7_u32, |h, b| h.wrapping_mul(31).wrapping_add(b.into()));
        let number = hash % u32::try_from(count.max(1)).unwrap_or(1);
        PartitionId { topic: aggregate.into(), number }
    }

    async fn claim(
        &self,
        partition: &PartitionId,
        owner: &str,
    ) -> Result<Box<dyn Appender>, ClaimError> {
        if let Some(watch) = &self.watch {
            watch(partition);
        }
        let failed = |broken: Broken| ClaimError::Unavailable(format!("{broken:?}"));
        let session = Session::init(self.cluster.clone(), self.link.clone(), partition.clone());
        let session = session.await.map_err(failed)?;
        if planted::is("claim-skipped") {
            let validity = self.standing(partition);
            if let Some(id) = validity.claim {
                let at = Offset(self.cluster.records(partition).len() as i64);
                return Ok(Box::new(ClientAppender::new(session, id, validity.seq, at)));
            }
        }
        let id = self.new_claim();
        let owner = if owner.is_empty() { self.name.clone() } else { owner.into() };
        let claim = Claim { id, stream: self.cluster.stream(), owner };
        session.begin().await.map_err(failed)?;
        let written = session.produce(vec![((self.clock)(), Body::Claim(claim))]).await;
        let at = written.map_err(failed)?[0];
        session.commit().await.map_err(failed)?;
        Ok(Box::new(ClientAppender::new(session, id, 0, at)))
    }

    async fn read(
        &self,
        partition: &PartitionId,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Vec<Record>, ReadError> {
        let (cluster, id) = (self.cluster.clone(), partition.clone());
        let most = (max_bytes / 256).clamp(1, 64);
        let read = self.link.call(move || cluster.partition(&id).map(|p| p.read(from, most)));
        read.await.ok().flatten().ok_or_else(|| ReadError::Unavailable("no answer".to_owned()))
    }

    async fn head(&self, partition: &PartitionId) -> Result<Offset, ReadError> {
        let (cluster, id) = (self.cluster.clone(), partition.clone());
        let head = self.link.call(move || cluster.partition(&id).map(|p| p.stable()));
        let head = head.await.ok().flatten();
        let head = head.ok_or_else(|| ReadError::Unavailable("no answer".to_owned()))?;
        Ok(Offset(head as i64))
    }

    async fn wait(&self, partition: &PartitionId, beyond: Offset) {
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            (self.link.gate)().await;
            let moved = self.cluster.moved().notified();
            let read = self.cluster.partition(partition).map(|p| p.read(beyond, 1));
            if read.is_none_or(|records| !records.is_empty()) {
                return;
            }
            if tokio::time::timeout_at(deadline, moved).await.is_err() {
                return;
            }
        }
    }
}

/// What an owner writes with, until anything goes wrong.
struct ClientAppender {
    inner: Arc<Mutex<Inner>>,
    claim: ClaimId,
    claimed_at: Offset,
    seq: u64,
}

struct Inner {
    session: Session,
    seen: Seen,
    spent: bool,
    /// When the last proof came in.
    proven: Option<Instant>,
}

impl ClientAppender {
    fn new(session: Session, claim: ClaimId, seq: u64, at: Offset) -> ClientAppender {
        let validity = Validity { claim: Some(claim), seq, held: Vec::new() };
        let seen = Seen { validity, next: Offset(at.0 + 1) };
        let inner = Inner { session, seen, spent: false, proven: None };
        ClientAppender { inner: Arc::new(Mutex::new(inner)), claim, claimed_at: at, seq }
    }
}

impl Appender for ClientAppender {
    fn claim(&self) -> ClaimId {
        self.claim
    }

    fn claimed_at(&self) -> Offset {
        self.claimed_at
    }

    fn append(
        &mut self,
        batch: Vec<NewCommand>,
    ) -> BoxFuture<'static, Result<Appended, AppendError>> {
        let mut records = Vec::new();
        let mut lasts = Vec::new();
        for command in batch {
            self.seq += 1;
            let time = command.time;
            let events = command.into_events(self.claim, self.seq);
            records.extend(events.map(|event| (time, Body::Event(event))));
            lasts.push(records.len() - 1);
        }
        let (inner, seq) = (self.inner.clone(), self.seq);
        async move {
            let (session, mut seen) = usable(&inner)?;
            let appended = append(&session, &mut seen, records, seq, lasts).await;
            settle(&inner, seen, appended.is_err());
            appended
        }
        .boxed()
    }

    fn confirm(&mut self) -> BoxFuture<'static, Result<(), AppendError>> {
        let inner = self.inner.clone();
        async move {
            let (session, seen) = usable(&inner)?;
            if planted::is("empty-proof") {
                return Ok(());
            }
            if planted::is("old-proof") && is_proven(&inner) {
                return Ok(());
            }
            let proof = confirm(&session).await;
            settle(&inner, seen, proof.is_err());
            proof
        }
        .boxed()
    }
}

fn lock(inner: &Mutex<Inner>) -> std::sync::MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

fn usable(inner: &Mutex<Inner>) -> Result<(Session, Seen), AppendError> {
    let inner = lock(inner);
    match inner.spent {
        true => Err(AppendError::Fenced),
        false => Ok((inner.session.clone(), inner.seen.clone())),
    }
}

fn settle(inner: &Mutex<Inner>, seen: Seen, failed: bool) {
    let mut inner = lock(inner);
    inner.seen = seen;
    inner.spent |= failed;
    inner.proven = Some(Instant::now());
}

fn is_proven(inner: &Mutex<Inner>) -> bool {
    lock(inner).proven.is_some_and(|at| at.elapsed() < Duration::from_secs(3))
}

/// One transaction with nothing but the batch, seen again before it counts.
async fn append(
    session: &Session,
    seen: &mut Seen,
    mut records: Vec<(i64, Body)>,
    seq: u64,
    lasts: Vec<usize>,
) -> Result<Appended, AppendError> {
    session.begin().await.map_err(nothing_written)?;
    let mut offsets = Vec::new();
    while !records.is_empty() {
        // Client libraries cut a batch into requests wherever they like.
        let cut = 1 + session.link.below(records.len() as u64) as usize;
        let rest = records.split_off(cut);
        offsets.extend(session.produce(std::mem::replace(&mut records, rest)).await.map_err(
            |broken| match planted::is("fenced-means-nothing") {
                true => nothing_written(broken),
                false => unknown(broken),
            },
        )?);
    }
    if planted::is("offsets-after-data") {
        session.begin().await.map_err(unknown)?;
    }
    let committed = session.commit().await;
    committed.map_err(unknown)?;
    if planted::is("acknowledged-before-read-back") || planted::is("offsets-after-data") {
        seen.validity.seq = seq;
        return Ok(Appended { last: lasts.into_iter().map(|at| offsets[at]).collect() });
    }
    match session.read_back(seen, seq).await {
        Some(last) => Ok(Appended { last }),
        None => Err(AppendError::OutcomeUnknown("not seen again".to_owned())),
    }
}

/// One transaction of an offset: refused once a newer producer exists. The commit is called once,
/// after the call, so its answer speaks of a moment after it.
async fn confirm(session: &Session) -> Result<(), AppendError> {
    session.begin().await.map_err(nothing_written)?;
    session.commit_once().await.map_err(nothing_written)
}

fn nothing_written(broken: Broken) -> AppendError {
    match broken {
        Broken::Refused(Refused::Fenced) => AppendError::Fenced,
        broken => AppendError::NothingWritten(format!("{broken:?}")),
    }
}

fn unknown(broken: Broken) -> AppendError {
    AppendError::OutcomeUnknown(format!("{broken:?}"))
}
