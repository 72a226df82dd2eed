//! What the views hold of one aggregate: the same rows that a projector would write, by partition,
//! in the order in which the view answers each.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value as Json};

use super::play::{Happened, Played};
use crate::decide::values::json;
use crate::domain::{Aggregate, Column, Direction, MeasureKind, Rollup, RowView, View, ViewKind};
use crate::fold::ExpressionFailed;
use crate::rows::{Amount, Contribution, Occurred};
use crate::schema::Shape;
use crate::value::{Decimal, Value};

/// The answers of a view, one for each of its partitions, as JSON objects of the columns that it
/// shows.
pub(super) fn answer(
    aggregate: &Aggregate,
    view: &View,
    played: &Played<'_>,
) -> Result<Vec<Vec<Json>>, ExpressionFailed> {
    match &view.kind {
        ViewKind::Rows(rows) => {
            let mut found = row_values(aggregate, view, played)?;
            found.sort_by(|a, b| order(&rows.key, &rows.clustering, a, b));
            let parts = found.chunk_by(|a, b| order(&rows.key, &[], a, b).is_eq());
            Ok(parts
                .map(|part| part.iter().map(|values| row_json(rows, values)).collect())
                .collect())
        }
        ViewKind::Rollup(rollup) => {
            let mut groups = sum(contributions(aggregate, view, played)?);
            groups.sort_by(|a, b| order(&rollup.key, &rollup.clustering, &a.group, &b.group));
            let parts = groups.chunk_by(|a, b| order(&rollup.key, &[], &a.group, &b.group).is_eq());
            Ok(parts.map(|part| part.iter().map(|g| group_json(rollup, g)).collect()).collect())
        }
    }
}

fn row_values(
    aggregate: &Aggregate,
    view: &View,
    played: &Played<'_>,
) -> Result<Vec<Vec<Value>>, ExpressionFailed> {
    let rows = if view.is_over_events() {
        per_event(played, |version, occurred| {
            aggregate.event_rows(view, played.id, version, occurred)
        })?
    } else {
        let now = &played.now;
        aggregate.rows(view, played.id, now.version, now.state.as_ref())?
    };
    Ok(rows.into_iter().map(|row| row.0).collect())
}

fn contributions(
    aggregate: &Aggregate,
    view: &View,
    played: &Played<'_>,
) -> Result<Vec<Contribution>, ExpressionFailed> {
    if view.is_over_events() {
        return per_event(played, |version, occurred| {
            aggregate.event_contributions(view, played.id, version, occurred)
        });
    }
    let now = &played.now;
    aggregate.contributions(view, played.id, now.version, now.state.as_ref())
}

fn per_event<T>(
    played: &Played<'_>,
    yields: impl Fn(u64, &Occurred<'_>) -> Result<Vec<T>, ExpressionFailed>,
) -> Result<Vec<T>, ExpressionFailed> {
    let mut all = Vec::new();
    for (Happened { event, data, time, after }, version) in played.events.iter().zip(1..) {
        let occurred = Occurred { event: *event, data, time: *time, after: after.as_ref() };
        all.extend(yields(version, &occurred)?);
    }
    Ok(all)
}

fn sum(contributions: Vec<Contribution>) -> Vec<Contribution> {
    let mut groups: Vec<Contribution> = Vec::new();
    for next in contributions {
        match groups.iter_mut().find(|known| known.group == next.group) {
            Some(known) => add(&mut known.amounts, &next.amounts),
            None => groups.push(next),
        }
    }
    groups
}

fn add(into: &mut [Amount], more: &[Amount]) {
    for (into, more) in into.iter_mut().zip(more) {
        match (into, more) {
            (Amount::Exact(a), Amount::Exact(b)) => *a = a.saturating_add(*b),
            (Amount::Double(a), Amount::Double(b)) => *a += b,
            _ => {}
        }
    }
}

/// Partition key first, ascending, then the clustering columns as declared.
fn order(key: &[usize], clustering: &[(usize, Direction)], a: &[Value], b: &[Value]) -> Ordering {
    let columns = key.iter().map(|i| (*i, Direction::Ascending)).chain(clustering.iter().copied());
    for (index, direction) in columns {
        let ordering = compare(&a[index], &b[index]);
        let ordering = match direction {
            Direction::Ascending => ordering,
            Direction::Descending => ordering.reverse(),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    Ordering::Equal
}

/// The order of column types; both sides are of the same column.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Int(a), Value::Int(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        // Values of one column have the same places.
        (Value::Decimal(a), Value::Decimal(b)) => a.units().cmp(&b.units()),
        _ => Ordering::Equal,
    }
}

fn row_json(rows: &RowView, values: &[Value]) -> Json {
    let shown = |(column, _): &(&Column, &Value)| column.shown || &*column.name == "id";
    let pairs = rows.columns.iter().zip(values).filter(shown);
    Json::Object(pairs.map(|(c, v)| (c.name.to_string(), json(&c.shape, v))).collect())
}

fn group_json(rollup: &Rollup, group: &Contribution) -> Json {
    let mut members: Map<String, Json> = rollup
        .group
        .iter()
        .zip(&group.group)
        .map(|(column, value)| (column.name.to_string(), json(&column.shape, value)))
        .collect();
    for (measure, amount) in rollup.measures.iter().zip(&group.amounts) {
        members.insert(measure.name.to_string(), amount_json(measure.kind, *amount));
    }
    Json::Object(members)
}

fn amount_json(kind: MeasureKind, amount: Amount) -> Json {
    match (kind, amount) {
        (MeasureKind::Decimal(places), Amount::Exact(units)) => Decimal::new(units, places)
            .map_or_else(
                || Json::from(units.to_string()),
                |decimal| json(&shape(kind), &Value::Decimal(decimal)),
            ),
        (_, Amount::Exact(n)) => Number::from_i128(n).map_or(Json::Null, Json::Number),
        (_, Amount::Double(d)) => Number::from_f64(d).map_or(Json::Null, Json::Number),
    }
}

/// How a measure shows.
pub(super) fn shape(kind: MeasureKind) -> Shape {
    match kind {
        MeasureKind::Count | MeasureKind::Int => Shape::Long,
        MeasureKind::Decimal(scale) => Shape::Decimal { precision: 28, scale },
        MeasureKind::Double => Shape::Double,
    }
}
