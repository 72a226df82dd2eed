//! Which runs exist and which of them serves. A run = one fold of one aggregate type, its own
//! state table, the views that it feeds, one mark per partition.

use std::sync::Arc;

pub(crate) mod body;

/// Names a run and, as 8 hex digits, its tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub Arc<str>);

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id: made from the aggregate's `fold_hash` for a live run, with the view's hash mixed in
    /// for the shadow run of a changed view.
    pub id: RunId,
    /// The aggregate type.
    pub aggregate: Arc<str>,
    /// The aggregate's `fold_hash` when it was made.
    pub fold_hash: [u8; 32],
    /// The views that it feeds, by name and definition hash.
    pub views: Vec<(Arc<str>, [u8; 32])>,
    /// Whether this run feeds states, history and commands too (false for the shadow run of a
    /// changed view, which keeps a state table only for itself).
    pub primary: bool,
    /// Whether it serves reads; else it is still being filled.
    pub live: bool,
}

/// All runs, with a revision that every change counts up (compare-and-set).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalog {
    /// Counts changes.
    pub revision: u64,
    /// The log's identity that the tables were filled from.
    pub stream: Option<uuid::Uuid>,
    /// The runs.
    pub runs: Vec<Run>,
    /// What the store remembers of each aggregate, to refuse a model that no longer fits: opaque
    /// JSON by aggregate name (id kind, event versions and their schemas).
    pub contracts: Vec<(Arc<str>, String)>,
}
