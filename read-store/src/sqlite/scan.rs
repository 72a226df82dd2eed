//! Stretches of a table in its own order: pages of views, rollups, and whole tables.
//!
//! A stretch after a row is read in steps, since one comparison of whole keys ignores mixed
//! directions: first what shares all of the row's key but the last column, then all but the last
//! two, and so on. Every step is one range of the primary key, so nothing is ever sorted.

use std::fmt::Write;

use model::{Direction, Value};
use rusqlite::Connection;

use super::error::Result;
use super::layout::{Layout, keyword};
use crate::query::Range;
use crate::store::StoreError;

/// What is read, in terms of the primary key.
pub(super) struct Scan<'a> {
    /// Equality on leading columns.
    pub(super) equal: Vec<&'a Value>,
    /// A range on the column after those.
    pub(super) range: &'a Range,
    /// Whether the order is reversed.
    pub(super) reversed: bool,
    /// Values of the columns after those of `equal`, of the row to go on after.
    pub(super) after: Option<Vec<&'a Value>>,
    /// Most rows.
    pub(super) limit: usize,
    /// Columns wanted beside those of the primary key, ascending; `None` = all.
    pub(super) columns: Option<&'a [usize]>,
}

impl Scan<'_> {
    pub(super) fn run(&self, on: &Connection, layout: &Layout) -> Result<Vec<Vec<Value>>> {
        self.check(layout)?;
        let selected = self.selected(layout);
        let mut out = Vec::with_capacity(self.limit.min(256));
        let Some(after) = &self.after else {
            self.step(on, layout, &selected, None, &mut out)?;
            return Ok(out);
        };
        for shared in (0..after.len()).rev() {
            if out.len() >= self.limit {
                break;
            }
            self.step(on, layout, &selected, Some((&after[..shared], after[shared])), &mut out)?;
        }
        Ok(out)
    }

    fn check(&self, layout: &Layout) -> Result<()> {
        let open = layout.primary.len().checked_sub(self.equal.len());
        let ranged = self.range.lower.is_some() || self.range.upper.is_some();
        let fits = open.is_some_and(|open| {
            self.after.as_ref().is_none_or(|after| after.len() == open) && (open > 0 || !ranged)
        });
        let known = |at: &usize| *at < layout.columns.len();
        if fits && self.columns.is_none_or(|columns| columns.iter().all(known)) {
            return Ok(());
        }
        Err(StoreError::Refused(format!("the page asked for does not fit {}", layout.table)))
    }

    fn selected(&self, layout: &Layout) -> Vec<usize> {
        let all = 0..layout.columns.len();
        match self.columns {
            None => all.collect(),
            Some(columns) => {
                let in_key = |at: &usize| layout.primary.iter().any(|(key, _)| key == at);
                all.filter(|at| columns.contains(at) || in_key(at)).collect()
            }
        }
    }

    fn step(
        &self,
        on: &Connection,
        layout: &Layout,
        selected: &[usize],
        after: Option<(&[&Value], &Value)>,
        out: &mut Vec<Vec<Value>>,
    ) -> Result<()> {
        if after.is_some_and(|(shared, _)| shared.first().is_some_and(|first| !self.holds(first))) {
            return Ok(());
        }
        let (sql, bound) = self.statement(layout, selected, after);
        let mut statement = on.prepare_cached(&sql)?;
        for (nth, (at, value)) in bound.iter().enumerate() {
            statement.raw_bind_parameter(nth + 1, layout.columns[*at].1.encode(value)?)?;
        }
        let limit = i64::try_from(self.limit - out.len()).unwrap_or(i64::MAX);
        statement.raw_bind_parameter(bound.len() + 1, limit)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let mut values = vec![Value::Null; layout.columns.len()];
            for (nth, at) in selected.iter().enumerate() {
                values[*at] = layout.columns[*at].1.decode(row.get_ref(nth)?)?;
            }
            out.push(values);
        }
        Ok(())
    }

    /// Whether the range holds a value.
    fn holds(&self, value: &Value) -> bool {
        let within = |operator: &str, bound: &Option<(Value, bool)>| {
            bound.as_ref().is_none_or(|(bound, inclusive)| {
                (*inclusive && value == bound)
                    || (value != bound && is_past(operator, value, bound))
            })
        };
        within(">", &self.range.lower) && within("<", &self.range.upper)
    }

    /// The text of one step and its parameters, each with the column that it is compared with.
    fn statement<'s>(
        &'s self,
        layout: &Layout,
        selected: &[usize],
        after: Option<(&[&'s Value], &'s Value)>,
    ) -> (String, Vec<(usize, &'s Value)>) {
        let mut terms = Terms { layout, sql: select(layout, selected), bound: Vec::new() };
        let fixed = self.equal.len();
        for (nth, value) in self.equal.iter().enumerate() {
            terms.compare(nth, "=", value);
        }
        let mut first_open = fixed;
        match after {
            // The row to go on after was in the range, and what shares its value is too.
            Some((shared, beyond)) if !shared.is_empty() => {
                for (nth, value) in shared.iter().enumerate() {
                    terms.compare(fixed + nth, "=", value);
                }
                first_open += shared.len();
                let rising = self.direction(layout, first_open) == Direction::Ascending;
                terms.compare(first_open, if rising { ">" } else { "<" }, beyond);
            }
            _ => {
                let rising =
                    after.is_some() && self.direction(layout, fixed) == Direction::Ascending;
                let falling = after.is_some() && !rising;
                let beyond = after.map(|(_, beyond)| beyond);
                let range = self.range;
                terms.bound(fixed, ">", &range.lower, beyond.filter(|_| rising));
                terms.bound(fixed, "<", &range.upper, beyond.filter(|_| falling));
            }
        }
        if let Some(filter) = layout.filter {
            terms.and();
            terms.sql.push_str(filter);
        }
        self.order(layout, first_open, &mut terms.sql);
        // Writing to a String can't fail.
        let _ = write!(terms.sql, " LIMIT ?{}", terms.bound.len() + 1);
        (terms.sql, terms.bound)
    }

    fn order(&self, layout: &Layout, first_open: usize, sql: &mut String) {
        for nth in first_open..layout.primary.len() {
            sql.push_str(if nth == first_open { " ORDER BY " } else { ", " });
            sql.push_str(&layout.columns[layout.primary[nth].0].0);
            sql.push(' ');
            sql.push_str(keyword(self.direction(layout, nth)));
        }
    }

    fn direction(&self, layout: &Layout, nth: usize) -> Direction {
        match (layout.primary[nth].1, self.reversed) {
            (Direction::Ascending, false) | (Direction::Descending, true) => Direction::Ascending,
            (Direction::Descending, false) | (Direction::Ascending, true) => Direction::Descending,
        }
    }
}

