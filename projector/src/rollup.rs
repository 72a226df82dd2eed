//! Rollup cells: what a batch adds to each group of each rollup.
//!
//! Contributions are taken per event (minus the state before it, plus the state after it; for a
//! rollup over events just plus) and summed per group, with the offset of the last one. Where a
//! batch may be written in part, the sums are kept apart per event: a cell that somebody has brought
//! further already takes only what lies above it.

use std::collections::HashMap;
use std::sync::Arc;

use model::View;
use model::rows::{Amount, Contribution};
use read_store::{CellWrite, RunId};

use crate::touched::group_key;

/// The cells of a batch.
#[derive(Default)]
pub(crate) struct Cells {
    /// Whether each event's share stays apart.
    per_event: bool,
    cells: Vec<CellWrite>,
    index: HashMap<(usize, usize, Vec<u8>), usize>,
}

/// One rollup of one run, by their places in the plan.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) at: (usize, usize),
    pub(crate) run: &'a RunId,
    pub(crate) view: &'a Arc<View>,
}

impl Cells {
    pub(crate) fn new(per_event: bool) -> Cells {
        Cells { per_event, ..Cells::default() }
    }

    /// Adds a contribution (`sign` 1) or takes it back (`sign` -1).
    pub(crate) fn add(
        &mut self,
        target: Target<'_>,
        contribution: Contribution,
        sign: i8,
        offset: i64,
    ) {
        let key = (target.at.0, target.at.1, group_key(&contribution.group));
        let add: Vec<Amount> =
            contribution.amounts.into_iter().map(|amount| signed(amount, sign)).collect();
        if let Some(at) = self.index.get(&key)
            && (!self.per_event || self.cells[*at].offset == offset)
            && self.cells[*at].take(&add, sign, offset)
        {
            return;
        }
        // A group is new, or its sum would leave 128 bits: then a further cell adds to the same
        // group, and the store says whether it can hold the total.
        self.index.insert(key, self.cells.len());
        self.cells.push(CellWrite {
            run: target.run.clone(),
            view: target.view.clone(),
            group: contribution.group,
            add,
            rows: i64::from(sign),
            offset,
        });
    }

    /// The cells that change something.
    pub(crate) fn finish(self) -> Vec<CellWrite> {
        let mut cells = self.cells;
        cells.retain(|cell| {
            cell.rows != 0 || cell.add.iter().any(|amount| !matches!(amount, Amount::Exact(0)))
        });
        cells
    }
}

trait Take {
    fn take(&mut self, add: &[Amount], sign: i8, offset: i64) -> bool;
}

impl Take for CellWrite {
    /// Adds if every sum fits.
    fn take(&mut self, add: &[Amount], sign: i8, offset: i64) -> bool {
        let sums: Option<Vec<Amount>> =
            self.add.iter().zip(add).map(|(have, more)| sum(*have, *more)).collect();
        let Some(sums) = sums else { return false };
        self.add = sums;
        self.rows += i64::from(sign);
        self.offset = self.offset.max(offset);
        true
    }
}

/// The sum of two amounts of one measure; `None` where it does not fit.
pub(crate) fn sum(a: Amount, b: Amount) -> Option<Amount> {
    match (a, b) {
        (Amount::Exact(a), Amount::Exact(b)) => a.checked_add(b).map(Amount::Exact),
        (Amount::Double(a), Amount::Double(b)) => Some(Amount::Double(a + b)),
        // A measure's kind is fixed at load, so both are of one kind.
        (Amount::Exact(_), Amount::Double(_)) | (Amount::Double(_), Amount::Exact(_)) => None,
    }
}

fn signed(amount: Amount, sign: i8) -> Amount {
    match amount {
        Amount::Exact(n) => Amount::Exact(n * i128::from(sign)),
        Amount::Double(d) => Amount::Double(d * f64::from(sign)),
    }
}
