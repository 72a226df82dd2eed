//! Comparing every table with what the log says, page by page.

mod rollups;
mod states;
mod views;

use std::sync::Arc;

use model::{Aggregate, ViewKind};
use read_store::Reader;

use super::expected::{Entry, Expected};
use super::{Difference, VerifyError};
use rollups::groups;
use states::{details, states};
use views::view_rows;

/// Rows to a page.
const PAGE: usize = 1_000;

/// One round's result.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) aggregates: u64,
    pub(super) rows: u64,
    /// States that are ahead of the fold, because the process has gone on.
    pub(super) ahead: u64,
    pub(super) differences: Vec<Difference>,
}

/// Compares all runs; `round` numbers the call.
pub(super) async fn compare(
    expected: &mut Expected,
    reader: &Arc<dyn Reader>,
    round: u32,
) -> Result<Compared, VerifyError> {
    let mut out = Compared::default();
    for run in &mut expected.runs {
        states(run, &**reader, round, &mut out).await?;
        if run.run.primary {
            details(run, &**reader, &mut out).await?;
        }
        for view in &run.views {
            match &view.view.kind {
                ViewKind::Rows(rows) => view_rows(run, view, rows, &**reader, &mut out).await?,
                ViewKind::Rollup(rollup) => groups(run, view, rollup, &**reader, &mut out).await?,
            }
        }
    }
    Ok(out)
}

impl Compared {
    fn differ(&mut self, table: &str, key: String, expected: String, found: String) {
        self.differences.push(Difference { table: table.to_owned(), key, expected, found });
    }
}

const ABSENT: &str = "nothing";

fn decoded(aggregate: &Aggregate, entry: &Entry) -> Option<model::Value> {
    // These bytes were encoded by this process from a state of the same shape.
    entry.state.as_ref().and_then(|bytes| aggregate.state_shape.decode(bytes).ok())
}
