//! Reading far from the head: refills, verification, takeovers with a long tail.
//!
//! A cursor is a partition's queue in a consumer, standing where its last reader stopped; whoever
//! reads on from there finds the next records fetched already. A consumer can hold each partition
//! once, so readers at different places of one partition get different consumers.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Offset as At;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use uuid::Uuid;

use super::config::KafkaConfig;
use super::fetched::{Fetched, Source};
use super::recent::weight;
use super::tail::{place, serve};
use super::voice::Voice;
use super::wire::Decoder;
use crate::log::ReadError;
use crate::record::{Offset, PartitionId, Record};

/// Most consumers, and so most readers at different places of one partition.
const MAX_LANES: usize = 8;
/// A cursor that nobody read on from for so long is let go.
const UNUSED: Duration = Duration::from_secs(5);
/// A consumer without cursors is closed after so long.
const EMPTY: Duration = Duration::from_secs(60);
/// How long the first record may take to come.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a read waits for more where little has come and more is known to follow.
const GATHER: Duration = Duration::from_millis(5);

type Consumes = BaseConsumer<Voice>;

/// The cursors of the process.
pub(super) struct Cold {
    config: KafkaConfig,
    stream: Uuid,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    lanes: Vec<Lane>,
    idle: Vec<Cursor>,
}

/// One consumer.
struct Lane {
    consumer: Arc<Consumes>,
    holds: HashSet<PartitionId>,
    emptied: Instant,
}

struct Cursor {
    consumer: Arc<Consumes>,
    partition: PartitionId,
    topic: String,
    source: Source,
    next: i64,
    failed: bool,
    used: Instant,
}

/// What a read found, and whether it met the partition's end.
pub(super) struct Stretch {
    pub records: Vec<Record>,
    pub at_end: bool,
}

impl Cold {
    pub(super) fn new(config: &KafkaConfig, stream: Uuid) -> Cold {
        Cold { config: config.clone(), stream, state: Mutex::default(), returned: Condvar::new() }
    }

    /// Committed records at or after `from`; blocks until there is one or the end is met.
    pub(super) fn read(
        &self,
        partition: &PartitionId,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Stretch, ReadError> {
        let mut cursor = self.cursor(partition, from.0)?;
        let result = cursor.read(max_bytes);
        match &result {
            // Whoever met the end goes on in memory.
            Ok(stretch) if !stretch.at_end && !cursor.failed => self.give_back(cursor),
            _ => self.discard(&mut lock(&self.state), cursor),
        }
        result
    }

    /// Lets go of what nobody uses; called now and then.
    pub(super) fn sweep(&self) {
        let mut state = lock(&self.state);
        let (idle, kept) =
            state.idle.drain(..).partition(|cursor: &Cursor| cursor.used.elapsed() > UNUSED);
        state.idle = kept;
        let idle: Vec<Cursor> = idle;
        idle.into_iter().for_each(|cursor| self.discard(&mut state, cursor));
        for lane in &state.lanes {
            serve(&lane.consumer);
        }
        let is_done = |lane: &Lane| lane.holds.is_empty() && lane.emptied.elapsed() > EMPTY;
        let done: Vec<Lane> = state.lanes.extract_if(.., |lane| is_done(lane)).collect();
        drop(state);
        // Closing a consumer takes a moment.
        drop(done);
    }

    /// Closes all that is idle.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        let idle = std::mem::take(&mut state.idle);
        let lanes = std::mem::take(&mut state.lanes);
        drop(state);
        drop(idle);
        drop(lanes);
    }

