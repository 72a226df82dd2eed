//! One consumer per process that follows the ends of partitions: owner, projector and streams all
//! hear of a record from it.
//!
//! It has a thread. Each partition has a queue of its own in the client library, which rings a bell
//! when something lies in it; so an end of partition is known for what it is, and one partition
//! that is far behind holds up no other.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset as At, TopicPartitionList};
use uuid::Uuid;

use super::config::KafkaConfig;
use super::fetched::{Fetched, Source};
use super::followed::Followed;
use super::probe::probe;
use super::recent::{Head, Place, Recent};
use super::voice::Voice;
use super::wire::Decoder;
use crate::log::ReadError;
use crate::record::{Offset, PartitionId, Record};

/// All partitions' memory together.
const KEPT_BYTES: usize = 64 << 20;
const MIN_KEPT_BYTES: usize = 1 << 20;
/// How far before the end following begins, to find the last record there: control records stand
/// behind it.
const WINDOWS: [i64; 2] = [64, 4_096];
/// How often the client's own events are looked after.
const TICK: Duration = Duration::from_millis(100);
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// A partition that nobody asked about for so long is let go.
const UNUSED: Duration = Duration::from_secs(60);
/// Records taken from one partition before the others have their turn.
const TURN: usize = 4_096;
const SERVED_AT_ONCE: usize = 8;
/// How long the broker may take to say where a partition ends.
const PATIENCE: Duration = Duration::from_secs(10);

type Consumes = BaseConsumer<Voice>;

/// The handle on the following thread.
pub(super) struct Tail {
    config: KafkaConfig,
    stream: Uuid,
    consumer: Arc<Consumes>,
    signals: Sender<Signal>,
    followed: Arc<Mutex<Followed>>,
}

enum Signal {
    Follow(usize, Box<Line>),
    Ready(usize),
    Stop,
}

/// A partition that is followed.
struct Line {
    partition: PartitionId,
    topic: String,
    recent: Arc<Recent>,
    source: Source,
    low: i64,
    /// Its end when following began.
    ended: i64,
    from: i64,
    caught_up: bool,
}

impl Tail {
    /// Starts the thread.
    pub(super) fn start(config: &KafkaConfig, stream: Uuid) -> Result<Tail, KafkaError> {
        let consumer: Consumes = config.reader().create_with_context(Voice)?;
        let (signals, received) = channel();
        let followed = Arc::new(Mutex::default());
        let thread = Thread {
            consumer: Arc::new(consumer),
            signals: signals.clone(),
            followed: Arc::clone(&followed),
            lines: HashMap::new(),
            buffer: Vec::new(),
            swept: Instant::now(),
        };
        let consumer = Arc::clone(&thread.consumer);
        std::thread::Builder::new()
            .name("log-tail".to_owned())
            .spawn(move || thread.run(&received))
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        Ok(Tail { config: config.clone(), stream, consumer, signals, followed })
    }

    /// The memory of a partition's end, which is followed from now on.
    pub(super) fn follow(self: &Arc<Tail>, partition: &PartitionId) -> Arc<Recent> {
        let mut followed = lock(&self.followed);
        if let Some(recent) = followed.get(partition, Instant::now()) {
            recent.touch();
            return recent;
        }
        let recent = Arc::new(Recent::new(MIN_KEPT_BYTES));
        let number = followed.begin(partition, Arc::clone(&recent));
        drop(followed);
        let (tail, partition, begun) = (Arc::clone(self), partition.clone(), Arc::clone(&recent));
        tokio::task::spawn_blocking(move || {
            if let Err(error) = tail.begin(number, &partition, &begun) {
                tracing::warn!(%partition, %error, "can't follow a partition");
                // Whoever asks next tries again.
                lock(&tail.followed).forget(&partition);
                begun.publish(Head::Broken(error));
            }
        });
        recent
    }

    /// Ends the thread; what waits for it learns that nothing more will come.
    pub(super) fn stop(&self) {
        self.signals.send(Signal::Stop).ok();
    }

