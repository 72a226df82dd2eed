//! Pointers to events that wait: of an aggregate whose fold failed, or of one view of it.

use std::sync::Arc;

use read_store::position::PartitionKey;
use read_store::{ParkedWrite, RunId};

/// Whose events wait.
#[derive(Clone, Copy)]
pub(crate) struct Waiting<'a> {
    pub(crate) run: &'a RunId,
    pub(crate) aggregate: &'a Arc<str>,
    pub(crate) id: &'a Arc<str>,
    pub(crate) view: Option<&'a Arc<str>>,
    pub(crate) partition: &'a PartitionKey,
}

/// A pointer for each event `(offset, version)`; the first carries the reason (which is empty where
/// others wait already).
pub(crate) fn pointers(
    waiting: Waiting<'_>,
    events: impl Iterator<Item = (i64, u64)>,
    reason: &str,
    out: &mut Vec<ParkedWrite>,
) {
    let mut reason = Some(reason);
    out.extend(events.map(|(offset, version)| ParkedWrite {
        run: waiting.run.clone(),
        aggregate: waiting.aggregate.clone(),
        id: waiting.id.clone(),
        view: waiting.view.cloned(),
        partition: waiting.partition.clone(),
        offset,
        version,
        reason: reason.take().unwrap_or_default().to_owned(),
    }));
}
