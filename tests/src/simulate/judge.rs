//! Whether callers were told the truth.
//!
//! The log's order is a linearization of what was written. Every other answer has to fit between:
//! it speaks of one version, which is not older than what anybody had been told before it was
//! asked, and not newer than what had been asked before it was answered.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use command_api::Reply;

use super::domain::{Account, Act, Decided, Refused, refused};
use super::history::Op;
use super::ledger::{Entry, Ledger};
use super::models::Change;

/// Judges all answers of a run, in which the model may have been changed.
pub fn judge(ops: &[Op], ledger: &Ledger, change: Option<Change>, found: &mut Vec<String>) {
    let acts: HashMap<&str, &Op> = ops.iter().map(|op| (&*op.name, op)).collect();
    let mut entries: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in ledger.accounts.values().flatten() {
        entries.entry(&entry.name).or_default().push(entry);
    }
    for op in ops {
        written(op, entries.get(&*op.name).map_or(&[], |e| e), ledger, found);
        keyed(op, ledger, &acts, found);
    }
    keys(ledger, found);
    let mut by_id: BTreeMap<&Arc<str>, Vec<&Op>> = BTreeMap::new();
    ops.iter().for_each(|op| by_id.entry(&op.id).or_default().push(op));
    for (id, ops) in by_id {
        let account = OneAccount::new(id, ledger, &ops, change);
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
                of_account.rfind(|entry| key(entry).is_some() && key(entry) == op.key.as_ref())
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

/// What is answered for the sake of a key was asked with that key before: the same, where it is
/// answered again; something else, where the key is refused.
fn keyed(op: &Op, ledger: &Ledger, acts: &HashMap<&str, &Op>, found: &mut Vec<String>) {
    let Some((at, reply)) = &op.answered else { return };
    let same = match reply {
        Reply::Done { replayed: true, .. } => true,
        Reply::KeyReused => false,
        _ => return,
    };
    let entries = ledger.accounts.get(&op.id).into_iter().flatten();
    let firsts = entries.filter(|entry| key(entry).is_some() && key(entry) == op.key.as_ref());
    let mut firsts = firsts.filter_map(|entry| acts.get(&*entry.name));
    if !firsts.any(|first| (first.act == op.act) == same && first.called < *at) {
        found.push(format!("{} was answered {reply:?} without a reason", op.name));
    }
}

fn key(entry: &Entry) -> Option<&Arc<str>> {
    entry.key.as_ref().map(|command| &command.key)
}

/// A key has one effect.
fn keys(ledger: &Ledger, found: &mut Vec<String>) {
    for (id, entries) in &ledger.accounts {
        let mut seen = std::collections::HashSet::new();
        for key in entries.iter().filter_map(key) {
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
    change: Option<Change>,
}

impl OneAccount {
    fn new(id: &str, ledger: &Ledger, ops: &[&Op], change: Option<Change>) -> OneAccount {
        let called: HashMap<&str, u64> = ops.iter().map(|op| (&*op.name, op.called)).collect();
        let entries = ledger.accounts.get(id).into_iter().flatten();
        let asked = entries.map(|e| called.get(&*e.name).copied().unwrap_or(u64::MAX));
        let asked = std::iter::once(0).chain(asked).collect();
        OneAccount { states: ledger.states(id), asked, change }
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
        if matches!(reply, Reply::OutcomeUnknown | Reply::NothingWritten(_) | Reply::KeyReused) {
            return None;
        }
        let possible = self.states.iter().zip(&self.asked).take_while(|(_, asked)| **asked < *at);
        let mut possible = possible.map(|(state, _)| state).filter(|(v, _)| *v >= at_least);
        let fits = possible
            .find(|(version, account)| fits(op, reply, self.change, *version, account.as_ref()));
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

fn fits(
    op: &Op,
    reply: &Reply,
    change: Option<Change>,
    version: u64,
    account: Option<&Account>,
) -> bool {
    let decided = || op.act.decide(account, version, op.expected);
    match reply {
        Reply::Done { before, events, .. } if events.is_empty() => {
            *before == version && decided() == Decided::Events(Vec::new())
        }
        // An earlier call with its key did it; where, is looked at beside the log.
        Reply::Done { before, events, .. } => before + events.len() as u64 <= version,
        Reply::Rejected(rejection) => match refused(rejection) {
            // Of what the first model could write, a later one can't fold this.
            Some(Refused::Unfoldable) => {
                change == Some(Change::Folds)
                    && op.act == Act::Withdraw(8)
                    && matches!(decided(), Decided::Events(_))
            }
            Some(refused) => decided() == Decided::Refused(refused),
            None => false,
        },
        Reply::KeyReused | Reply::NothingWritten(_) | Reply::OutcomeUnknown => false,
    }
}