    fn begin(
        &self,
        number: usize,
        partition: &PartitionId,
        recent: &Arc<Recent>,
    ) -> Result<(), ReadError> {
        let failed = |error: KafkaError| ReadError::Unavailable(error.to_string());
        let topic = self.config.topic(&partition.topic);
        let id = partition.number as i32;
        let (low, ended) = self.consumer.fetch_watermarks(&topic, id, PATIENCE).map_err(failed)?;
        self.is_the_same(partition, ended)?;
        let from = (ended - WINDOWS[0]).max(low);
        let gone = || ReadError::Unavailable(format!("{topic} has no partition {id}"));
        let mut queue = self.consumer.split_partition_queue(&topic, id).ok_or_else(gone)?;
        let signals = self.signals.clone();
        queue.set_nonempty_callback(move || drop(signals.send(Signal::Ready(number))));
        let decoder = Decoder::new(partition.topic.clone(), self.stream);
        recent.begin(from);
        let line = Line {
            partition: partition.clone(),
            recent: Arc::clone(recent),
            source: Source::new(queue, decoder, from),
            low,
            ended,
            from,
            caught_up: false,
            topic: topic.clone(),
        };
        // The line first: its bell may ring as soon as it is assigned.
        let stopped = |_| ReadError::Unavailable("the log is being closed".to_owned());
        self.signals.send(Signal::Follow(number, Box::new(line))).map_err(stopped)?;
        self.consumer.incremental_assign(&place(&topic, id, from)).map_err(failed)
    }

    /// Refuses a partition, which ends at `ended`, that lacks what was seen in it.
    fn is_the_same(&self, partition: &PartitionId, ended: i64) -> Result<(), ReadError> {
        let seen = lock(&self.followed).seen(partition);
        let detail = if ended < seen.end {
            format!("{partition} ends at {ended} and ended at {} before", seen.end)
        } else if let Some(last) = seen.last
            && !self.holds(partition, last)?
        {
            format!("{partition} has another record at {} than before", last.offset.0)
        } else {
            return Ok(());
        };
        let detail = format!("{detail}: its topic was made anew or cut off, restore it");
        Err(ReadError::Damaged { offset: ended, detail })
    }