fn select(layout: &Layout, selected: &[usize]) -> String {
    let mut sql = String::with_capacity(512);
    sql.push_str("SELECT ");
    for (nth, at) in selected.iter().enumerate() {
        if nth > 0 {
            sql.push_str(", ");
        }
        sql.push_str(&layout.columns[*at].0);
    }
    sql.push_str(" FROM ");
    sql.push_str(&layout.table);
    sql
}

/// Whether a value of a key column is at or beyond another, upwards for `>`, else downwards.
fn is_past(operator: &str, one: &Value, two: &Value) -> bool {
    let order = match (one, two) {
        (Value::Bool(one), Value::Bool(two)) => one.cmp(two),
        (Value::Int(one), Value::Int(two)) => one.cmp(two),
        (Value::Timestamp(one), Value::Timestamp(two)) => one.cmp(two),
        (Value::Text(one), Value::Text(two)) => one.cmp(two),
        // Columns hold one number of places.
        (Value::Decimal(one), Value::Decimal(two)) => one.units().cmp(&two.units()),
        _ => return false,
    };
    if operator == ">" { order.is_ge() } else { order.is_le() }
}

/// A `WHERE` as it grows.
struct Terms<'l, 's> {
    layout: &'l Layout,
    sql: String,
    bound: Vec<(usize, &'s Value)>,
}

impl<'s> Terms<'_, 's> {
    fn and(&mut self) {
        self.sql.push_str(if self.bound.is_empty() { " WHERE " } else { " AND " });
    }

    /// One side of a range: the tighter of its bound and the row to go on after, since SQLite
    /// would search by one of two and walk over all that the other excludes.
    fn bound(
        &mut self,
        nth: usize,
        operator: &str,
        bound: &'s Option<(Value, bool)>,
        beyond: Option<&'s Value>,
    ) {
        match (bound, beyond) {
            (Some((bound, _)), Some(beyond)) if is_past(operator, beyond, bound) => {
                self.compare(nth, operator, beyond);
            }
            (Some((bound, true)), _) => self.compare(nth, &format!("{operator}="), bound),
            (Some((bound, false)), _) => self.compare(nth, operator, bound),
            (None, Some(beyond)) => self.compare(nth, operator, beyond),
            (None, None) => {}
        }
    }

    /// Compares the `nth` column of the primary key.
    fn compare(&mut self, nth: usize, operator: &str, value: &'s Value) {
        self.and();
        let at = self.layout.primary[nth].0;
        self.bound.push((at, value));
        let (name, number) = (&self.layout.columns[at].0, self.bound.len());
        // Writing to a String can't fail.
        let _ = write!(self.sql, "{name} {operator} ?{number}");
    }
}

#[cfg(test)]
mod tests;
