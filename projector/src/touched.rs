//! Touched row keys: which rows of a view a run of states of one aggregate writes and deletes.
//!
//! Every key that some state yielded and the last one does not is deleted; a row is left unwritten
//! only where all states yield it equal. So the outcome does not depend on which of these states
//! the table holds when a crash makes the projector begin again.

use std::collections::HashMap;

use event_log::planted;
use model::rows::Row;
use model::{RowView, Value};

/// Above this many keys an index beats looking at each.
const INDEXED_FROM: usize = 8;

/// The keys seen so far.
pub(crate) struct Touched<'v> {
    view: &'v RowView,
    states: usize,
    entries: Vec<Entry>,
    index: HashMap<Vec<u8>, usize>,
}

struct Entry {
    row: Row,
    first: usize,
    last: usize,
    constant: bool,
    nulls: Vec<usize>,
}

/// A row to write, or to delete.
pub(crate) struct Effect {
    /// The row as last seen.
    pub row: Row,
    /// Columns that were null whenever it was seen.
    pub always_null: Vec<usize>,
    /// Whether it goes.
    pub delete: bool,
}

impl<'v> Touched<'v> {
    pub(crate) fn new(view: &'v RowView) -> Touched<'v> {
        Touched { view, states: 0, entries: Vec::new(), index: HashMap::new() }
    }

    /// Takes in the rows of the next state; the first call is the state before the batch.
    pub(crate) fn state(&mut self, rows: Vec<Row>) {
        let now = self.states;
        self.states += 1;
        for row in rows {
            match self.find(&row) {
                Some(at) => {
                    let entry = &mut self.entries[at];
                    entry.constant &= entry.last + 1 == now && entry.row == row;
                    entry.last = now;
                    entry.nulls.retain(|column| row.0[*column] == Value::Null);
                    entry.row = row;
                }
                None => self.insert(row, now),
            }
        }
    }

    /// What is to be done so that the table holds the last state's rows and no others.
    pub(crate) fn finish(self) -> impl Iterator<Item = Effect> {
        let last = self.states.saturating_sub(1);
        self.entries.into_iter().filter_map(move |entry| {
            let delete = entry.last != last;
            if planted::is("net-differences") && delete && entry.first > 0 {
                return None;
            }
            let entry = match planted::is("nulls-left-out") {
                true => Entry { nulls: nulls(&entry.row), ..entry },
                false => entry,
            };
            (delete || !entry.constant).then_some(Effect {
                row: entry.row,
                always_null: entry.nulls,
                delete,
            })
        })
    }

    fn insert(&mut self, row: Row, now: usize) {
        let nulls = nulls(&row);
        self.entries.push(Entry { row, first: now, last: now, constant: now == 0, nulls });
        match self.entries.len() {
            n if n < INDEXED_FROM => {}
            INDEXED_FROM => {
                self.index = (0..INDEXED_FROM)
                    .map(|at| (row_key(self.view, &self.entries[at].row), at))
                    .collect();
            }
            n => {
                self.index.insert(row_key(self.view, &self.entries[n - 1].row), n - 1);
            }
        }
    }

    fn find(&self, row: &Row) -> Option<usize> {
        if self.entries.len() < INDEXED_FROM {
            return self.entries.iter().position(|entry| same_key(self.view, &entry.row, row));
        }
        self.index.get(&row_key(self.view, row)).copied()
    }
}

/// The columns of a row that are null.
pub(crate) fn nulls(row: &Row) -> Vec<usize> {
    let is_null = |(at, value): (usize, &Value)| (*value == Value::Null).then_some(at);
    row.0.iter().enumerate().filter_map(is_null).collect()
}

fn key_columns(view: &RowView) -> impl Iterator<Item = usize> {
    view.key.iter().copied().chain(view.clustering.iter().map(|(column, _)| *column))
}

fn same_key(view: &RowView, a: &Row, b: &Row) -> bool {
    key_columns(view).all(|column| a.0[column] == b.0[column])
}

/// The primary key of a row as bytes that differ where keys differ.
pub(crate) fn row_key(view: &RowView, row: &Row) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    for column in key_columns(view) {
        write_key(&row.0[column], &mut out);
    }
    out
}

/// Group columns as bytes that differ where groups differ.
pub(crate) fn group_key(group: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 * group.len());
    for value in group {
        write_key(value, &mut out);
    }
    out
}