    fn holds(&self, partition: &PartitionId, last: Place) -> Result<bool, ReadError> {
        let failed = |error: KafkaError| ReadError::Unavailable(error.to_string());
        let places = [(partition.clone(), last.offset.0)];
        let mut found = probe(&self.config, self.stream, &places).map_err(failed)?;
        let found = found.remove(partition).flatten();
        Ok(found.is_some_and(|found| Place::of(Offset(found.offset), &found.body) == last))
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A list of one partition, to be read from an offset.
pub(super) fn place(topic: &str, partition: i32, from: i64) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(1);
    // An offset that can't be represented would be read as "none": the broker then says so.
    list.add_partition_offset(topic, partition, At::Offset(from)).ok();
    list
}

fn lock(followed: &Mutex<Followed>) -> MutexGuard<'_, Followed> {
    followed.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Thread {
    consumer: Arc<Consumes>,
    signals: Sender<Signal>,
    followed: Arc<Mutex<Followed>>,
    lines: HashMap<usize, Line>,
    buffer: Vec<Record>,
    swept: Instant,
}

impl Thread {
    fn run(mut self, signals: &Receiver<Signal>) {
        let mut ticked = Instant::now();
        loop {
            match signals.recv_timeout(TICK) {
                Ok(Signal::Follow(number, line)) => {
                    self.lines.insert(number, *line);
                    self.share_memory();
                    self.drain(number);
                }
                Ok(Signal::Ready(number)) => self.drain(number),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            if ticked.elapsed() >= TICK {
                self.tick();
                ticked = Instant::now();
            }
        }
        let closed = || ReadError::Unavailable("the log is being closed".to_owned());
        for line in self.lines.values() {
            line.recent.publish(Head::Broken(closed()));
        }
    }

    /// Takes in what lies in a partition's queue, and rings again where that was not all.
    fn drain(&mut self, number: usize) {
        let Some(line) = self.lines.get_mut(&number) else { return };
        let mut taken = 0;
        let mut end = None;
        while taken < TURN && end.is_none() {
            match line.source.next(Duration::ZERO) {
                Fetched::Record(record) => {
                    self.buffer.push(record);
                    taken += 1;
                }
                other => end = Some(other),
            }
        }
        line.take(&mut self.buffer);
        match end {
            None => drop(self.signals.send(Signal::Ready(number))),
            Some(Fetched::Failed(error)) => self.give_up(number, error),
            Some(Fetched::End) => {
                line.at_end(&self.consumer);
                self.signals.send(Signal::Ready(number)).ok();
            }
            Some(_) => {}
        }
    }

    fn give_up(&mut self, number: usize, error: ReadError) {
        let Some(line) = self.lines.remove(&number) else { return };
        tracing::error!(partition = %line.partition, %error, "a partition can't be followed");
        line.unassign(&self.consumer);
        lock(&self.followed).broke(&line.partition, &line.recent, &error, Instant::now());
        line.recent.publish(Head::Broken(error));
    }

    fn tick(&mut self) {
        serve(&self.consumer);
        if self.swept.elapsed() < SWEEP_EVERY {
            return;
        }
        self.swept = Instant::now();
        let mut followed = lock(&self.followed);
        let unused = |line: &Line| line.recent.is_unused(UNUSED);
        let idle: Vec<usize> =
            self.lines.iter().filter(|(_, line)| unused(line)).map(|(n, _)| *n).collect();
        for number in &idle {
            let Some(line) = self.lines.remove(number) else { continue };
            followed.let_go(&line.partition, &line.recent);
            line.unassign(&self.consumer);
            let let_go = "nobody asked about the partition for a while".to_owned();
            line.recent.publish(Head::Broken(ReadError::Unavailable(let_go)));
        }
        drop(followed);
        if !idle.is_empty() {
            self.share_memory();
        }
    }

    fn share_memory(&self) {
        let each = (KEPT_BYTES / self.lines.len().max(1)).max(MIN_KEPT_BYTES);
        self.lines.values().for_each(|line| line.recent.bound(each));
    }
}

impl Line {
    fn take(&mut self, records: &mut Vec<Record>) {
        let Some(last) = records.last() else { return };
        let end = last.offset.0 + 1;
        let heard = self.recent.readback().map(|readback| (readback, records.clone()));
        self.recent.push(records);
        // Behind the last record there may be a control record, and nothing else.
        self.caught_up |= end >= self.ended - 1;
        if self.caught_up {
            self.recent.publish(Head::At(end));
        }
        // Last, so that whoever is answered finds all of it in memory and under the head.
        if let Some((readback, records)) = heard {
            readback.take(records);
        }
    }

    /// Nothing follows just now.
    fn at_end(&mut self, consumer: &Consumes) {
        if let Some(end) = self.recent.end() {
            self.caught_up = true;
            return self.recent.publish(Head::At(end));
        }
        let wider = (self.ended - WINDOWS[1]).max(self.low);
        if wider >= self.from {
            self.caught_up = true;
            return self.recent.publish(Head::At(self.ended));
        }
        self.from = wider;
        self.source.moved(wider);
        self.recent.begin(wider);
        let number = self.partition.number as i32;
        let sought = consumer.seek(&self.topic, number, At::Offset(wider), Duration::ZERO);
        if let Err(error) = sought {
            self.recent.publish(Head::Broken(ReadError::Unavailable(error.to_string())));
        }
    }

    fn unassign(&self, consumer: &Consumes) {
        let list = place(&self.topic, self.partition.number as i32, 0);
        if let Err(error) = consumer.incremental_unassign(&list) {
            tracing::warn!(partition = %self.partition, %error, "can't stop following");
        }
    }
}

/// Looks after what a consumer has to say beside records. A poll may handle something and still
/// answer that there was nothing, so a few are made.
pub(super) fn serve(consumer: &Consumes) {
    for _ in 0..SERVED_AT_ONCE {
        match consumer.poll(Duration::ZERO) {
            Some(Err(error)) if !is_passing(&error) => {
                tracing::warn!(%error, "a consumer met an error");
            }
            _ => {}
        }
    }
}

/// Whether the client library heals it by itself.
pub(super) fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
        )
    )
}
