//! Views: what they are made from, their columns, keys and measures.

use std::sync::Arc;

use super::Placed;
use crate::expr::Type;
use crate::schema::{RecordShape, Shape};

/// What a view is made from.
#[derive(Clone, Debug)]
pub enum ViewSource {
    /// One row per state. Slots: `state id version`.
    State,
    /// One row per element of a list of the state. Slots: `state id version it index`.
    Each(Placed),
    /// One row per event of these types (indices into [`Aggregate::events`](crate::Aggregate::events)), or per element of
    /// `each`. Slots: `event type time id version state` (and `it index`).
    Events {
        /// Indices into [`Aggregate::events`](crate::Aggregate::events).
        of: Vec<usize>,
        /// `each:` over the event or state.
        each: Option<Placed>,
    },
}

/// A declared read model.
#[derive(Clone, Debug)]
pub struct View {
    /// Global name, kebab-case.
    pub name: Arc<str>,
    /// Name of its aggregate.
    pub aggregate: Arc<str>,
    /// What it is made from.
    pub source: ViewSource,
    /// `where:`, tested per row or contribution.
    pub filter: Option<Placed>,
    /// Per-row permission; slots: `row actor`, `row` being a record of [`View::row_shape`].
    pub allow: Option<Placed>,
    /// The record that `allow` sees as `row`: for a row view the declared fields and `id`, for a
    /// rollup its group columns and measures.
    pub row_shape: Arc<RecordShape>,
    /// Buckets per partition key, from 1.
    pub buckets: u32,
    /// Rows or rollup.
    pub kind: ViewKind,
    /// Hash of the definition (names, expressions, types, buckets), without the aggregate's
    /// `fold_hash`.
    pub hash: [u8; 32],
    /// `orders/model.yaml:40`, for run-time errors.
    pub place: Arc<str>,
}

/// The two kinds of view.
#[derive(Clone, Debug)]
pub enum ViewKind {
    /// One row per state, element or event.
    Rows(RowView),
    /// Sums and counts per group.
    Rollup(Rollup),
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A typed column of a view.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in answers, queries and tables.
    pub name: Arc<str>,
    /// Its static type.
    pub ty: Type,
    /// Its shape (nullable where the type is): drives JSON and storage. Never nullable for
    /// partition and clustering columns.
    pub shape: Shape,
    /// Whether answers show it (`id` always; appended `version` and `index` are hidden).
    pub shown: bool,
    /// Its value; slots as [`ViewSource`] says. For the appended `id`, `version`, `index` it is
    /// those variables.
    pub expr: Placed,
}

/// Columns and primary key of a view of rows. A row is one value per column, in this order:
/// declared fields, then whichever of `id`, `version`, `index` the row needs and does not have.
#[derive(Clone, Debug)]
pub struct RowView {
    /// The columns.
    pub columns: Vec<Column>,
    /// Partition key: indices into `columns`; empty = one partition.
    pub key: Vec<usize>,
    /// Clustering order, the appended tie-breakers included: indices into `columns`.
    pub clustering: Vec<(usize, Direction)>,
    /// How many of `clustering` the author named in `sort`: only by those can be asked.
    pub sorted: usize,
}

/// Group columns and measures of a rollup.
#[derive(Clone, Debug)]
pub struct Rollup {
    /// The group columns, in the order written.
    pub group: Vec<Column>,
    /// Partition key: indices into `group`; empty = one partition.
    pub key: Vec<usize>,
    /// Clustering order of the other group columns.
    pub clustering: Vec<(usize, Direction)>,
    /// The measures.
    pub measures: Vec<Measure>,
}

/// One measure of a rollup.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its name in answers and tables.
    pub name: Arc<str>,
    /// How it adds up.
    pub kind: MeasureKind,
    /// The summed expression; `None` for `count()`. Slots as [`ViewSource`] says.
    pub expr: Option<Placed>,
}

/// How a measure adds up and shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// `count()`, shown as an integer.
    Count,
    /// `sum` of an integer, exact.
    Int,
    /// `sum` of a decimal with these places, exact.
    Decimal(u8),
    /// `sum` of a double (only over `of` events).
    Double,
}

impl View {
    /// The columns that key and clustering order point into.
    pub fn columns(&self) -> &[Column] {
        match &self.kind {
            ViewKind::Rows(rows) => &rows.columns,
            ViewKind::Rollup(rollup) => &rollup.group,
        }
    }

    /// The partition key: indices into [`View::columns`].
    pub fn key(&self) -> &[usize] {
        match &self.kind {
            ViewKind::Rows(rows) => &rows.key,
            ViewKind::Rollup(rollup) => &rollup.key,
        }
    }

    /// The clustering order with its tie-breakers: indices into [`View::columns`].
    pub fn clustering(&self) -> &[(usize, Direction)] {
        match &self.kind {
            ViewKind::Rows(rows) => &rows.clustering,
            ViewKind::Rollup(rollup) => &rollup.clustering,
        }
    }

    /// The leading part of the clustering order that a query may compare.
    pub fn sort(&self) -> &[(usize, Direction)] {
        match &self.kind {
            ViewKind::Rows(rows) => &rows.clustering[..rows.sorted.min(rows.clustering.len())],
            ViewKind::Rollup(rollup) => &rollup.clustering,
        }
    }
}
