//! `rows(view, state) -> rows` and the contributions of rollups, pure functions.

use std::sync::Arc;

use crate::decide::{Actor, actor_value};
use crate::domain::{
    Aggregate, Column, Measure, MeasureKind, Placed, Rollup, RowView, View, ViewKind, ViewSource,
};
use crate::fold::{ExpressionFailed, NoIds};
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

impl View {
    /// Whether this view is made of events (`of:`) and not of states.
    pub fn is_over_events(&self) -> bool {
        matches!(self.source, ViewSource::Events { .. })
    }

    /// The record of [`View::row_shape`] that `allow` sees as `row`. `values` are one per column of
    /// a view of rows, or the group columns and then the measures of a rollup.
    pub fn row_value(&self, values: &[Value]) -> Value {
        let value_of = |name: &str| {
            let index = match &self.kind {
                ViewKind::Rows(rows) => rows.columns.iter().position(|c| &*c.name == name),
                ViewKind::Rollup(rollup) => names(rollup).position(|n| n == name),
            };
            index.and_then(|i| values.get(i)).cloned().unwrap_or(Value::Null)
        };
        let fields = self.row_shape.fields.iter();
        Value::Record(Arc::new(fields.map(|f| value_of(&f.name)).collect()))
    }
}

fn names(rollup: &Rollup) -> impl Iterator<Item = &str> {
    let groups = rollup.group.iter().map(|c| &*c.name);
    groups.chain(rollup.measures.iter().map(|m| &*m.name))
}

impl Aggregate {
    /// The rows of a state view (source `State` or `Each`) for one state; none where it is `None`.
    pub fn rows(
        &self,
        view: &View,
        id: &Arc<str>,
        version: u64,
        state: Option<&Value>,
    ) -> Result<Vec<Row>, ExpressionFailed> {
        let ViewKind::Rows(rows) = &view.kind else { return Ok(Vec::new()) };
        match self.state_seat(view, id, version, state) {
            Some(seat) => seat.collect(view, |frame| row(rows, frame)),
            None => Ok(Vec::new()),
        }
    }

    /// The rows that one event adds to a view of events; none where its type is not in `of`.
    pub fn event_rows(
        &self,
        view: &View,
        id: &Arc<str>,
        version: u64,
        occurred: &Occurred<'_>,
    ) -> Result<Vec<Row>, ExpressionFailed> {
        let ViewKind::Rows(rows) = &view.kind else { return Ok(Vec::new()) };
        match self.event_seat(view, id, version, occurred) {
            Some(seat) => seat.collect(view, |frame| row(rows, frame)),
            None => Ok(Vec::new()),
        }
    }

    /// What one state contributes to a rollup over states.
    pub fn contributions(
        &self,
        view: &View,
        id: &Arc<str>,
        version: u64,
        state: Option<&Value>,
    ) -> Result<Vec<Contribution>, ExpressionFailed> {
        let ViewKind::Rollup(rollup) = &view.kind else { return Ok(Vec::new()) };
        match self.state_seat(view, id, version, state) {
            Some(seat) => seat.collect(view, |frame| contribution(rollup, frame)),
            None => Ok(Vec::new()),
        }
    }

    /// What one event contributes to a rollup over events.
    pub fn event_contributions(
        &self,
        view: &View,
        id: &Arc<str>,
        version: u64,
        occurred: &Occurred<'_>,
    ) -> Result<Vec<Contribution>, ExpressionFailed> {
        let ViewKind::Rollup(rollup) = &view.kind else { return Ok(Vec::new()) };
        match self.event_seat(view, id, version, occurred) {
            Some(seat) => seat.collect(view, |frame| contribution(rollup, frame)),
            None => Ok(Vec::new()),
        }
    }

    /// Whether the caller may see a row (`allow:` of the view); `row` is of
    /// [`View::row_shape`]. True with auth off or without `allow`; an `allow` that fails is false.
    pub fn may_see(&self, view: &View, row: &Value, actor: &Actor) -> bool {
        let Some(allow) = view.allow.as_ref().filter(|_| actor.checked) else { return true };
        let actor = if allow.reads(1) { actor_value(actor) } else { Value::Null };
        let frame = [row.clone(), actor];
        allow.eval(&frame, &mut NoIds) == Ok(Value::Bool(true))
    }

