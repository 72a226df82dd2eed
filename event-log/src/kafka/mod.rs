//! The Kafka log: a topic per aggregate type, one owner per partition, nothing acknowledged before
//! it was read back.
//!
//! A partition is owned by whoever initialised its transactional producer last; brokers refuse all
//! older ones. An append is one transaction on one partition, to which nothing is added after its
//! first record, and it succeeds when the process's own read-committed consumer has delivered it.

mod appender;
pub mod claim;
mod cold;
mod config;
mod deliveries;
mod error;
mod fetched;
mod followed;
mod group;
mod instant;
mod memory;
mod murmur2;
mod owners;
mod pace;
mod probe;
mod readback;
mod recent;
mod stream;
mod tail;
mod topics;
mod transaction;
mod voice;
mod wire;
#[cfg(feature = "yardstick")]
pub mod yardstick;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;
use uuid::Uuid;

use crate::log::{Appender, ClaimError, Log, ReadError};
use crate::membership::Membership;
use crate::record::{Offset, PartitionId, Record};
use appender::Wanted;
use claim::ClaimRecord;
use cold::Cold;
pub use config::{Group, KafkaConfig};
pub use error::OpenError;
use group::Member;
pub use memory::Remembered;
use owners::Owners;
use pace::Pace;
use recent::{Head, Near, Recent};
use tail::Tail;
use topics::Missing;

/// How long one [`Log::wait`] lasts at most.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long finding the end of a partition may take.
const FINDS_END: Duration = Duration::from_secs(15);
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// How often a closing log looks whether its threads have ended.
const CLOSING_TICK: Duration = Duration::from_millis(10);

/// A log on Kafka.
pub struct KafkaLog {
    config: KafkaConfig,
    stream: Uuid,
    tail: Arc<Tail>,
    cold: Arc<Cold>,
    owners: Arc<Owners>,
    members: Mutex<Vec<Weak<Member>>>,
    appenders: Arc<()>,
    stalls: Arc<AtomicU64>,
    pace: Arc<Pace>,
}

impl KafkaLog {
    /// Connects, makes topics that are missing and refuses what could not be trusted.
    pub async fn open(config: KafkaConfig) -> Result<Arc<KafkaLog>, OpenError> {
        KafkaLog::open_where(config, Missing::Make).await
    }

    /// The same, where nothing is to be made.
    pub async fn open_existing(config: KafkaConfig) -> Result<Arc<KafkaLog>, OpenError> {
        KafkaLog::open_where(config, Missing::Refuse).await
    }

    async fn open_where(config: KafkaConfig, when: Missing) -> Result<Arc<KafkaLog>, OpenError> {
        topics::prepare(&config, when).await?;
        let at = config.clone();
        let opened = tokio::task::spawn_blocking(move || KafkaLog::connect(config, when)).await;
        let broken_off = |error: tokio::task::JoinError| OpenError::Unreachable {
            brokers: at.brokers.clone(),
            detail: error.to_string(),
        };
        let log = Arc::new(opened.map_err(broken_off)??);
        let (cold, opened) = (Arc::clone(&log.cold), Arc::downgrade(&log));
        tokio::spawn(async move {
            while opened.strong_count() > 0 {
                tokio::time::sleep(SWEEP_EVERY).await;
                let cold = Arc::clone(&cold);
                tokio::task::spawn_blocking(move || cold.sweep()).await.ok();
            }
            tokio::task::spawn_blocking(move || cold.close()).await.ok();
        });
        Ok(log)
    }

    /// Takes a place in a group. The place is given back by [`Membership::leave`].
    pub async fn join(&self, group: Group) -> Result<Arc<dyn Membership>, OpenError> {
        let member = Member::join(&self.config, group, Arc::clone(&self.owners));
        let member = Arc::new(member.map_err(|e| topics::unreachable(&self.config, &e))?);
        self.members().push(Arc::downgrade(&member));
        Ok(member)
    }

    /// Compares the log with what a store remembers of it: its stream, and the record at each
    /// mark. Refuses where they tell different histories.
    pub async fn compare(
        &self,
        stream: Option<Uuid>,
        marks: &[Remembered],
    ) -> Result<(), OpenError> {
        if let Some(stream) = stream.filter(|stream| *stream != self.stream) {
            let own = self.stream;
            return Err(OpenError::OtherHistory(format!(
                "the store was filled from stream {stream}, and the log is stream {own}: point \
                 both at the same system, or begin with an empty store"
            )));
        }
        let (config, stream, marks) = (self.config.clone(), self.stream, marks.to_vec());
        let checked =
            tokio::task::spawn_blocking(move || memory::check_marks(&config, stream, &marks));
        checked.await.unwrap_or_else(|error| {
            let (brokers, detail) = (self.config.brokers.clone(), error.to_string());
            Err(OpenError::Unreachable { brokers, detail })
        })
    }

    /// Leaves groups, ends producers and consumers; gives up waiting for them after `deadline`.
    /// Appenders are to be dropped before.
    pub async fn shutdown(&self, deadline: Duration) {
        let closing = async {
            self.leave_groups().await;
            while Arc::strong_count(&self.appenders) > 1 {
                tokio::time::sleep(CLOSING_TICK).await;
            }
            let (owners, cold) = (Arc::clone(&self.owners), Arc::clone(&self.cold));
            let rest = move || {
                owners.flush(deadline);
                cold.close();
            };
            tokio::task::spawn_blocking(rest).await.ok();
            self.tail.stop();
        };
        if tokio::time::timeout(deadline, closing).await.is_err() {
            tracing::warn!("the log was not closed in time");
        }
    }

