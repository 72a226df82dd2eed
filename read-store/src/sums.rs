//! Decimals and sums of measures in either database: how they add up, and what of them can be
//! shown.

use model::rows::Amount;
use model::{Decimal, MeasureKind, Value};

use crate::store::{Cell, StoreError, damaged};

type Result<T> = std::result::Result<T, StoreError>;

/// Adds to a cell; what it cannot hold is refused.
pub(crate) fn add(cell: &mut Cell, amounts: &[Amount], rows: i64) -> Result<()> {
    for (sum, amount) in cell.amounts.iter_mut().zip(amounts) {
        *sum = sum_of(*sum, *amount)?;
    }
    cell.rows = cell.rows.checked_add(rows).ok_or_else(overflow)?;
    Ok(())
}

fn sum_of(one: Amount, two: Amount) -> Result<Amount> {
    match (one, two) {
        (Amount::Exact(one), Amount::Exact(two)) => {
            one.checked_add(two).map(Amount::Exact).ok_or_else(overflow)
        }
        (Amount::Double(one), Amount::Double(two)) if (one + two).is_finite() => {
            Ok(Amount::Double(one + two))
        }
        _ => Err(overflow()),
    }
}

fn overflow() -> StoreError {
    StoreError::Refused("a sum passes what can be held".into())
}

/// A sum is held wider than it can be shown.
pub(crate) fn show_sum(kind: MeasureKind, sum: Amount) -> Result<Value> {
    match (kind, sum) {
        (_, Amount::Double(sum)) => Some(Value::Double(sum)),
        (MeasureKind::Decimal(places), Amount::Exact(sum)) => {
            Decimal::new(sum, places).map(Value::Decimal)
        }
        (_, Amount::Exact(sum)) => i64::try_from(sum).ok().map(Value::Int),
    }
    .ok_or_else(|| StoreError::Refused("a sum is too large to be shown".into()))
}

pub(crate) fn show_decimal(units: Option<i128>, scale: u8) -> Result<Value> {
    units
        .and_then(|units| Decimal::new(units, scale))
        .map(Value::Decimal)
        .ok_or_else(|| damaged("a decimal"))
}

/// Columns hold one number of places: a decimal of another would order wrongly, or be another key.
pub(crate) fn units_of(value: Decimal, scale: u8) -> Result<i128> {
    if value.places() == scale {
        return Ok(value.units());
    }
    Err(StoreError::Refused(format!(
        "a decimal has {} places where the column has {scale}",
        value.places()
    )))
}
