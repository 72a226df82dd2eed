//! One replica: rows of cells, each with the timestamp that decides which of two values stays.

use std::collections::BTreeMap;

use model::Value;

use crate::batch::{Mark, ParkedWrite, StateRow, UsedKey};
use crate::store::{Cell, StoredEvent};

/// What a cell holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Datum {
    Null,
    Column(Value),
    State(StateRow),
    Event(StoredEvent),
    Key(UsedKey),
    Sums(Cell),
    Offset(i64),
    Mark(Mark),
    Parked(ParkedWrite),
}

/// What one statement does to one row.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// An insert: these columns, and the row exists.
    Put(Vec<(usize, Datum)>),
    /// The row goes.
    Delete,
}

/// One statement.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub table: String,
    pub key: String,
    pub timestamp: i64,
    pub change: Change,
}

/// A row as a replica has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    inserted: Option<i64>,
    deleted: Option<i64>,
    cells: BTreeMap<usize, (i64, Datum)>,
}

/// All tables of a replica.
#[derive(Debug, Default)]
pub(super) struct Replica {
    tables: BTreeMap<String, BTreeMap<String, Row>>,
}

impl Row {
    /// What a reader sees of a column; `Null` where there is nothing.
    pub(super) fn get(&self, column: usize) -> Datum {
        let alive = |(timestamp, _): &&(i64, Datum)| self.deleted.is_none_or(|d| d < *timestamp);
        self.cells.get(&column).filter(alive).map_or(Datum::Null, |(_, datum)| datum.clone())
    }

    /// Whether a reader sees the row at all.
    pub(super) fn exists(&self) -> bool {
        self.inserted.is_some_and(|at| self.deleted.is_none_or(|deleted| deleted < at))
    }

    fn apply(&mut self, timestamp: i64, change: &Change) {
        match change {
            Change::Delete => self.deleted = self.deleted.max(Some(timestamp)),
            Change::Put(columns) => {
                self.inserted = self.inserted.max(Some(timestamp));
                for (column, datum) in columns {
                    self.put(*column, timestamp, datum);
                }
            }
        }
    }

    fn put(&mut self, column: usize, timestamp: i64, datum: &Datum) {
        let newer = match self.cells.get(&column) {
            None => true,
            Some((at, _)) if *at != timestamp => *at < timestamp,
            // Two values of one moment: a null wins, else the larger.
            Some((_, Datum::Null)) => false,
            Some((_, there)) => {
                *datum == Datum::Null || format!("{there:?}") < format!("{datum:?}")
            }
        };
        if newer {
            self.cells.insert(column, (timestamp, datum.clone()));
        }
    }

    /// Takes in what another replica has.
    pub(super) fn merge(&mut self, other: &Row) {
        if self == other {
            return;
        }
        self.inserted = self.inserted.max(other.inserted);
        self.deleted = self.deleted.max(other.deleted);
        for (column, (timestamp, datum)) in &other.cells {
            self.put(*column, *timestamp, datum);
        }
    }
}

impl Replica {
    pub(super) fn apply(&mut self, statement: &Statement) {
        let table = self.tables.entry(statement.table.clone()).or_default();
        table
            .entry(statement.key.clone())
            .or_default()
            .apply(statement.timestamp, &statement.change);
    }

    pub(super) fn row(&self, table: &str, key: &str) -> Option<&Row> {
        self.tables.get(table)?.get(key)
    }

    pub(super) fn rows(&self, table: &str, prefix: &str) -> BTreeMap<String, Row> {
        let Some(rows) = self.tables.get(table) else { return BTreeMap::new() };
        let from = rows.range(prefix.to_owned()..);
        let within = from.take_while(|(key, _)| key.starts_with(prefix));
        within.map(|(key, row)| (key.clone(), row.clone())).collect()
    }

    pub(super) fn repair(&mut self, table: &str, key: &str, row: &Row) {
        let rows = self.tables.entry(table.to_owned()).or_default();
        rows.entry(key.to_owned()).or_default().merge(row);
    }

    pub(super) fn drop_rows(&mut self, table: &str, keep: impl Fn(&str) -> bool) {
        if let Some(rows) = self.tables.get_mut(table) {
            rows.retain(|key, _| keep(key));
        }
    }

    pub(super) fn drop_tables(&mut self, keep: impl Fn(&str) -> bool) {
        self.tables.retain(|name, _| keep(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(n: i64) -> Change {
        Change::Put(vec![(0, Datum::Offset(n))])
    }

    #[test]
    fn the_higher_timestamp_stays_whatever_the_order() {
        let (mut one, mut two) = (Row::default(), Row::default());
        let changes = [(1, put(1)), (3, put(3)), (2, Change::Delete)];
        changes.iter().for_each(|(at, change)| one.apply(*at, change));
        changes.iter().rev().for_each(|(at, change)| two.apply(*at, change));
        assert_eq!(one, two);
        assert_eq!(one.get(0), Datum::Offset(3));
    }

    #[test]
    fn a_delete_beats_a_write_of_its_moment() {
        let mut row = Row::default();
        row.apply(1, &Change::Delete);
        row.apply(1, &put(1));
        assert!(!row.exists());
        assert_eq!(row.get(0), Datum::Null);
    }
}