/// Appends a value so that different values of one column never look alike.
pub(crate) fn write_key(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::Bool(b) => out.extend([1, u8::from(*b)]),
        Value::Int(i) => tagged(2, &i.to_be_bytes(), out),
        // Adding zero makes the two zeros one, as some stores do.
        Value::Double(d) => tagged(3, &(d + 0.0).to_bits().to_be_bytes(), out),
        Value::Text(text) => sized(4, text.as_bytes(), out),
        Value::Bytes(bytes) => sized(5, bytes, out),
        Value::Decimal(d) => {
            tagged(6, &d.units().to_be_bytes(), out);
            out.push(d.places());
        }
        Value::Timestamp(t) => tagged(7, &t.to_be_bytes(), out),
        Value::List(items) | Value::Record(items) => {
            tagged(8, &(items.len() as u64).to_be_bytes(), out);
            items.iter().for_each(|item| write_key(item, out));
        }
        Value::Map(entries) => {
            tagged(9, &(entries.len() as u64).to_be_bytes(), out);
            for (key, item) in entries.iter() {
                sized(4, key.as_bytes(), out);
                write_key(item, out);
            }
        }
    }
}

fn tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn sized(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use model::Direction;
    use proptest::prelude::*;

    use super::*;

    fn view() -> RowView {
        let clustering = vec![(1, Direction::Ascending)];
        RowView { columns: Vec::new(), key: vec![0], clustering, sorted: 0 }
    }

    fn row(key: i64, id: i64, shown: i64) -> Row {
        Row(vec![Value::Int(key), Value::Int(id), Value::Int(shown)])
    }

    fn effects(states: Vec<Vec<Row>>) -> Vec<(Row, bool)> {
        let view = view();
        let mut touched = Touched::new(&view);
        states.into_iter().for_each(|rows| touched.state(rows));
        touched.finish().map(|effect| (effect.row, effect.delete)).collect()
    }

    #[test]
    fn a_row_that_all_states_yield_equal_is_left_alone() {
        assert_eq!(effects(vec![vec![row(1, 1, 7)], vec![row(1, 1, 7)]]), vec![]);
    }

    #[test]
    fn a_row_that_changed_and_changed_back_is_written() {
        let there_and_back = vec![vec![row(1, 1, 7)], vec![row(1, 1, 8)], vec![row(1, 1, 7)]];
        assert_eq!(effects(there_and_back), vec![(row(1, 1, 7), false)]);
    }

    #[test]
    fn a_key_that_only_a_middle_state_yielded_is_deleted() {
        let passing = vec![vec![], vec![row(2, 1, 7)], vec![]];
        assert_eq!(effects(passing), vec![(row(2, 1, 7), true)]);
    }

    #[test]
    fn a_row_that_vanished_and_came_back_is_written() {
        let back = vec![vec![row(1, 1, 7)], vec![], vec![row(1, 1, 7)]];
        assert_eq!(effects(back), vec![(row(1, 1, 7), false)]);
    }

    #[test]
    fn a_null_counts_as_always_null_only_where_no_state_had_a_value() {
        let row = |a: Option<i64>, b: Option<i64>| {
            let value = |v: Option<i64>| v.map_or(Value::Null, Value::Int);
            Row(vec![Value::Int(1), Value::Int(1), value(a), value(b)])
        };
        let view = view();
        let mut touched = Touched::new(&view);
        for state in [row(None, Some(1)), row(None, None), row(None, None)] {
            touched.state(vec![state]);
        }
        let nulls: Vec<_> = touched.finish().map(|effect| effect.always_null).collect();
        assert_eq!(nulls, [[2]]);
    }

    #[test]
    fn both_zeros_are_one_group() {
        let group = |number| group_key(&[Value::Double(number)]);
        assert_eq!(group(0.0), group(-0.0));
        assert_ne!(group(0.0), group(1.0));
    }

    fn states() -> impl Strategy<Value = Vec<Vec<(i64, i64)>>> {
        let state = proptest::collection::btree_map(0..14_i64, 0..2_i64, 0..14);
        proptest::collection::vec(state.prop_map(|rows| rows.into_iter().collect()), 1..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// Whichever of the states the table holds, the effects lead to the last one's rows.
        #[test]
        fn every_state_of_the_batch_is_led_to_the_last(states in states()) {
            let rows = |state: &Vec<(i64, i64)>| -> Vec<Row> {
                state.iter().map(|(key, shown)| row(*key, 1, *shown)).collect()
            };
            let done = effects(states.iter().map(rows).collect());
            let want: HashMap<_, _> = states[states.len() - 1].iter().copied().collect();
            for start in &states {
                let mut table: HashMap<_, _> = start.iter().copied().collect();
                for (row, delete) in &done {
                    let (Value::Int(key), Value::Int(shown)) = (&row.0[0], &row.0[2]) else {
                        panic!("integers")
                    };
                    if *delete { table.remove(key); } else { table.insert(*key, *shown); }
                }
                prop_assert_eq!(&table, &want);
            }
        }
    }
}
