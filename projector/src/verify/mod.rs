//! Verification: the log is folded anew, apart from the tables, and the two are compared.
//!
//! It works beside a running process. Marks are read first, so the tables may hold more than the
//! fold; what differs is looked at again under newer marks until it agrees, or differs while
//! nothing moves. What never stood still long enough is counted as unsettled, not as different.
//!
//! Memory: about 250 bytes and the encoded state for each aggregate, 100 bytes for each row of a
//! view of events and, one view after the other, for each row of a view of states: 1,000,000
//! aggregates with states of 200 bytes and some views fit in 1 GB.

mod compare;
mod expected;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use event_log::{Log, Offset, PartitionId, ReadError, validity::Validity};
use model::Model;
use read_store::{Mark, Reader, StoreError};

use crate::generation::served;
use expected::Expected;

/// Most differences that a report lists.
pub const MOST_LISTED: usize = 100;
/// Most differences that are remembered from round to round.
const MOST_KEPT: usize = 100_000;
/// How often what differs is looked at again while the marks move.
const ROUNDS: usize = 8;
/// How much of the log is read at once.
const READ_BYTES: usize = 4 << 20;

/// What was compared and what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events folded.
    pub events: u64,
    /// Aggregates compared, once per run.
    pub aggregates: u64,
    /// Rows and groups of views compared.
    pub rows: u64,
    /// The first differences, in order.
    pub differences: Vec<Difference>,
    /// How many there are in all.
    pub different: u64,
    /// How many keys changed in every round and could not be compared.
    pub unsettled: u64,
}

/// One key of one table that is not what the log says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The table: `state of order`, `view orders-by-customer`, `history of order`.
    pub table: String,
    /// The key within it.
    pub key: String,
    /// What the log says.
    pub expected: String,
    /// What the table holds.
    pub found: String,
}

/// Why verification could not be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The store can't be read.
    #[error("the read store: {0}")]
    Store(#[from] StoreError),
    /// The log can't be read.
    #[error("the log: {0}")]
    Log(#[from] ReadError),
    /// The log holds what this model does not know.
    #[error("{0}: the model here is older than the log")]
    Unknown(String),
    /// Nothing is served from this store yet, or another model's runs are.
    #[error(
        "the read store is not filled for this model: start the service once with it, then verify"
    )]
    NotFilled,
}

impl Report {
    /// Whether tables and log agree.
    pub fn agrees(&self) -> bool {
        self.different == 0
    }
}

/// Compares the tables of the runs that serve with a fold of the log up to their marks.
pub async fn verify(
    model: &Arc<Model>,
    log: &Arc<dyn Log>,
    reader: &Arc<dyn Reader>,
) -> Result<Report, VerifyError> {
    let catalog = reader.catalog().await?;
    let runs = served(model, &catalog);
    if runs.len() < model.aggregates.len() {
        return Err(VerifyError::NotFilled);
    }
    let mut folding = Folding::new(log, Expected::new(runs));
    let mut still: Option<Found> = None;
    let mut report = Report::default();
    for round in 1..=ROUNDS {
        let marks = reader.marks().await?;
        folding.forward(&marks).await?;
        let mut compared = compare::compare(&mut folding.expected, reader, round as u32).await?;
        compared.differences.extend(uneven(&marks));
        let moved = *reader.marks().await? != *marks;
        report.events = folding.expected.events;
        report.aggregates = compared.aggregates;
        report.rows = compared.rows;
        let found = Found::merge(still.take(), compared);
        let done = found.differences.is_empty() && found.ahead == 0;
        if done || !moved || round == ROUNDS {
            found.conclude(moved, &mut report);
            break;
        }
        still = Some(found);
    }
    Ok(report)
}

/// Differences by table and key, over the rounds.
struct Found {
    differences: BTreeMap<(String, String), (Difference, bool)>,
    ahead: u64,
}

impl Found {
    /// Keeps what differed before too; the flag says that it was found the same twice.
    fn merge(before: Option<Found>, compared: compare::Compared) -> Found {
        let mut differences = BTreeMap::new();
        for difference in compared.differences.into_iter().take(MOST_KEPT) {
            let key = (difference.table.clone(), difference.key.clone());
            let stable = match &before {
                None => false,
                Some(before) => match before.differences.get(&key) {
                    Some((earlier, _)) => earlier.found == difference.found,
                    // New in this round: the process has written there meanwhile.
                    None => false,
                },
            };
            differences.insert(key, (difference, stable));
        }
        Found { differences, ahead: compared.ahead }
    }

    fn conclude(self, moving: bool, report: &mut Report) {
        for (difference, stable) in self.differences.into_values() {
            if moving && !stable {
                report.unsettled += 1;
                continue;
            }
            report.different += 1;
            if report.differences.len() < MOST_LISTED {
                report.differences.push(difference);
            }
        }
        report.unsettled += self.ahead;
    }
}

/// Runs of one partition whose marks differ: they are always moved together.
fn uneven(marks: &[Mark]) -> Vec<Difference> {
    let mut differences = Vec::new();
    for mark in marks {
        let same = marks.iter().filter(|other| other.partition == mark.partition);
        let highest = same.map(|other| other.offset).max().unwrap_or(mark.offset);
        if mark.offset < highest {
            differences.push(Difference {
                table: "marks".to_owned(),
                key: format!("run {} of {}/{}", mark.run.0, mark.partition.0, mark.partition.1),
                expected: highest.to_string(),
                found: mark.offset.to_string(),
            });
        }
    }
    differences
}

/// The fold of the log, which goes on from round to round.
struct Folding<'a> {
    log: &'a Arc<dyn Log>,
    expected: Expected,
    places: Vec<(PartitionId, i64, Validity)>,
}

impl<'a> Folding<'a> {
    fn new(log: &'a Arc<dyn Log>, expected: Expected) -> Folding<'a> {
        let start = |partition| (partition, 0, Validity::default());
        Folding { log, expected, places: log.partitions().into_iter().map(start).collect() }
    }

    /// Folds every partition up to the lowest of its marks.
    async fn forward(&mut self, marks: &[Mark]) -> Result<(), VerifyError> {
        for (partition, next, validity) in &mut self.places {
            let here = |mark: &&Mark| {
                mark.partition.0 == partition.topic && mark.partition.1 == partition.number
            };
            let target = marks.iter().filter(here).map(|mark| mark.offset).min().unwrap_or(-1);
            while *next <= target {
                let records = self.log.read(partition, Offset(*next), READ_BYTES).await?;
                if records.is_empty() {
                    break;
                }
                for record in records {
                    if record.offset.0 > target {
                        break;
                    }
                    *next = record.offset.0 + 1;
                    self.expected.record(validity, record)?;
                }
            }
        }
        Ok(())
    }
}
