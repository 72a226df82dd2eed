//! The keyed commands that an aggregate remembers: the last thousand, by key and caller.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use event_log::KeyedCommand;
use read_store::batch::{REMEMBERED_KEYS, UsedKey};

use crate::ask::Done;

/// Where a keyed command's last event stands, once that is durable; negative before.
#[derive(Clone, Debug)]
pub(super) struct Place(Arc<AtomicI64>);

impl Place {
    pub fn open() -> Place {
        Place(Arc::new(AtomicI64::new(-1)))
    }

    pub fn at(offset: i64) -> Place {
        Place(Arc::new(AtomicI64::new(offset)))
    }

    pub fn settle(&self, offset: i64) {
        self.0.store(offset, Ordering::Release);
    }

    pub fn offset(&self) -> Option<i64> {
        Some(self.0.load(Ordering::Acquire)).filter(|o| *o >= 0)
    }
}

/// One remembered success.
#[derive(Debug)]
pub(super) struct Remembered {
    /// Counts the aggregate's keyed commands, from 1.
    pub number: u64,
    pub command: KeyedCommand,
    pub first_version: u64,
    pub events: Vec<Arc<str>>,
    /// Whether the aggregate did not exist before it.
    pub began: bool,
    pub place: Place,
}

impl Remembered {
    /// The answer that this key is given again.
    pub fn done(&self) -> Done {
        Done {
            first_version: self.first_version,
            events: self.events.clone(),
            began: self.began,
            offset: self.place.offset().unwrap_or(-1),
            replayed: true,
        }
    }
}

impl From<UsedKey> for Remembered {
    fn from(used: UsedKey) -> Remembered {
        Remembered {
            number: used.number,
            command: KeyedCommand { key: used.key, caller: used.caller, hash: used.hash },
            first_version: used.first_version,
            events: used.events,
            began: used.began,
            place: Place::at(used.offset),
        }
    }
}

/// The memory of one aggregate, oldest first.
#[derive(Default)]
pub(super) struct Keys {
    // A fingerprint beside each keeps the search inside one piece of memory.
    kept: VecDeque<(u64, Box<Remembered>)>,
    bytes: usize,
}

impl Keys {
    /// What stands under this key of this caller.
    pub fn find(&self, command: &KeyedCommand) -> Option<&Remembered> {
        let wanted = fingerprint(command);
        // From the newest: a key that fell out of memory may have been used anew.
        self.kept
            .iter()
            .rev()
            .filter(|(print, _)| *print == wanted)
            .map(|(_, kept)| &**kept)
            .find(|kept| kept.command.key == command.key && kept.command.caller == command.caller)
    }

    /// Remembers one more; its number is above all others.
    pub fn push(&mut self, remembered: Remembered) {
        let number = remembered.number;
        self.add(remembered);
        self.trim(number);
    }

    /// Remembers one that may be there already.
    pub fn push_unless_known(&mut self, remembered: Remembered) {
        if self.kept.iter().all(|(_, kept)| kept.number != remembered.number) {
            self.push(remembered);
        }
    }

    /// Adds older ones as the store remembers them.
    pub fn merge(&mut self, older: Vec<UsedKey>) {
        for used in older {
            if self.kept.iter().all(|(_, kept)| kept.number != used.number) {
                self.add(used.into());
            }
        }
        self.kept.make_contiguous().sort_by_key(|(_, kept)| kept.number);
        if let Some(newest) = self.kept.back().map(|(_, kept)| kept.number) {
            self.trim(newest);
        }
    }

    /// About how many bytes all take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn add(&mut self, remembered: Remembered) {
        self.bytes += weight(&remembered);
        self.kept.push_back((fingerprint(&remembered.command), Box::new(remembered)));
    }

    fn trim(&mut self, newest: u64) {
        let gone = newest.saturating_sub(REMEMBERED_KEYS);
        while self.kept.front().is_some_and(|(_, kept)| kept.number <= gone) {
            if let Some((_, kept)) = self.kept.pop_front() {
                self.bytes -= weight(&kept);
            }
        }
    }
}

fn weight(remembered: &Remembered) -> usize {
    size_of::<Remembered>() + remembered.command.key.len() + 16 * remembered.events.len() + 96
}

fn fingerprint(command: &KeyedCommand) -> u64 {
    let mut hasher = DefaultHasher::new();
    command.key.hash(&mut hasher);
    command.caller.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(number: u64, key: &str) -> UsedKey {
        UsedKey {
            number,
            key: key.into(),
            caller: "ann".into(),
            hash: [0; 32],
            first_version: number,
            events: vec!["Placed".into()],
            began: number == 1,
            offset: number as i64,
        }
    }

    fn keyed(key: &str, caller: &str) -> KeyedCommand {
        KeyedCommand { key: key.into(), caller: caller.into(), hash: [0; 32] }
    }

    #[test]
    fn a_key_belongs_to_its_caller() {
        let mut keys = Keys::default();
        keys.push(used(1, "k").into());
        assert!(keys.find(&keyed("k", "ann")).is_some());
        assert!(keys.find(&keyed("k", "bob")).is_none());
    }

    #[test]
    fn the_last_thousand_are_remembered() {
        let mut keys = Keys::default();
        for number in 1..=1_001 {
            keys.push(used(number, &number.to_string()).into());
        }
        assert!(keys.find(&keyed("1", "ann")).is_none());
        assert!(keys.find(&keyed("2", "ann")).is_some());
        assert!(keys.find(&keyed("1001", "ann")).is_some());
    }

    #[test]
    fn what_the_store_remembers_joins_what_memory_has_once() {
        let mut keys = Keys::default();
        keys.push(used(3, "c").into());
        keys.merge(vec![used(2, "b"), used(3, "c"), used(1, "a")]);
        assert_eq!(keys.kept.iter().map(|(_, k)| k.number).collect::<Vec<_>>(), [1, 2, 3]);
    }
}
