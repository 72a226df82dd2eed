//! `rows(view, state) -> rows` and the contributions of rollups, pure functions.

use std::sync::Arc;

use crate::domain::{Aggregate, View};
use crate::fold::ExpressionFailed;
use crate::value::Value;

/// A row: one value per column of [`crate::RowView::columns`].
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub Vec<Value>);

/// An event seen by a view of events: the event, and the state after it.
#[derive(Clone, Copy, Debug)]
pub struct Occurred<'a> {
    /// Index into [`Aggregate::events`].
    pub event: usize,
    /// Its data, of the current shape.
    pub data: &'a Value,
    /// Its time, milliseconds.
    pub time: i64,
    /// The state after it.
    pub after: Option<&'a Value>,
}

/// What one state or event adds to a group of a rollup.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// One value per group column.
    pub group: Vec<Value>,
    /// One amount per measure.
    pub amounts: Vec<Amount>,
}

/// A measure's amount. Exact ones are integers or decimal units (places are the measure's).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// Count, int or decimal units.
    Exact(i128),
    /// Double.
    Double(f64),
}

impl Aggregate {
    /// The rows of a state view (source `State` or `Each`) for one state; none where it is `None`.
    pub fn rows(
        &self,
        _view: &View,
        _id: &Arc<str>,
        _version: u64,
        _state: Option<&Value>,
    ) -> Result<Vec<Row>, ExpressionFailed> {
        todo!("rows")
    }

    /// The rows that one event adds to a view of events; none where its type is not in `of`.
    pub fn event_rows(
        &self,
        _view: &View,
        _id: &Arc<str>,
        _version: u64,
        _occurred: &Occurred<'_>,
    ) -> Result<Vec<Row>, ExpressionFailed> {
        todo!("rows")
    }

    /// What one state contributes to a rollup over states.
    pub fn contributions(
        &self,
        _view: &View,
        _id: &Arc<str>,
        _version: u64,
        _state: Option<&Value>,
    ) -> Result<Vec<Contribution>, ExpressionFailed> {
        todo!("rows")
    }

    /// What one event contributes to a rollup over events.
    pub fn event_contributions(
        &self,
        _view: &View,
        _id: &Arc<str>,
        _version: u64,
        _occurred: &Occurred<'_>,
    ) -> Result<Vec<Contribution>, ExpressionFailed> {
        todo!("rows")
    }

    /// Whether the caller may see a row (`allow:` of the view); `row` is of
    /// [`View::row_shape`]. True with auth off or without `allow`.
    pub fn may_see(&self, _view: &View, _row: &Value, _actor: &crate::decide::Actor) -> bool {
        todo!("rows")
    }
}
