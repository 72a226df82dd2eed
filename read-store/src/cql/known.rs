//! The marks as far as a process knows them: true lower bounds of what the tables hold.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::table::marks::MarkRow;
use crate::batch::Mark;
use crate::catalog::RunId;
use crate::position::PartitionKey;

/// Where a mark stands: its run, at which revision that one's tables were made, the partition.
pub(super) type Place = (RunId, u64, PartitionKey);

#[derive(Default)]
pub(super) struct Known {
    marks: BTreeMap<Place, Mark>,
    waits: HashSet<(RunId, u64)>,
    /// All marks, to be handed out.
    pub(super) listed: Arc<Vec<Mark>>,
    /// How often marks were found to have gone back.
    pub(super) falls: u64,
}

impl Known {
    /// Takes rows in: what was read may be older than what is known, and then says nothing. Marks
    /// of runs that `made_of` does not know go.
    pub(super) fn learn(&mut self, rows: &[MarkRow], made_of: impl Fn(&RunId) -> Option<u64>) {
        for row in rows {
            if row.waits {
                self.waits.insert((row.run.clone(), row.made));
            }
            let Some((place, mark)) = placed(row) else { continue };
            let entry = self.marks.entry(place).or_insert_with(|| mark.clone());
            if entry.offset < mark.offset {
                *entry = mark.clone();
            }
        }
        self.marks.retain(|(run, made, _), _| made_of(run) == Some(*made));
        self.waits.retain(|(run, made)| made_of(run) == Some(*made));
        self.list();
    }

    /// The marks that are higher than what was read, each with its offset.
    pub(super) fn above(&self, rows: &[MarkRow]) -> Vec<(Place, i64)> {
        // Most looks find what is known, and that in the same order.
        let read = rows.iter().filter_map(placed);
        if read.map(|(_, mark)| mark).eq(self.marks.values()) {
            return Vec::new();
        }
        let read = by_place(rows);
        let lower = |(place, mark): &(&Place, &Mark)| {
            read.get(place).is_none_or(|read| read.offset < mark.offset)
        };
        let above = self.marks.iter().filter(lower);
        above.map(|(place, mark)| (place.clone(), mark.offset)).collect()
    }

    /// Whether one of these marks is higher than what was read.
    pub(super) fn are_above(before: &[(Place, i64)], rows: &[MarkRow]) -> bool {
        let read = by_place(rows);
        before.iter().any(|(place, offset)| read.get(place).is_none_or(|r| r.offset < *offset))
    }

    /// Takes marks back that were known before `rows` were read, and are higher than those; whether
    /// there were any. What a quorum had once, each quorum has after it, unless the database was
    /// put back to what it was.
    pub(super) fn fall_back(&mut self, before: &[(Place, i64)], rows: &[MarkRow]) -> bool {
        let read = by_place(rows);
        let mut fell = false;
        for (place, offset) in before {
            // Its run may have gone meanwhile.
            if !self.marks.contains_key(place) {
                continue;
            }
            match read.get(place) {
                Some(read) if read.offset >= *offset => continue,
                Some(read) => self.marks.insert(place.clone(), (*read).clone()),
                None => self.marks.remove(place),
            };
            fell = true;
        }
        if fell {
            self.falls += 1;
            self.list();
        }
        fell
    }

    /// Whether something may wait in a run.
    pub(super) fn waits(&self, run: &RunId, made: u64) -> bool {
        !self.waits.is_empty() && self.waits.contains(&(run.clone(), made))
    }

    fn list(&mut self) {
        if !self.listed.iter().eq(self.marks.values()) {
            self.listed = Arc::new(self.marks.values().cloned().collect());
        }
    }
}

fn placed(row: &MarkRow) -> Option<(Place, &Mark)> {
    let mark = row.mark.as_ref()?;
    Some(((row.run.clone(), row.made, mark.partition.clone()), mark))
}

fn by_place(rows: &[MarkRow]) -> BTreeMap<Place, &Mark> {
    rows.iter().filter_map(placed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: u64 = 3;

    fn row(partition: u32, offset: i64) -> MarkRow {
        let run = RunId("r".into());
        let partition = ("order".into(), partition);
        let mark = Mark { run: run.clone(), partition, offset, claim: None, seq: 0 };
        MarkRow { run, made: MADE, mark: Some(mark), waits: false }
    }

    fn offsets(known: &Known) -> Vec<i64> {
        known.listed.iter().map(|mark| mark.offset).collect()
    }

    fn known(rows: &[MarkRow]) -> Known {
        let mut known = Known::default();
        known.learn(rows, |_| Some(MADE));
        known
    }

    #[test]
    fn what_was_read_before_it_was_written_says_nothing() {
        let mut known = known(&[row(0, 5), row(1, 7)]);
        known.learn(&[row(0, 4)], |_| Some(MADE));
        assert_eq!(offsets(&known), [5, 7]);
        let above = known.above(&[row(0, 4), row(1, 7)]);
        assert_eq!(above.len(), 1);
        // The second look finds it, and one that moved on since.
        assert!(!known.fall_back(&above, &[row(0, 5), row(1, 8)]));
        assert_eq!((offsets(&known), known.falls), (vec![5, 7], 0));
    }

    #[test]
    fn a_mark_that_stays_lower_is_taken_back_and_one_that_stays_away_is_forgotten() {
        let mut known = known(&[row(0, 5), row(1, 7), row(2, 1)]);
        let restored = [row(0, 2), row(2, 1)];
        let above = known.above(&restored);
        assert!(known.fall_back(&above, &restored));
        assert_eq!((offsets(&known), known.falls), (vec![2, 1], 1));
        assert!(known.above(&restored).is_empty());
    }

    #[test]
    fn marks_of_a_run_that_is_gone_are_no_loss() {
        let mut known = known(&[row(0, 5)]);
        let above = known.above(&[]);
        known.learn(&[], |_| None);
        assert!(!known.fall_back(&above, &[]));
    }
}
