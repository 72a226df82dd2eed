//! The protocol of one owner's producer, step by step: init, transactions, read-back.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::broker::Refused;
use super::cluster::Cluster;
use super::link::Link;
use crate::record::{Body, Offset, PartitionId};
use crate::validity::{Step, Validity};

/// How often a call that may be repeated is made before it is given up.
const ATTEMPTS: usize = 3;
/// How long a record may take to be seen again.
const READ_BACK: Duration = Duration::from_secs(5);

/// Why a step did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The brokers refuse it.
    Refused(Refused),
    /// No answer came.
    Unanswered,
}

/// A producer with its epoch.
#[derive(Clone)]
pub(super) struct Session {
    pub cluster: Arc<Cluster>,
    pub link: Link,
    pub partition: PartitionId,
    pub epoch: u32,
}

impl Session {
    /// A new producer: every older one of the partition is fenced.
    pub async fn init(
        cluster: Arc<Cluster>,
        link: Link,
        partition: PartitionId,
    ) -> Result<Session, Broken> {
        let mut session = Session { cluster, link, partition, epoch: 0 };
        session.epoch = session.repeated(|s| s.cluster.init(&s.partition)).await?;
        Ok(session)
    }

    pub async fn begin(&self) -> Result<(), Broken> {
        self.repeated(|s| s.cluster.begin(&s.partition, s.epoch)).await
    }

    /// Writes records and waits until followers have them; the offsets.
    pub async fn produce(&self, records: Vec<(i64, Body)>) -> Result<Vec<Offset>, Broken> {
        let written = records.clone();
        let session = self.clone();
        let offsets = self.link.call(move || {
            let offset = |(time, body): &(i64, Body)| {
                session.cluster.produce(&session.partition, session.epoch, *time, body.clone())
            };
            written.iter().map(offset).collect::<Result<Vec<_>, _>>()
        });
        let offsets = self.answered(offsets.await)?;
        if self.link.below(10_000) < (self.link.weather)().leader_lost {
            self.cluster.lose_leader(&self.partition);
        }
        self.replicated(&offsets, &records).await?;
        Ok(offsets)
    }

    /// Ends the transaction, with repeated calls where answers don't come.
    pub async fn commit(&self) -> Result<(), Broken> {
        self.repeated(|s| s.cluster.end(&s.partition, s.epoch, true)).await
    }

    /// Ends the transaction by one call, whose answer then proves something about the time after
    /// the call.
    pub async fn commit_once(&self) -> Result<(), Broken> {
        let session = self.clone();
        let ended = move || session.cluster.end(&session.partition, session.epoch, true);
        self.answered(self.link.call(ended).await)
    }

    /// Reads committed records until the sequence number `seq` is complete under the claim that
    /// `seen` stands at; the offsets of the last records of all commands on the way.
    pub async fn read_back(&self, seen: &mut Seen, seq: u64) -> Option<Vec<Offset>> {
        let deadline = Instant::now() + READ_BACK;
        let claim = seen.validity.claim;
        let mut ends = Vec::new();
        while seen.validity.seq < seq {
            let moved = self.cluster.moved().notified();
            let (session, from) = (self.clone(), seen.next);
            let read = self.link.call(move || {
                session.cluster.partition(&session.partition).map(|p| p.read(from, 64))
            });
            let records = read.await.ok().flatten().unwrap_or_default();
            if records.is_empty() {
                if Instant::now() >= deadline {
                    return None;
                }
                tokio::time::timeout(Duration::from_millis(200), moved).await.ok();
            }
            for record in records {
                let offset = record.offset;
                seen.next = Offset(offset.0 + 1);
                if let Step::Complete(_) = seen.validity.step(record) {
                    ends.push(offset);
                }
                if seen.validity.claim != claim {
                    return None;
                }
            }
        }
        Some(ends)
    }

    async fn replicated(&self, offsets: &[Offset], records: &[(i64, Body)]) -> Result<(), Broken> {
        let (Some(last), Some((_, body))) = (offsets.last(), records.last()) else { return Ok(()) };
        let deadline = Instant::now() + READ_BACK;
        while Instant::now() < deadline {
            let moved = self.cluster.moved().notified();
            let known = self.cluster.partition(&self.partition);
            let known = known.map(|p| (p.holds(*last, body), p.is_replicated(*last)));
            match known {
                Some((true, true)) => return Ok(()),
                Some((true, false)) => {}
                Some((false, _)) | None => break,
            }
            tokio::time::timeout(Duration::from_millis(200), moved).await.ok();
            (self.link.gate)().await;
        }
        Err(Broken::Unanswered)
    }

    fn answered<T>(
        &self,
        answer: Result<Result<T, Refused>, super::link::Unanswered>,
    ) -> Result<T, Broken> {
        answer.map_err(|_| Broken::Unanswered)?.map_err(Broken::Refused)
    }

    /// Calls until there is an answer; as client libraries do, the same call again.
    async fn repeated<T, F>(&self, reach: F) -> Result<T, Broken>
    where
        T: Send + 'static,
        F: Fn(&Session) -> Result<T, Refused> + Send + Sync + Copy + 'static,
    {
        let mut unanswered = 0;
        for _ in 0..100 {
            let session = self.clone();
            match self.answered(self.link.call(move || reach(&session)).await) {
                Err(Broken::Refused(Refused::Busy)) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(Broken::Unanswered) if unanswered + 1 < ATTEMPTS => unanswered += 1,
                other => return other,
            }
        }
        Err(Broken::Unanswered)
    }
}

/// How far an owner has read its own records back.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub validity: Validity,
    pub next: Offset,
}
