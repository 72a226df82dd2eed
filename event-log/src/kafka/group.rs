//! A place in a group: which partitions are given to this instance.
//!
//! Each aggregate type has a group of its own: shared out together, the partitions of one type can
//! all go to one instance, and those of another type to another.
//!
//! A thread of its own serves a group's consumer, which reads nothing: its partitions are paused.
//! Rebalances and questions are handled by that one thread, one after the other.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset as At, TopicPartitionList};
use tokio::sync::{oneshot, watch};

use super::config::{Group, KafkaConfig};
use super::owners::Owners;
use super::tail::{is_passing, place};
use super::voice::log;
use crate::membership::Membership;
use crate::record::PartitionId;

/// How often the consumer is looked after where nothing rings.
const TICK: Duration = Duration::from_millis(50);
/// Nothing within this time means that nothing is there.
const SETTLE: Duration = Duration::from_millis(1);

type Assigned = Arc<BTreeSet<PartitionId>>;

/// This instance's places: one in the group of each aggregate type.
pub(super) struct Member {
    assigned: watch::Sender<Assigned>,
    seats: HashMap<Arc<str>, Sender<Ask>>,
    owners: Arc<Owners>,
}

enum Ask {
    /// Something lies in the consumer's queue.
    Serve,
    IsMine(PartitionId, oneshot::Sender<bool>),
    Leave(oneshot::Sender<()>),
}

impl Member {
    /// Joins; partitions are given as the groups agree.
    pub(super) fn join(
        config: &KafkaConfig,
        group: Group,
        owners: Arc<Owners>,
    ) -> Result<Member, KafkaError> {
        let assigned = watch::Sender::new(Assigned::default());
        let mut member = Member { assigned, seats: HashMap::new(), owners };
        for aggregate in &config.aggregates {
            let asks = member.sit(config, group, aggregate)?;
            member.seats.insert(aggregate.clone(), asks);
        }
        Ok(member)
    }

    /// Joins the group of one aggregate type.
    fn sit(
        &self,
        config: &KafkaConfig,
        group: Group,
        aggregate: &Arc<str>,
    ) -> Result<Sender<Ask>, KafkaError> {
        let announces = group == Group::Owners;
        let seat = Seat {
            aggregate: aggregate.clone(),
            assigned: self.assigned.clone(),
            owners: announces.then(|| Arc::clone(&self.owners)),
        };
        let settings = config.member(group, aggregate);
        let mut consumer: BaseConsumer<Seat> = settings.create_with_context(seat)?;
        let (asks, asked) = channel();
        let bell = asks.clone();
        consumer.set_nonempty_callback(move || drop(bell.send(Ask::Serve)));
        let topic = config.topic(aggregate);
        consumer.subscribe(&[&topic])?;
        let assigned = self.assigned.clone();
        let thread = Thread { consumer, topic, aggregate: aggregate.clone(), assigned };
        std::thread::Builder::new()
            .name(format!("log-{group:?}").to_lowercase())
            .spawn(move || thread.run(&asked))
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(asks)
    }
}

#[async_trait]
impl Membership for Member {
    fn assigned(&self) -> watch::Receiver<Assigned> {
        self.assigned.subscribe()
    }

    async fn still_assigned(&self, partition: &PartitionId) -> bool {
        let (reply, answer) = oneshot::channel();
        let Some(asks) = self.seats.get(&partition.topic) else { return false };
        asks.send(Ask::IsMine(partition.clone(), reply)).is_ok() && answer.await.unwrap_or(false)
    }

    fn owner(&self, partition: &PartitionId) -> Option<Arc<str>> {
        self.owners.of(partition)
    }

