//! Rows and groups in a form that is small to keep and quick to compare.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use model::rows::{Amount, Contribution, Row};
use model::{MeasureKind, Rollup, RowView, Shape, Value};

use crate::rollup::sum;
use crate::touched::{group_key, row_key, write_key};

/// Digests of rows by digest of their key, with the aggregate that each comes from.
#[derive(Default)]
pub(super) struct RowKeys(pub(super) HashMap<u128, (u64, Arc<str>)>);

/// Sums by group.
pub(super) type Groups = HashMap<Vec<u8>, Group>;

/// One group of a rollup.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) group: Vec<Value>,
    pub(super) amounts: Vec<Amount>,
    pub(super) rows: i64,
}

impl RowKeys {
    pub(super) fn insert(&mut self, view: &RowView, row: &Row, id: &Arc<str>) {
        self.0.insert(key_digest(view, row), (row_digest(row), id.clone()));
    }
}

impl Group {
    pub(super) fn add(groups: &mut Groups, contribution: Contribution) -> Result<(), String> {
        let Contribution { group, amounts } = contribution;
        let entry = groups.entry(group_key(&group)).or_insert_with(|| Group {
            amounts: amounts.iter().map(|amount| zero(*amount)).collect(),
            group,
            rows: 0,
        });
        let sums: Option<Vec<Amount>> =
            entry.amounts.iter().zip(&amounts).map(|(have, more)| sum(*have, *more)).collect();
        entry.amounts = sums.ok_or("a sum is too large")?;
        entry.rows += 1;
        Ok(())
    }
}

fn zero(like: Amount) -> Amount {
    match like {
        Amount::Exact(_) => Amount::Exact(0),
        Amount::Double(_) => Amount::Double(0.0),
    }
}

/// A digest of anything that hashes; the same in every process.
pub(super) fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A digest of a row's primary key, wide enough that two keys never share one.
pub(super) fn key_digest(view: &RowView, row: &Row) -> u128 {
    let key = row_key(view, row);
    (u128::from(digest(&(0_u8, &key))) << 64) | u128::from(digest(&(1_u8, &key)))
}

/// A digest of all of a row.
pub(super) fn row_digest(row: &Row) -> u64 {
    let mut bytes = Vec::with_capacity(128);
    row.0.iter().for_each(|value| write_key(value, &mut bytes));
    digest(&bytes)
}

/// Whether a measure that was read is what the log adds up to.
pub(super) fn measures(expected: Amount, found: &Value) -> bool {
    match (expected, found) {
        (Amount::Exact(n), Value::Int(i)) => n == i128::from(*i),
        (Amount::Exact(n), Value::Decimal(d)) => n == d.units(),
        (Amount::Double(a), Value::Double(b)) => {
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(f64::MIN_POSITIVE)
        }
        _ => false,
    }
}

/// A row as text, `customer="c-1" total=12`, of these columns.
pub(super) fn row_text(
    view: &RowView,
    row: &[Value],
    columns: impl Iterator<Item = usize>,
) -> String {
    let part = |at: usize| {
        let column = &view.columns[at];
        format!("{}={}", column.name, value_text(&column.shape, &row[at]))
    };
    columns.map(part).collect::<Vec<_>>().join(" ")
}

/// A group's columns as text.
pub(super) fn group_text(rollup: &Rollup, row: &[Value]) -> String {
    let part = |(column, value): (&model::Column, &Value)| {
        format!("{}={}", column.name, value_text(&column.shape, value))
    };
    rollup.group.iter().zip(row).map(part).collect::<Vec<_>>().join(" ")
}

/// A group's sums as text.
pub(super) fn amounts_text(rollup: &Rollup, amounts: &[Amount]) -> String {
    let part = |(measure, amount): (&model::Measure, &Amount)| {
        let text = match (amount, measure.kind) {
            (Amount::Exact(n), MeasureKind::Decimal(places)) => format!("{n}e-{places}"),
            (Amount::Exact(n), _) => n.to_string(),
            (Amount::Double(d), _) => d.to_string(),
        };
        format!("{}={text}", measure.name)
    };
    rollup.measures.iter().zip(amounts).map(part).collect::<Vec<_>>().join(" ")
}

/// The sums that were read.
pub(super) fn found_amounts(values: &[Value]) -> Vec<Amount> {
    let amount = |value: &Value| match value {
        Value::Int(i) => Amount::Exact(i128::from(*i)),
        Value::Decimal(d) => Amount::Exact(d.units()),
        Value::Double(d) => Amount::Double(*d),
        _ => Amount::Exact(0),
    };
    values.iter().map(amount).collect()
}

fn value_text(shape: &Shape, value: &Value) -> String {
    let mut out = Vec::new();
    shape.write_json(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}