    fn cursor(&self, partition: &PartitionId, from: i64) -> Result<Cursor, ReadError> {
        let failed = |error: KafkaError| ReadError::Unavailable(error.to_string());
        let mut state = lock(&self.state);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let of_it = |cursor: &Cursor| cursor.partition == *partition;
            if let Some(at) = state.idle.iter().position(|c| of_it(c) && c.next == from) {
                return Ok(state.idle.swap_remove(at));
            }
            if let Some(lane) = state.lanes.iter_mut().find(|l| !l.holds.contains(partition)) {
                lane.holds.insert(partition.clone());
                let consumer = Arc::clone(&lane.consumer);
                drop(state);
                return self.open(consumer, partition, from);
            }
            if state.lanes.len() < MAX_LANES {
                let consumer = self.config.reader().create_with_context(Voice).map_err(failed)?;
                let (consumer, holds) = (Arc::new(consumer), HashSet::new());
                state.lanes.push(Lane { consumer, holds, emptied: Instant::now() });
                continue;
            }
            if let Some(at) = state.idle.iter().position(of_it) {
                let mut cursor = state.idle.swap_remove(at);
                drop(state);
                return cursor.seek(from).map(|()| cursor).map_err(failed);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let busy = format!("{partition} has too many readers at once");
                return Err(ReadError::Unavailable(busy));
            }
            let waited = self.returned.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn open(
        &self,
        consumer: Arc<Consumes>,
        partition: &PartitionId,
        from: i64,
    ) -> Result<Cursor, ReadError> {
        let topic = self.config.topic(&partition.topic);
        let number = partition.number as i32;
        let queue = consumer.split_partition_queue(&topic, number);
        let assigned = consumer.incremental_assign(&place(&topic, number, from));
        let (Some(queue), Ok(())) = (queue, assigned) else {
            self.release(&mut lock(&self.state), &consumer, partition);
            return Err(ReadError::Unavailable(format!("{partition} can't be read")));
        };
        let decoder = Decoder::new(partition.topic.clone(), self.stream);
        let source = Source::new(queue, decoder, from);
        let (partition, used) = (partition.clone(), Instant::now());
        Ok(Cursor { consumer, partition, topic, source, next: from, failed: false, used })
    }

    fn give_back(&self, mut cursor: Cursor) {
        cursor.used = Instant::now();
        lock(&self.state).idle.push(cursor);
        self.returned.notify_all();
    }

    fn discard(&self, state: &mut State, cursor: Cursor) {
        let list = place(&cursor.topic, cursor.partition.number as i32, 0);
        if let Err(error) = cursor.consumer.incremental_unassign(&list) {
            tracing::warn!(partition = %cursor.partition, %error, "can't let go of a cursor");
        }
        self.release(state, &cursor.consumer, &cursor.partition);
    }

    fn release(&self, state: &mut State, consumer: &Arc<Consumes>, partition: &PartitionId) {
        let of_it = |lane: &&mut Lane| Arc::ptr_eq(&lane.consumer, consumer);
        if let Some(lane) = state.lanes.iter_mut().find(of_it) {
            lane.holds.remove(partition);
            lane.emptied = Instant::now();
        }
        self.returned.notify_all();
    }
}

impl Cursor {
    fn read(&mut self, max_bytes: usize) -> Result<Stretch, ReadError> {
        let deadline = Instant::now() + PATIENCE;
        let mut records = Vec::new();
        let mut bytes = 0;
        while bytes < max_bytes {
            let patience = match records.is_empty() {
                true => deadline.saturating_duration_since(Instant::now()),
                false if bytes < max_bytes / 8 => GATHER,
                false => Duration::ZERO,
            };
            match self.source.next(patience) {
                // What was fetched before the cursor was moved.
                Fetched::Record(record) if record.offset.0 < self.next => {}
                Fetched::Record(record) => {
                    self.next = record.offset.0 + 1;
                    bytes += weight(&record);
                    records.push(record);
                }
                Fetched::End => return Ok(Stretch { records, at_end: true }),
                Fetched::Nothing if records.is_empty() => {
                    let late = format!("{} could not be read in time", self.partition);
                    return Err(ReadError::Unavailable(late));
                }
                Fetched::Nothing => break,
                Fetched::Failed(error) if records.is_empty() => return Err(error),
                Fetched::Failed(_) => {
                    // A new cursor meets it again.
                    self.failed = true;
                    break;
                }
            }
        }
        Ok(Stretch { records, at_end: false })
    }

    fn seek(&mut self, to: i64) -> Result<(), KafkaError> {
        let number = self.partition.number as i32;
        self.consumer.seek(&self.topic, number, At::Offset(to), PATIENCE)?;
        self.source.moved(to);
        self.next = to;
        Ok(())
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