    async fn leave(&self) {
        // All are asked before any is waited for.
        let asked = self.seats.values().filter_map(|asks| {
            let (reply, answer) = oneshot::channel();
            asks.send(Ask::Leave(reply)).is_ok().then_some(answer)
        });
        for answer in asked.collect::<Vec<_>>() {
            answer.await.ok();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // The threads hold senders of their own, in the bells, and so would wait for ever.
        for asks in self.seats.values() {
            let (reply, _) = oneshot::channel();
            asks.send(Ask::Leave(reply)).ok();
        }
    }
}

struct Thread {
    consumer: BaseConsumer<Seat>,
    topic: String,
    aggregate: Arc<str>,
    assigned: watch::Sender<Assigned>,
}

impl Thread {
    fn run(self, asks: &Receiver<Ask>) {
        loop {
            match asks.recv_timeout(TICK) {
                Ok(Ask::Serve) => self.serve(),
                Err(RecvTimeoutError::Timeout) => {
                    self.wake();
                    self.serve();
                }
                Ok(Ask::IsMine(partition, reply)) => drop(reply.send(self.is_mine(&partition))),
                Ok(Ask::Leave(reply)) => {
                    let others = |set: &mut Assigned| {
                        Arc::make_mut(set).retain(|partition| partition.topic != self.aggregate);
                    };
                    self.assigned.send_modify(others);
                    // Closing a consumer leaves its group.
                    drop(self);
                    reply.send(()).ok();
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// The client library looks whether a heartbeat is due only when it has something to do, or
    /// once a second; so it is asked for something.
    fn wake(&self) {
        if let Err(error) = self.consumer.assignment() {
            tracing::debug!(%error, "the group's consumer does not know its partitions");
        }
    }

    /// Handles all that has come from the group. A poll that handled a rebalance says the same as
    /// one that found nothing, but says it before its time is up.
    fn serve(&self) {
        loop {
            let polled = Instant::now();
            match self.consumer.poll(SETTLE) {
                Some(Err(error)) if !is_passing(&error) => {
                    tracing::warn!(%error, "the group's consumer met an error");
                }
                None if polled.elapsed() >= SETTLE => return,
                _ => {}
            }
        }
    }

    /// The group's coordinator takes an offset only from a member of the present generation. What
    /// it told this member before it took the offset is handled before the set is looked at.
    fn is_mine(&self, partition: &PartitionId) -> bool {
        self.serve();
        let offset = place(&self.topic, partition.number as i32, 0);
        let holds = || self.assigned.borrow().contains(partition);
        if !holds() {
            return false;
        }
        if let Err(error) = self.consumer.commit(&offset, CommitMode::Sync) {
            tracing::warn!(%partition, %error, "the group does not confirm a partition");
            return false;
        }
        self.serve();
        holds()
    }
}

/// Hears of a group's rebalances.
struct Seat {
    aggregate: Arc<str>,
    assigned: watch::Sender<Assigned>,
    owners: Option<Arc<Owners>>,
}

impl Seat {
    fn partitions(&self, list: &TopicPartitionList) -> Vec<PartitionId> {
        let one =
            |number: i32| PartitionId { topic: self.aggregate.clone(), number: number as u32 };
        list.elements().iter().map(|element| one(element.partition())).collect()
    }

    fn gain(&self, consumer: &BaseConsumer<Seat>, list: &mut TopicPartitionList) {
        let given = self.partitions(list);
        // Some place, for nothing is read: else the group would be asked for one that is not there.
        list.set_all_offsets(At::Offset(0)).ok();
        let assigned = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
            _ => consumer.assign(list),
        };
        if let Err(error) = assigned.and_then(|()| consumer.pause(list)) {
            tracing::error!(%error, "can't take the partitions that the group gives");
            return;
        }
        if !given.is_empty() {
            tracing::info!(
                aggregate = &*self.aggregate,
                partitions = given.len(),
                "partitions given"
            );
        }
        if let Some(owners) = &self.owners {
            owners.announce(&given);
        }
        self.change(|set| set.extend(given));
    }

    fn lose(&self, consumer: &BaseConsumer<Seat>, list: &TopicPartitionList) {
        // First said, then given back: whoever gets a partition next must not meet its old owner
        // still at work, though fencing would hold.
        let lost = self.partitions(list);
        let aggregate = &*self.aggregate;
        tracing::info!(aggregate, partitions = lost.len(), "partitions taken back");
        self.change(|set| set.retain(|partition| !lost.contains(partition)));
        let given_back = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            _ => consumer.unassign(),
        };
        if let Err(error) = given_back {
            tracing::error!(%error, "can't give partitions back");
        }
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<PartitionId>)) {
        self.assigned.send_modify(|set| change(Arc::make_mut(set)));
    }
}

impl ClientContext for Seat {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka group error");
    }
}

impl ConsumerContext for Seat {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Seat>,
        kind: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.gain(consumer, list),
            _ => self.lose(consumer, list),
        }
    }
}
