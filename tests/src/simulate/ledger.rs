//! The log read once more, apart from everything else: which commands count, and what they make.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use event_log::{Body, ClaimId, EventRecord, KeyedCommand, PartitionId, Record};
use model::Aggregate;

use super::domain::{Account, Happened};

/// A command that counts.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The call that made it.
    pub name: Arc<str>,
    pub id: Arc<str>,
    pub key: Option<KeyedCommand>,
    /// Version before it.
    pub before: u64,
    pub events: Vec<Happened>,
    /// The same as they stand in the log.
    pub records: Vec<Stored>,
    /// Offset of its last event.
    pub offset: i64,
}

/// An event as it stands in the log.
#[derive(Clone, Debug)]
pub struct Stored {
    pub offset: i64,
    pub time: i64,
    pub event: Arc<str>,
    pub data: Bytes,
}

/// Where the validity of a partition stands after a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub claim: Option<ClaimId>,
    pub seq: u64,
}

/// All that counts.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By account, oldest first.
    pub accounts: BTreeMap<Arc<str>, Vec<Entry>>,
    /// After the last record of each partition.
    pub ends: BTreeMap<PartitionId, (i64, Standing)>,
}

impl Ledger {
    /// Reads partitions; what is not as it must be goes to `found`.
    pub fn read(
        aggregate: &Aggregate,
        partitions: &[(PartitionId, Vec<Record>)],
        found: &mut Vec<String>,
    ) -> Ledger {
        let mut ledger = Ledger::default();
        for (partition, records) in partitions {
            let mut counting = Counting::default();
            for record in records {
                let Some(command) = counting.take(record, found) else { continue };
                match entry(aggregate, &command) {
                    Some(entry) => ledger.add(entry, found),
                    None => found.push(format!("{partition} holds a command that is none")),
                }
            }
            if let Some(last) = records.last() {
                let standing = Standing { claim: counting.claim, seq: counting.seq };
                ledger.ends.insert(partition.clone(), (last.offset.0, standing));
            }
        }
        ledger
    }

    fn add(&mut self, entry: Entry, found: &mut Vec<String>) {
        let entries = self.accounts.entry(entry.id.clone()).or_default();
        let version = entries.last().map_or(0, |last| last.before + last.events.len() as u64);
        if entry.before != version {
            let (name, before) = (&entry.name, entry.before);
            found.push(format!("{name} was decided on version {before}, but {version} was there"));
        }
        entries.push(entry);
    }

    /// An account after each of its commands, from the first: `(version, account)`.
    pub fn states(&self, id: &str) -> Vec<(u64, Option<Account>)> {
        let mut states = vec![(0, None)];
        for entry in self.accounts.get(id).into_iter().flatten() {
            let (mut version, mut account) = states[states.len() - 1].clone();
            for event in &entry.events {
                account = event.fold(account.as_ref());
                version += 1;
            }
            states.push((version, account));
        }
        states
    }
}

/// Which records of a partition count: those of whole commands, under the latest claim, in
/// sequence.
#[derive(Default)]
struct Counting<'r> {
    claim: Option<ClaimId>,
    seq: u64,
    claims: BTreeSet<uuid::Uuid>,
    parts: Vec<(&'r Record, &'r EventRecord)>,
}

impl<'r> Counting<'r> {
    /// Takes the next record; the command that it completes.
    fn take(
        &mut self,
        record: &'r Record,
        found: &mut Vec<String>,
    ) -> Option<Vec<(&'r Record, &'r EventRecord)>> {
        let event = match &record.body {
            Body::Claim(new) => {
                if self.claims.insert(new.id.0) {
                    (self.claim, self.seq) = (Some(new.id), 0);
                }
                self.parts.clear();
                return None;
            }
            Body::Event(event) => event,
        };
        let latest = Some(event.claim) == self.claim;
        if latest && event.seq > self.seq + 1 {
            let (offset, seq, due) = (record.offset.0, event.seq, self.seq + 1);
            found.push(format!("{seq} follows at {offset} where {due} is due"));
        }
        let continues = usize::from(event.part.index) == self.parts.len() + 1;
        if !continues || !latest || event.seq != self.seq + 1 {
            self.parts.clear();
        }
        if !latest || event.seq != self.seq + 1 || (!continues && event.part.index != 1) {
            return None;
        }
        self.parts.push((record, event));
        if event.part.index < event.part.of {
            return None;
        }
        self.seq += 1;
        Some(std::mem::take(&mut self.parts))
    }
}

fn entry(aggregate: &Aggregate, command: &[(&Record, &EventRecord)]) -> Option<Entry> {
    let (_, first) = command.first()?;
    let (last, _) = command.last()?;
    let read = |(_, event): &(&Record, &EventRecord)| {
        let (_, data) = aggregate.read_event(&event.event, &event.data).ok()?;
        Happened::read(&event.event, &data)
    };
    let stored = |(record, event): &(&Record, &EventRecord)| Stored {
        offset: record.offset.0,
        time: record.time,
        event: event.event.clone(),
        data: event.data.clone(),
    };
    Some(Entry {
        name: first.traceparent.clone()?,
        id: first.id.clone(),
        key: first.command.clone(),
        before: first.version.checked_sub(1)?,
        events: command.iter().map(read).collect::<Option<_>>()?,
        records: command.iter().map(stored).collect(),
        offset: last.offset.0,
    })
}
