//! The log read once more, apart from everything else: which commands count, and what they make.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event_log::{Body, EventRecord, PartitionId, Record};
use model::Aggregate;

use super::domain::{Account, Happened};

/// A command that counts.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The call that made it.
    pub name: Arc<str>,
    pub id: Arc<str>,
    pub key: Option<Arc<str>>,
    /// Version before it.
    pub before: u64,
    pub events: Vec<Happened>,
    /// Offset of its last event.
    pub offset: i64,
}

/// All that counts.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By account, oldest first.
    pub accounts: BTreeMap<Arc<str>, Vec<Entry>>,
    /// Offset of the last record of each partition.
    pub ends: BTreeMap<PartitionId, i64>,
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
            ledger.ends.insert(partition.clone(), records.last().map_or(-1, |r| r.offset.0));
            for command in counting(records) {
                match entry(aggregate, &command) {
                    Some(entry) => ledger.add(entry, found),
                    None => found.push(format!("{partition} holds a command that is none")),
                }
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

/// The commands that count: whole, under the latest claim, in sequence.
fn counting(records: &[Record]) -> Vec<Vec<(i64, &EventRecord)>> {
    let (mut claim, mut seq, mut claims) = (None, 0, BTreeSet::new());
    let mut parts: Vec<(i64, &EventRecord)> = Vec::new();
    let mut commands = Vec::new();
    for record in records {
        let event = match &record.body {
            Body::Claim(new) => {
                if claims.insert(new.id.0) {
                    (claim, seq) = (Some(new.id), 0);
                }
                parts.clear();
                continue;
            }
            Body::Event(event) => event,
        };
        let follows = Some(event.claim) == claim && event.seq == seq + 1;
        let continues = usize::from(event.part.index) == parts.len() + 1;
        if !follows || (!continues && event.part.index != 1) {
            parts.clear();
            continue;
        }
        if !continues {
            parts.clear();
        }
        parts.push((record.offset.0, event));
        if event.part.index == event.part.of {
            seq += 1;
            commands.push(std::mem::take(&mut parts));
        }
    }
    commands
}

fn entry(aggregate: &Aggregate, command: &[(i64, &EventRecord)]) -> Option<Entry> {
    let (_, first) = command.first()?;
    let (offset, _) = command.last()?;
    let read = |(_, event): &(i64, &EventRecord)| {
        let (_, data) = aggregate.read_event(&event.event, &event.data).ok()?;
        Happened::read(&event.event, &data)
    };
    Some(Entry {
        name: first.traceparent.clone()?,
        id: first.id.clone(),
        key: first.command.as_ref().map(|command| command.key.clone()),
        before: first.version.checked_sub(1)?,
        events: command.iter().map(read).collect::<Option<_>>()?,
        offset: *offset,
    })
}
