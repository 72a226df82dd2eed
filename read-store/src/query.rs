//! A page of a view: what is asked for, what comes back.

use model::Value;

/// One page asked of a view or rollup.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// One value per partition key column, in the order of `key`.
    pub key: Vec<Value>,
    /// Equality on the leading clustering columns.
    pub prefix: Vec<Value>,
    /// At most one range, on the clustering column after the prefix.
    pub range: Range,
    /// Whether the whole declared order is reversed.
    pub reversed: bool,
    /// Where the last page ended: the values of all clustering columns of its last row.
    pub after: Option<Vec<Value>>,
    /// Most rows.
    pub limit: usize,
    /// Indices of the columns asked for, ascending; `None` = all. Key and clustering columns are
    /// always returned.
    pub columns: Option<Vec<usize>>,
}

/// A range on one column.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Lower bound and whether it is included.
    pub lower: Option<(Value, bool)>,
    /// Upper bound and whether it is included.
    pub upper: Option<(Value, bool)>,
}

/// One page of rows, in the order asked for.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// For a view of rows one value per column ([`model::RowView::columns`]), `Value::Null` where a
    /// column was not asked for; for a rollup the group columns and then the measures (`Int`,
    /// `Decimal` or `Double`). Groups that nothing falls into any more are left out.
    pub rows: Vec<Vec<Value>>,
    /// Whether rows follow.
    pub more: bool,
}
