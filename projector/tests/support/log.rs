//! A log in memory with one partition, written by hand.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use event_log::validity::Step;
use event_log::{
    Appender, Body, Claim, ClaimError, ClaimId, EventRecord, KeyedCommand, Log, Offset, Part,
    PartitionId, ReadError, Record,
};
use model::Model;
use serde_json::Value as Json;
use tokio::sync::Notify;
use uuid::Uuid;

pub struct MemoryLog {
    stream: Uuid,
    records: Mutex<Vec<Record>>,
    appended: Notify,
}

/// One event of a command to write.
pub type NewEvent = (&'static str, Json);

impl MemoryLog {
    pub fn new() -> Arc<MemoryLog> {
        let stream = Uuid::from_u128(7);
        let log = MemoryLog { stream, records: Mutex::new(Vec::new()), appended: Notify::new() };
        log.claim_anew();
        Arc::new(log)
    }

    pub fn claim_anew(&self) {
        let id = ClaimId(Uuid::from_u128(self.records.lock().unwrap().len() as u128 + 1));
        let claim = Claim { id, stream: self.stream, owner: "".into() };
        self.push(Body::Claim(claim));
    }

    pub fn push(&self, body: Body) {
        let mut records = self.records.lock().unwrap();
        // A gap of one in three: offsets need not be dense.
        let offset =
            records.last().map_or(0, |last: &Record| last.offset.0 + 1 + last.offset.0 % 3 / 2);
        let time = 1_780_000_000_000 + offset * 60_000;
        records.push(Record { offset: Offset(offset), time, body });
        self.appended.notify_waiters();
    }

    /// Appends one command as its owner would.
    pub fn command(&self, model: &Model, id: &str, events: &[NewEvent], key: Option<&str>) {
        let before = self.version(id);
        let (claim, seq) = self.validity();
        for (at, (name, data)) in events.iter().enumerate() {
            self.push(Body::Event(EventRecord {
                aggregate: "account".into(),
                id: id.into(),
                event: (*name).into(),
                version: before + at as u64 + 1,
                data: wire(model, name, data),
                claim,
                seq: seq + 1,
                part: Part { index: at as u16 + 1, of: events.len() as u16 },
                command: key.map(|key| KeyedCommand {
                    key: key.into(),
                    caller: "ann".into(),
                    hash: [3; 32],
                }),
                traceparent: None,
            }));
        }
    }

    /// A record of an owner that has lost the partition.
    pub fn push_stale(&self, event: EventRecord) {
        self.push(Body::Event(event));
    }

    /// The events that count, with their offsets.
    pub fn events(&self) -> Vec<(i64, EventRecord)> {
        let mut validity = event_log::validity::Validity::default();
        let mut events = Vec::new();
        for record in self.records.lock().unwrap().iter() {
            if let Step::Complete(command) = validity.step(record.clone()) {
                let event = |record: &Record| {
                    event_log::validity::event(record).map(|event| (record.offset.0, event.clone()))
                };
                events.extend(command.iter().filter_map(event));
            }
        }
        events
    }

    fn version(&self, id: &str) -> u64 {
        self.events().iter().filter(|(_, event)| &*event.id == id).count() as u64
    }

    fn validity(&self) -> (ClaimId, u64) {
        let mut validity = event_log::validity::Validity::default();
        for record in self.records.lock().unwrap().iter() {
            validity.step(record.clone());
        }
        (validity.claim.unwrap(), validity.seq)
    }
}

pub fn wire(model: &Model, name: &str, data: &Json) -> Bytes {
    let aggregate = model.aggregate("account").unwrap();
    let (index, event) = aggregate.event(name).unwrap();
    aggregate.write_event(index, &event.shape.from_json(data).unwrap())
}

#[async_trait]
impl Log for MemoryLog {
    fn stream(&self) -> Uuid {
        self.stream
    }

    fn partitions(&self) -> Vec<PartitionId> {
        vec![PartitionId { topic: "log".into(), number: 0 }]
    }

    fn route(&self, _aggregate: &str, _id: &str) -> PartitionId {
        PartitionId { topic: "log".into(), number: 0 }
    }

    async fn claim(
        &self,
        _partition: &PartitionId,
        _owner: &str,
    ) -> Result<Box<dyn Appender>, ClaimError> {
        Err(ClaimError::Held("written by hand".into()))
    }

    async fn read(
        &self,
        _partition: &PartitionId,
        from: Offset,
        max_bytes: usize,
    ) -> Result<Vec<Record>, ReadError> {
        let records = self.records.lock().unwrap();
        // A record counts as a hundred bytes.
        let most = (max_bytes / 100).max(1);
        Ok(records.iter().filter(|record| record.offset >= from).take(most).cloned().collect())
    }

    async fn head(&self, _partition: &PartitionId) -> Result<Offset, ReadError> {
        Ok(self.records.lock().unwrap().last().map_or(Offset(0), |r| Offset(r.offset.0 + 1)))
    }

    async fn wait(&self, partition: &PartitionId, beyond: Offset) {
        let appended = self.appended.notified();
        if self.head(partition).await.unwrap() <= beyond {
            appended.await;
        }
    }
}
