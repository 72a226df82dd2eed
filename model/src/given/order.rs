//! In which order a view's rows are compared. Each partition is answered in its own order, and no
//! answer spans two, so a test may list the partitions as it likes.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::compare::row_differences;
use crate::schema::Shape;

/// More places than that are not tried: then the partitions stand one after the other.
const MOST_TRIED: usize = 10_000;

/// The rows of all partitions, in the order in which the expectation lists them if there is one.
pub(super) fn as_expected<'r>(
    columns: &[(&str, Shape)],
    expected: &[Json],
    parts: &'r [Vec<Json>],
) -> Vec<&'r Json> {
    let mut search = Search { columns, expected, parts, failed: HashSet::new() };
    let mut taken = vec![0; parts.len()];
    let mut order = Vec::with_capacity(expected.len());
    let count: usize = parts.iter().map(Vec::len).sum();
    if count == expected.len() && search.merge(&mut taken, &mut order) {
        return order;
    }
    parts.iter().flatten().collect()
}

struct Search<'a, 'r> {
    columns: &'a [(&'a str, Shape)],
    expected: &'a [Json],
    parts: &'r [Vec<Json>],
    /// How much of each partition was taken where nothing led on.
    failed: HashSet<Vec<usize>>,
}

impl<'r> Search<'_, 'r> {
    /// Merges the partitions so that each row meets its expectation; false where nothing does.
    fn merge(&mut self, taken: &mut Vec<usize>, order: &mut Vec<&'r Json>) -> bool {
        let Some(expected) = self.expected.get(order.len()) else { return true };
        if self.failed.len() > MOST_TRIED || self.failed.contains(taken) {
            return false;
        }
        for (at, part) in self.parts.iter().enumerate() {
            let Some(row) = part.get(taken[at]).filter(|row| self.meets(expected, row)) else {
                continue;
            };
            taken[at] += 1;
            order.push(row);
            if self.merge(taken, order) {
                return true;
            }
            taken[at] -= 1;
            order.pop();
        }
        self.failed.insert(taken.clone());
        false
    }

    fn meets(&self, expected: &Json, row: &Json) -> bool {
        let mut lines = Vec::new();
        row_differences(self.columns, expected, row, "", &mut lines);
        lines.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn orders(expected: Json) -> bool {
        let columns = [("key", Shape::String), ("n", Shape::Long)];
        let row = |key: &str, n: i64| json!({"key": key, "n": n});
        let parts = [vec![row("a", 1), row("a", 2)], vec![row("b", 1), row("b", 3)]];
        let expected = expected.as_array().unwrap();
        let found = as_expected(&columns, expected, &parts);
        let mut lines = Vec::new();
        for (expected, row) in expected.iter().zip(&found) {
            row_differences(&columns, expected, row, "", &mut lines);
        }
        lines.is_empty() && found.len() == expected.len()
    }

    #[test]
    fn partitions_stand_in_any_order_and_rows_in_theirs() {
        assert!(orders(json!([{"key": "b"}, {"key": "b"}, {"key": "a"}, {"key": "a"}])));
        assert!(orders(json!([{"n": 1}, {"n": 3}, {"key": "a", "n": 1}, {"n": 2}])));
        assert!(orders(json!([{}, {}, {"n": 2}, {"n": 3}])));
        assert!(!orders(json!([{"key": "b", "n": 3}, {"key": "b"}, {}, {}])));
        assert!(!orders(json!([{}, {}, {}])));
    }
}
