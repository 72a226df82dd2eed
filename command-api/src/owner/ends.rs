//! Where batches ended, so that it is known which of them the store holds.

use std::collections::VecDeque;

/// How many ends above the mark are kept.
const MAX_KEPT: usize = 4_096;

/// Ends of batches above the mark, oldest first.
#[derive(Default)]
pub(super) struct Ends {
    /// Number and last offset.
    above: VecDeque<(u64, i64)>,
    settled: Option<u64>,
}

impl Ends {
    /// Notes where a batch ended. Where too many are above the mark every second one is forgotten:
    /// the one after it says the same, only later.
    pub fn note(&mut self, number: u64, offset: i64) {
        if self.above.len() >= MAX_KEPT {
            let mut keeps = true;
            self.above.retain(|_| {
                keeps = !keeps;
                keeps
            });
        }
        self.above.push_back((number, offset));
    }

    /// Takes down how far the store is.
    pub fn reached(&mut self, mark: i64) {
        while self.above.front().is_some_and(|(_, end)| *end <= mark) {
            self.settled = self.above.pop_front().map(|(number, _)| number);
        }
    }

    /// The newest batch that the store is known to hold; `None` before any.
    pub fn settled(&self) -> Option<u64> {
        self.settled
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Ends::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_settled_once_the_mark_is_at_its_end() {
        let mut ends = Ends::default();
        ends.note(0, 4);
        ends.note(1, 7);
        ends.reached(3);
        assert_eq!(ends.settled(), None);
        ends.reached(6);
        assert_eq!(ends.settled(), Some(0));
        ends.reached(7);
        assert_eq!(ends.settled(), Some(1));
    }

    #[test]
    fn a_mark_that_stands_still_costs_bounded_memory_and_never_settles_too_early() {
        let mut ends = Ends::default();
        let many = 5 * MAX_KEPT as u64;
        for number in 1..=many {
            ends.note(number, 2 * number as i64);
        }
        assert!(ends.above.len() <= MAX_KEPT);
        for mark in 0..2 * many as i64 {
            ends.reached(mark);
            assert!(ends.settled().is_none_or(|settled| 2 * settled as i64 <= mark));
        }
        ends.reached(2 * many as i64);
        assert_eq!(ends.settled(), Some(many));
    }
}
