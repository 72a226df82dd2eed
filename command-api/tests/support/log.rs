//! A log in memory whose next append or claim can be told to go wrong.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use event_log::{
    AppendError, Appended, Appender, Body, Claim, ClaimError, ClaimId, EventRecord, Log,
    NewCommand, Offset, PartitionId, ReadError, Record, Turn,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use uuid::Uuid;

/// What the next append does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Writes nothing and says so.
    NothingWritten,
    /// Writes, and says that it does not know.
    WrittenUnknown,
    /// Writes nothing, and says that it does not know.
    LostUnknown,
    /// Another owner has the partition.
    Fenced,
    /// Panics before it writes anything.
    Panic,
    /// Writes, and panics before it answers.
    WrittenPanic,
}

#[derive(Default)]
struct Inside {
    records: Vec<Record>,
    claim: Option<ClaimId>,
    faults: VecDeque<Fault>,
    refused_claims: usize,
}

/// The log.
#[derive(Clone)]
pub struct FakeLog {
    stream: Uuid,
    inside: Arc<Mutex<Inside>>,
    // While true, appends are written but not answered.
    held: watch::Sender<bool>,
    // How many appends have begun.
    begun: watch::Sender<usize>,
    // While true, turns are asked for and not given.
    stopped: watch::Sender<bool>,
    // How many turns were asked for.
    asked: watch::Sender<usize>,
}

impl FakeLog {
    pub fn new() -> FakeLog {
        FakeLog {
            stream: Uuid::from_u128(1),
            inside: Arc::default(),
            held: watch::Sender::new(false),
            begun: watch::Sender::new(0),
            stopped: watch::Sender::new(false),
            asked: watch::Sender::new(0),
        }
    }

    pub fn fail_next(&self, fault: Fault) {
        self.inside.lock().unwrap().faults.push_back(fault);
    }

    pub fn refuse_claims(&self, times: usize) {
        self.inside.lock().unwrap().refused_claims = times;
    }

    /// Holds back the answers of appends until released.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Returns once this many appends have begun in all.
    pub async fn begun(&self, count: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= count).await.unwrap();
    }

    /// Gives no turns until told otherwise.
    pub fn stop_turns(&self, stopped: bool) {
        self.stopped.send_replace(stopped);
    }

    /// Returns once this many turns were asked for in all.
    pub async fn asked(&self, count: usize) {
        self.asked.subscribe().wait_for(|asked| *asked >= count).await.unwrap();
    }

    pub fn appends(&self) -> usize {
        *self.begun.borrow()
    }

    pub fn events(&self) -> Vec<EventRecord> {
        let records = self.inside.lock().unwrap().records.clone();
        let events = records.into_iter().filter_map(|r| match r.body {
            Body::Event(event) => Some(event),
            Body::Claim(_) => None,
        });
        events.collect()
    }

    pub fn records(&self) -> Vec<Record> {
        self.inside.lock().unwrap().records.clone()
    }

    pub fn push_raw(&self, body: Body) {
        let mut inside = self.inside.lock().unwrap();
        let offset = Offset(inside.records.len() as i64);
        inside.records.push(Record { offset, time: 0, body });
    }
}

impl Inside {
    fn write(&mut self, claim: ClaimId, seq: &mut u64, batch: Vec<NewCommand>) -> Vec<Offset> {
        let mut last = Vec::new();
        for command in batch {
            *seq += 1;
            let time = command.time;
            for event in command.into_events(claim, *seq) {
                let offset = Offset(self.records.len() as i64);
                self.records.push(Record { offset, time, body: Body::Event(event) });
            }
            last.push(Offset(self.records.len() as i64 - 1));
        }
        last
    }
}

#[async_trait]
impl Log for FakeLog {
    fn stream(&self) -> Uuid {
        self.stream
    }

    fn partitions(&self) -> Vec<PartitionId> {
        vec![PartitionId { topic: "log".into(), number: 0 }]
    }