    /// Where the owner of a partition takes commands, as last heard.
    pub fn owner(&self, partition: &PartitionId) -> Option<Arc<str>> {
        self.owners.of(partition)
    }

    /// The topic of an aggregate type.
    pub fn topic(&self, aggregate: &str) -> String {
        self.config.topic(aggregate)
    }

    /// How often a commit was called while the client library still held records: each would have
    /// cost 100 ms, and there should be none.
    pub fn stalled_commits(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    fn connect(config: KafkaConfig, when: Missing) -> Result<KafkaLog, OpenError> {
        let failed = |error| topics::unreachable(&config, &error);
        let stream = match when {
            Missing::Make => stream::stream_id(&config).map_err(failed)?,
            Missing::Refuse => stream::known(&config)
                .map_err(failed)?
                .ok_or_else(|| OpenError::Absent(config.stream_topic()))?,
        };
        let owners = Owners::start(&config).map_err(failed)?;
        let partitions = partitions(&config);
        memory::check_claims(&config, stream, &partitions, &owners.claims())?;
        let tail = Tail::start(&config, stream).map_err(failed)?;
        Ok(KafkaLog {
            cold: Arc::new(Cold::new(&config, stream)),
            tail: Arc::new(tail),
            owners: Arc::new(owners),
            members: Mutex::default(),
            appenders: Arc::default(),
            stalls: Arc::default(),
            pace: Pace::new(),
            stream,
            config,
        })
    }

    fn members(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn leave_groups(&self) {
        let members = std::mem::take(&mut *self.members());
        for member in members.iter().filter_map(Weak::upgrade) {
            member.leave().await;
        }
    }

    /// The end of a partition, once it is found.
    async fn found(&self, partition: &PartitionId) -> Result<(Arc<Recent>, i64), ReadError> {
        let recent = self.tail.follow(partition);
        if let Head::At(head) = recent.head() {
            return Ok((recent, head));
        }
        let mut watch = recent.watch();
        let known = watch.wait_for(|head| *head != Head::Unknown);
        let head = match tokio::time::timeout(FINDS_END, known).await {
            Ok(Ok(head)) => head.clone(),
            _ => Head::Unknown,
        };
        match head {
            Head::At(head) => Ok((recent, head)),
            Head::Broken(error) => Err(error),
            Head::Unknown => {
                Err(ReadError::Unavailable(format!("the end of {partition} was not found in time")))
            }
        }
    }
}

#[async_trait]
impl Log for KafkaLog {
    fn stream(&self) -> Uuid {
        self.stream
    }

    fn partitions(&self) -> Vec<PartitionId> {
        partitions(&self.config)
    }

    fn route(&self, aggregate: &str, id: &str) -> PartitionId {
        let known = self.config.aggregates.iter().find(|name| ***name == *aggregate);
        let topic = known.cloned().unwrap_or_else(|| aggregate.into());
        PartitionId { topic, number: murmur2::partition(id.as_bytes(), self.config.partitions) }
    }

    async fn claim(
        &self,
        partition: &PartitionId,
        owner: &str,
    ) -> Result<Box<dyn Appender>, ClaimError> {
        let owner: Arc<str> =
            if owner.is_empty() { self.config.advertise.clone() } else { owner.into() };
        let found = self.found(partition).await;
        let (recent, _) = found.map_err(|error| ClaimError::Unavailable(error.to_string()))?;
        let wanted = Wanted {
            config: self.config.clone(),
            stream: self.stream,
            partition: partition.clone(),
            owner: owner.clone(),
            recent,
            stalls: Arc::clone(&self.stalls),
            pace: Arc::clone(&self.pace),
            alive: Arc::clone(&self.appenders),
        };
        let appender = appender::claim(wanted).await?;
        let claim = crate::record::Claim { id: appender.claim(), stream: self.stream, owner };
        let record = ClaimRecord { claim, partitions: self.config.partitions };
        self.owners.claimed(partition, &record, appender.claimed_at());
        tracing::info!(%partition, claim = %appender.claim().0, "claimed");
        Ok(Box::new(appender))
    }

    async fn read(
        &self,
        partition: &PartitionId,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Vec<Record>, ReadError> {
        let (recent, _) = self.found(partition).await?;
        let began = match recent.read(from, max_bytes) {
            Near::Records(records) => return Ok(records),
            Near::Before(began) => began,
        };
        let (cold, of) = (Arc::clone(&self.cold), partition.clone());
        let read = tokio::task::spawn_blocking(move || cold.read(&of, from, max_bytes)).await;
        let stretch = read.unwrap_or_else(|e| Err(ReadError::Unavailable(e.to_string())))?;
        if stretch.at_end {
            let next = stretch.records.last().map_or(from.0, |last| last.offset.0 + 1);
            recent.nothing_before(next, began);
        }
        Ok(stretch.records)
    }

    async fn head(&self, partition: &PartitionId) -> Result<Offset, ReadError> {
        self.found(partition).await.map(|(_, head)| Offset(head))
    }

    async fn wait(&self, partition: &PartitionId, beyond: Offset) {
        let until = Instant::now() + LONGEST_WAIT;
        let mut watch = self.tail.follow(partition).watch();
        let moved = watch.wait_for(|head| matches!(head, Head::At(head) if *head > beyond.0));
        tokio::time::timeout_at(until, moved).await.ok();
    }
}

fn partitions(config: &KafkaConfig) -> Vec<PartitionId> {
    let of = |topic: &Arc<str>| {
        let topic = topic.clone();
        (0..config.partitions).map(move |number| PartitionId { topic: topic.clone(), number })
    };
    config.aggregates.iter().flat_map(of).collect()
}
