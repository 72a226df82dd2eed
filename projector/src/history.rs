//! History: the events of each aggregate, as they were written.

use std::sync::Arc;

use read_store::{HistoryWrite, RunId};

use crate::fold::Step;

/// The history row of an event that was folded.
pub(crate) fn history(
    run: &RunId,
    aggregate: &Arc<str>,
    id: &Arc<str>,
    step: &Step<'_>,
) -> HistoryWrite {
    HistoryWrite {
        run: run.clone(),
        aggregate: aggregate.clone(),
        id: id.clone(),
        version: step.event.version,
        event: step.event.event.clone(),
        time: step.time,
        data: step.event.data.clone(),
        offset: step.offset,
    }
}