    fn route(&self, _aggregate: &str, _id: &str) -> PartitionId {
        self.partitions().remove(0)
    }

    async fn claim(
        &self,
        _partition: &PartitionId,
        owner: &str,
    ) -> Result<Box<dyn Appender>, ClaimError> {
        let mut inside = self.inside.lock().unwrap();
        if inside.refused_claims > 0 {
            inside.refused_claims -= 1;
            return Err(ClaimError::Held("somebody else".to_owned()));
        }
        let id = ClaimId(Uuid::new_v4());
        let offset = Offset(inside.records.len() as i64);
        let claim = Claim { id, stream: self.stream, owner: owner.into() };
        inside.records.push(Record { offset, time: 0, body: Body::Claim(claim) });
        inside.claim = Some(id);
        Ok(Box::new(FakeAppender { log: self.clone(), id, offset, seq: 0 }))
    }

    async fn read(
        &self,
        _partition: &PartitionId,
        from: Offset,
        _max_bytes: usize,
    ) -> Result<Vec<Record>, ReadError> {
        let inside = self.inside.lock().unwrap();
        Ok(inside.records.iter().filter(|r| r.offset >= from).take(3).cloned().collect())
    }

    async fn head(&self, _partition: &PartitionId) -> Result<Offset, ReadError> {
        Ok(Offset(self.inside.lock().unwrap().records.len() as i64))
    }

    async fn wait(&self, _partition: &PartitionId, _beyond: Offset) {
        tokio::task::yield_now().await;
    }
}

struct FakeAppender {
    log: FakeLog,
    id: ClaimId,
    offset: Offset,
    seq: u64,
}

impl Appender for FakeAppender {
    fn claim(&self) -> ClaimId {
        self.id
    }

    fn claimed_at(&self) -> Offset {
        self.offset
    }

    fn turn(&self) -> BoxFuture<'static, Turn> {
        self.log.asked.send_modify(|asked| *asked += 1);
        let mut stopped = self.log.stopped.subscribe();
        async move {
            stopped.wait_for(|stopped| !stopped).await.ok();
            Turn::until(())
        }
        .boxed()
    }

    fn append(
        &mut self,
        batch: Vec<NewCommand>,
    ) -> BoxFuture<'static, Result<Appended, AppendError>> {
        let mut inside = self.log.inside.lock().unwrap();
        let unknown = || Err(AppendError::OutcomeUnknown("the line went dead".to_owned()));
        let fault = inside.faults.pop_front();
        let result = match fault {
            _ if inside.claim != Some(self.id) => Err(AppendError::Fenced),
            Some(Fault::NothingWritten) => Err(AppendError::NothingWritten("full".to_owned())),
            Some(Fault::LostUnknown) => unknown(),
            Some(Fault::WrittenUnknown) => {
                inside.write(self.id, &mut self.seq, batch);
                unknown()
            }
            Some(Fault::Fenced) => Err(AppendError::Fenced),
            Some(Fault::Panic) => {
                drop(inside);
                panic!("a fault of the log");
            }
            Some(Fault::WrittenPanic) => {
                inside.write(self.id, &mut self.seq, batch);
                return async { panic!("a fault of the log") }.boxed();
            }
            None => Ok(Appended { last: inside.write(self.id, &mut self.seq, batch) }),
        };
        if result.is_err() {
            inside.claim = None;
        }
        drop(inside);
        self.log.begun.send_modify(|begun| *begun += 1);
        let mut held = self.log.held.subscribe();
        async move {
            held.wait_for(|held| !held).await.ok();
            result
        }
        .boxed()
    }

    fn confirm(&mut self) -> BoxFuture<'static, Result<(), AppendError>> {
        let latest = self.log.inside.lock().unwrap().claim == Some(self.id);
        futures::future::ready(latest.then_some(()).ok_or(AppendError::Fenced)).boxed()
    }
}
