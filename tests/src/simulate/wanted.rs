//! What the tables should hold: the log folded by a fold that was written for this alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::domain::{Account, Happened};
use super::ledger::{Entry, Ledger, Stored};
use super::models::Change;

/// What should be there.
pub struct Wanted<'l> {
    pub ledger: &'l Ledger,
    pub change: Option<Change>,
    pub accounts: BTreeMap<&'l Arc<str>, Past<'l>>,
}

/// All that happened to an account.
pub struct Past<'l> {
    pub steps: Vec<Step<'l>>,
    /// How many of the steps can be folded; the others wait.
    pub folded: usize,
    entries: &'l [Entry],
}

/// One event of an account.
pub struct Step<'l> {
    pub version: u64,
    pub stored: &'l Stored,
    pub event: &'l Happened,
    pub after: Option<Account>,
}

/// What waits: of an account, and of one view or of all.
pub type Waits = (Option<String>, Arc<str>, i64, u64);

/// Rows as texts, each as often as it is there.
pub type Rows = Vec<String>;

impl<'l> Wanted<'l> {
    /// Folds the log as the model that is deployed does.
    pub fn new(ledger: &'l Ledger, change: Option<Change>) -> Wanted<'l> {
        let past = |entries: &'l Vec<Entry>| Past::new(entries, change);
        let accounts = ledger.accounts.iter().map(|(id, entries)| (id, past(entries))).collect();
        Wanted { ledger, change, accounts }
    }

    /// Whether an account can't be folded to its end.
    pub fn is_aside(&self, id: &Arc<str>) -> bool {
        self.accounts.get(id).is_some_and(|past| past.folded < past.steps.len())
    }

    /// What a view should hold.
    pub fn rows(&self, view: &str) -> Rows {
        let shown = self.accounts.iter().map(|(id, past)| (*id, past, past.shown(view)));
        let states =
            || shown.clone().filter_map(|(id, past, end)| Some((id, past.account(end).cloned()?)));
        let views_changed = self.change == Some(Change::Views);
        match view {
            "accounts-by-city" => {
                states().map(|(id, a)| format!("{} {} {id}", a.city, a.balance)).collect()
            }
            "rich" => {
                let rich = states().filter(|(_, a)| a.balance > 3);
                rich.map(|(id, a)| format!("{} {} {id}", a.city, a.balance)).collect()
            }
            "labels" => {
                let label = |a: &Account| a.label.clone().unwrap_or("-".to_owned());
                let city = |a: &Account| match views_changed {
                    true => format!(" {}", a.city),
                    false => String::new(),
                };
                states()
                    .map(|(id, a)| format!("{} {}{} {id}", label(&a), a.balance, city(&a)))
                    .collect()
            }
            "accounts-by-tag" => {
                let tags = |(id, a): (&Arc<str>, Account)| -> Rows {
                    a.tags.iter().map(|tag| format!("{tag} {} {id}", a.city)).collect()
                };
                states().flat_map(tags).collect()
            }
            "ratios" => states()
                .map(|(id, a)| format!("{} {} {id}", a.city, 100 / (a.balance - 7)))
                .collect(),
            "ratio-by-city" => {
                summed(states().map(|(_, a)| (a.city.clone(), 100 / (a.balance - 9))), false)
            }
            "balance-by-city" => summed(states().map(|(_, a)| (a.city.clone(), a.balance)), false),
            "movements" => {
                let moved = self.movements();
                moved.map(|(id, kind, n)| format!("{kind} {n} {id}")).collect()
            }
            "turnover" => {
                let moved = self.movements();
                summed(moved.map(|(_, kind, n)| (kind.to_owned(), n)), views_changed)
            }
            other => vec![format!("nobody has said what {other} should hold")],
        }
    }

    fn movements(&self) -> impl Iterator<Item = (&'l Arc<str>, &'static str, i64)> {
        let steps = self
            .accounts
            .iter()
            .flat_map(|(id, past)| past.steps[..past.folded].iter().map(|step| (*id, step.event)));
        steps.filter_map(|(id, event)| match event {
            Happened::Deposited(n) | Happened::Withdrawn(n) => Some((id, event.name(), *n)),
            _ => None,
        })
    }

    /// What should wait, in order.
    pub fn waits(&self, views: &[&str]) -> Vec<Waits> {
        let mut waits = Vec::new();
        for (id, past) in &self.accounts {
            let at = |step: &Step<'_>| (step.stored.offset, step.version);
            if let Some((offset, version)) = past.steps.get(past.folded).map(at) {
                waits.push((None, Arc::clone(id), offset, version));
            }
            for view in views {
                let shown = past.shown(view);
                if let Some((offset, version)) = past.steps[..past.folded].get(shown).map(at) {
                    waits.push((Some((*view).to_owned()), Arc::clone(id), offset, version));
                }
            }
        }
        waits.sort();
        waits
    }
}

impl<'l> Past<'l> {
    fn new(entries: &'l [Entry], change: Option<Change>) -> Past<'l> {
        let mut steps: Vec<Step<'l>> = Vec::new();
        for entry in entries {
            for (event, stored) in entry.events.iter().zip(&entry.records) {
                let before = steps.last().and_then(|step| step.after.as_ref());
                let (after, version) = (event.fold(before), steps.len() as u64 + 1);
                steps.push(Step { version, stored, event, after });
            }
        }
        let fails = |step: &Step<'_>| {
            change == Some(Change::Folds) && *step.event == Happened::Withdrawn(8)
        };
        let folded = steps.iter().position(fails).unwrap_or(steps.len());
        Past { steps, folded, entries }
    }

    /// How many steps a view shows: it stops where it fails.
    fn shown(&self, view: &str) -> usize {
        let forbidden = match view {
            "ratios" => 7,
            "ratio-by-city" => 9,
            _ => return self.folded,
        };
        let fails = |step: &Step<'_>| step.after.as_ref().is_some_and(|a| a.balance == forbidden);
        self.steps[..self.folded].iter().position(fails).unwrap_or(self.folded)
    }

    /// The account after so many steps.
    pub fn account(&self, steps: usize) -> Option<&Account> {
        self.steps[..steps].last().and_then(|step| step.after.as_ref())
    }

    /// The keyed commands that are folded whole, each with whether it began the account.
    pub fn keyed(&self) -> impl Iterator<Item = (&'l Entry, bool)> {
        let end = self.steps[..self.folded].last().map_or(-1, |step| step.stored.offset);
        let whole = self.entries.iter().filter(move |entry| entry.offset <= end);
        let began = |entry: &'l Entry| (entry, self.account(entry.before as usize).is_none());
        whole.filter(|entry| entry.key.is_some()).map(began)
    }
}

fn summed(parts: impl Iterator<Item = (String, i64)>, twice: bool) -> Rows {
    let mut groups: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (group, amount) in parts {
        let (count, sum) = groups.entry(group).or_default();
        (*count, *sum) = (*count + 1, *sum + amount);
    }
    let row = |(group, (count, sum)): (String, (i64, i64))| match twice {
        true => format!("{group} {count} {sum} {}", 2 * sum),
        false => format!("{group} {count} {sum}"),
    };
    groups.into_iter().map(row).collect()
}