    /// Where the expressions of a view of states are evaluated; `None` where nothing is to see.
    pub(crate) fn state_seat<'a>(
        &self,
        view: &'a View,
        id: &Arc<str>,
        version: u64,
        state: Option<&Value>,
    ) -> Option<Seat<'a>> {
        let each = match &view.source {
            ViewSource::State => None,
            ViewSource::Each(each) => Some(each),
            ViewSource::Events { .. } => return None,
        };
        let frame = [state?.clone(), Value::Text(id.clone()), int(version)];
        Some(Seat::new(each, frame))
    }

    /// Where the expressions of a view of events are evaluated.
    pub(crate) fn event_seat<'a>(
        &self,
        view: &'a View,
        id: &Arc<str>,
        version: u64,
        occurred: &Occurred<'_>,
    ) -> Option<Seat<'a>> {
        let ViewSource::Events { of, each } = &view.source else { return None };
        if !of.contains(&occurred.event) {
            return None;
        }
        let frame = [
            occurred.data.clone(),
            Value::Text(self.events.get(occurred.event)?.name.clone()),
            Value::Timestamp(occurred.time),
            Value::Text(id.clone()),
            int(version),
            occurred.after.cloned().unwrap_or(Value::Null),
        ];
        Some(Seat::new(each.as_ref(), frame))
    }
}

/// The variables of a view's expressions, and the list of `each` where there is one.
pub(crate) struct Seat<'a> {
    each: Option<&'a Placed>,
    frame: Vec<Value>,
}

impl<'a> Seat<'a> {
    fn new<const N: usize>(each: Option<&'a Placed>, variables: [Value; N]) -> Seat<'a> {
        let mut frame = Vec::with_capacity(N + 2);
        frame.extend(variables);
        Seat { each, frame }
    }

    /// Calls `make` for every element, or once without `each`, where `where` holds.
    fn collect<T>(
        self,
        view: &View,
        make: impl Fn(&[Value]) -> Result<T, ExpressionFailed>,
    ) -> Result<Vec<T>, ExpressionFailed> {
        let mut made = Vec::new();
        self.visit(|frame| {
            if passes(view, frame)? {
                made.push(make(frame)?);
            }
            Ok(())
        })?;
        Ok(made)
    }

    /// Calls `see` for every element, or once without `each`.
    pub(crate) fn visit(
        mut self,
        mut see: impl FnMut(&[Value]) -> Result<(), ExpressionFailed>,
    ) -> Result<(), ExpressionFailed> {
        let Some(each) = self.each else { return see(&self.frame) };
        let Value::List(elements) = each.eval_in(&self.frame, &mut NoIds)? else {
            return Err(each.failed("not a list"));
        };
        let variables = self.frame.len();
        self.frame.extend([Value::Null, Value::Int(0)]);
        for (index, element) in elements.iter().enumerate() {
            self.frame[variables] = element.clone();
            self.frame[variables + 1] = int(index as u64);
            see(&self.frame)?;
        }
        Ok(())
    }
}

/// Whether `where` holds for what the frame shows.
pub(crate) fn passes(view: &View, frame: &[Value]) -> Result<bool, ExpressionFailed> {
    match &view.filter {
        None => Ok(true),
        Some(filter) => Ok(filter.eval_in(frame, &mut NoIds)? == Value::Bool(true)),
    }
}

fn row(rows: &RowView, frame: &[Value]) -> Result<Row, ExpressionFailed> {
    columns(&rows.columns, frame).map(Row)
}

fn columns(columns: &[Column], frame: &[Value]) -> Result<Vec<Value>, ExpressionFailed> {
    columns.iter().map(|column| column.expr.eval_in(frame, &mut NoIds)).collect()
}

fn contribution(rollup: &Rollup, frame: &[Value]) -> Result<Contribution, ExpressionFailed> {
    let group = columns(&rollup.group, frame)?;
    let amounts = rollup.measures.iter().map(|measure| amount(measure, frame));
    Ok(Contribution { group, amounts: amounts.collect::<Result<_, _>>()? })
}

fn amount(measure: &Measure, frame: &[Value]) -> Result<Amount, ExpressionFailed> {
    let Some(expr) = &measure.expr else { return Ok(Amount::Exact(1)) };
    let exact = match (measure.kind, expr.eval_in(frame, &mut NoIds)?) {
        (MeasureKind::Count, _) => Some(1),
        (MeasureKind::Int, Value::Int(n)) => Some(n.into()),
        (MeasureKind::Decimal(places), Value::Decimal(d)) => {
            at_places(d.units(), d.places(), places)
        }
        (MeasureKind::Decimal(places), Value::Int(n)) => at_places(n.into(), 0, places),
        (MeasureKind::Double, Value::Double(d)) => return Ok(Amount::Double(d)),
        _ => None,
    };
    let text = || format!("the amount does not fit the measure {}", measure.name);
    exact.map(Amount::Exact).ok_or_else(|| expr.failed(text()))
}

/// The same number with more places, exactly.
fn at_places(units: i128, has: u8, wants: u8) -> Option<i128> {
    let factor = 10_i128.checked_pow(wants.checked_sub(has)?.into())?;
    units.checked_mul(factor)
}

fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
