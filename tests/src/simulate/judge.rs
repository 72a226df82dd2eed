//! Whether callers were told the truth.
//!
//! The log's order is a linearization of what was written. Every other answer has to fit between:
//! it speaks of one version, which is not older than what anybody had been told before it was
//! asked, and not newer than what had been asked before it was answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use command_api::Reply;

use super::domain::{Account, Decided, refused};
use super::history::Op;
use super::ledger::{Entry, Ledger};

/// Judges all answers of a run.
pub fn judge(ops: &[Op], ledger: &Ledger, found: &mut Vec<String>) {
    let mut entries: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in ledger.accounts.values().flatten() {
        entries.entry(&entry.name).or_default().push(entry);
    }
    for op in ops {
        written(op, entries.get(&*op.name).map_or(&[], |e| e), ledger, found);
    }
    keys(ledger, found);
    let mut by_id: BTreeMap<&Arc<str>, Vec<&Op>> = BTreeMap::new();
    ops.iter().for_each(|op| by_id.entry(&op.id).or_default().push(op));
    for (id, ops) in by_id {
        let account = OneAccount::new(id, ledger, &ops);
        account.judge(&ops, &entries, found);
    }
}

/// What was acknowledged is there once, as it was answered; what was answered otherwise is not.
fn written(op: &Op, entries: &[&Entry], ledger: &Ledger, found: &mut Vec<String>) {
    let name = &op.name;
    if entries.len() > 1 {
        found.push(format!("{name} is in the log {} times", entries.len()));
    }
    match op.answered.as_ref().map(|(_, reply)| reply) {
        None | Some(Reply::OutcomeUnknown) => {}
        Some(Reply::Done { before, events, offset, replayed }) if !events.is_empty() => {
            let by_key = || {
                let mut of_account = ledger.accounts.get(&op.id).into_iter().flatten();
                of_account.rfind(|entry| entry.key.is_some() && entry.key == op.key)
            };
            let entry = if *replayed { by_key() } else { entries.first().copied() };
            let Some(entry) = entry else {
                return found.push(format!("{name} was acknowledged and is not in the log"));
            };
            let names = entry.events.iter().map(|event| event.name());
            let told = events.iter().map(|event| &**event);
            if entry.before != *before || entry.offset != offset.0 || !names.eq(told) {
                found.push(format!("{name} was answered as {before} {events:?}: {entry:?}"));
            }
        }
        Some(reply) if !entries.is_empty() => {
            found.push(format!("{name} was answered {reply:?} and is in the log"));
        }
        Some(_) => {}
    }
}

/// A key has one effect.
fn keys(ledger: &Ledger, found: &mut Vec<String>) {
    for (id, entries) in &ledger.accounts {
        let mut seen = std::collections::HashSet::new();
        for key in entries.iter().filter_map(|entry| entry.key.as_ref()) {
            if !seen.insert(key) {
                found.push(format!("{key} was used twice on {id}"));
            }
        }
    }
}

struct OneAccount {
    /// `(version, account)` after each command.
    states: Vec<(u64, Option<Account>)>,
    /// When the command that led to each version was asked.
    asked: Vec<u64>,
}

impl OneAccount {
    fn new(id: &str, ledger: &Ledger, ops: &[&Op]) -> OneAccount {
        let called: HashMap<&str, u64> = ops.iter().map(|op| (&*op.name, op.called)).collect();
        let entries = ledger.accounts.get(id).into_iter().flatten();
        let asked = entries.map(|e| called.get(&*e.name).copied().unwrap_or(u64::MAX));
        OneAccount { states: ledger.states(id), asked: std::iter::once(0).chain(asked).collect() }
    }

    /// Gives every call the earliest place in the order that it can have.
    fn judge(&self, ops: &[&Op], entries: &HashMap<&str, Vec<&Entry>>, found: &mut Vec<String>) {
        // `(when it was answered, the version that it spoke of)`, by the time of the answer.
        let mut told: BTreeMap<u64, u64> = BTreeMap::new();
        for op in ops {
            let at_least = told.range(..op.called).next_back().map_or(0, |(_, v)| *v);
            let entry = entries.get(&*op.name).and_then(|entries| entries.first());
            let spoke_of = match entry {
                Some(entry) if entry.before >= at_least => {
                    self.check_decided(op, entry, found);
                    Some(entry.before + entry.events.len() as u64)
                }
                Some(entry) => {
                    let before = entry.before;
                    found.push(format!("{} went to {before}, behind {at_least}", op.name));
                    None
                }
                None => self.place(op, at_least, found),
            };
            if let (Some((at, _)), Some(version)) = (&op.answered, spoke_of) {
                let highest = told.range(..*at).next_back().map_or(0, |(_, v)| *v).max(version);
                told.insert(*at, highest);
                told.range_mut(*at..).for_each(|(_, v)| *v = (*v).max(highest));
            }
        }
    }

    /// The earliest version that an answer without events can speak of.
    fn place(&self, op: &Op, at_least: u64, found: &mut Vec<String>) -> Option<u64> {
        let (at, reply) = op.answered.as_ref()?;
        if matches!(reply, Reply::OutcomeUnknown | Reply::NothingWritten(_)) {
            return None;
        }
        let possible = self.states.iter().zip(&self.asked).take_while(|(_, asked)| **asked < *at);
        let mut possible = possible.map(|(state, _)| state).filter(|(v, _)| *v >= at_least);
        let fits = possible.find(|(version, account)| fits(op, reply, *version, account.as_ref()));
        if fits.is_none() {
            let name = &op.name;
            found
                .push(format!("{name} was answered {reply:?}, which fits nowhere from {at_least}"));
        }
        fits.map(|(version, _)| *version)
    }

    /// What was written follows from exactly what stood before it.
    fn check_decided(&self, op: &Op, entry: &Entry, found: &mut Vec<String>) {
        let before = self.states.iter().find(|(version, _)| *version == entry.before);
        let Some((version, account)) = before else { return };
        let decided = op.act.decide(account.as_ref(), *version, op.expected);
        if decided != Decided::Events(entry.events.clone()) {
            found.push(format!("{} should have been {decided:?}: {entry:?}", op.name));
        }
    }
}

fn fits(op: &Op, reply: &Reply, version: u64, account: Option<&Account>) -> bool {
    match reply {
        Reply::Done { before, events, .. } if events.is_empty() => {
            let decided = op.act.decide(account, version, op.expected);
            *before == version && decided == Decided::Events(Vec::new())
        }
        // An earlier call with its key did it; where, is looked at beside the log.
        Reply::Done { before, events, .. } => before + events.len() as u64 <= version,
        Reply::Rejected(rejection) => match refused(rejection) {
            Some(refused) => {
                op.act.decide(account, version, op.expected) == Decided::Refused(refused)
            }
            None => false,
        },
        Reply::KeyReused | Reply::NothingWritten(_) | Reply::OutcomeUnknown => false,
    }
}
