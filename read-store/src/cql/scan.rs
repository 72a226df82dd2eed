//! Stretches of a key's rows in their order: pages of views and rollups.
//!
//! A stretch after a row is read in steps, since one comparison of whole keys ignores mixed
//! directions: first what shares all of the row's place in the order but the last column, then all
//! but the last two, and so on. Every step is one slice of a partition. Buckets are read side by
//! side and merged.

use std::cmp::Ordering;

use futures::future::try_join_all;
use model::{Direction, Value};

use super::bound::{Bound, Values};
use super::database::{Cells, Database};
use super::error::Result;
use super::layout::{BUCKET, Layout};
use super::statement::{Select, Statement};
use super::table::big;
use super::value::{Codec, decode_sum};
use crate::query::Range;
use crate::store::{Cell, StoreError};

/// What is read of one key.
pub(super) struct Scan<'a> {
    /// One value per column of the key.
    pub(super) key: &'a [Value],
    /// Equality on leading columns of the declared order.
    pub(super) prefix: &'a [Value],
    /// A range on the column after those.
    pub(super) range: &'a Range,
    /// Whether the order is reversed.
    pub(super) reversed: bool,
    /// Values of all columns of the declared order, of the row to go on after.
    pub(super) after: Option<&'a [Value]>,
    /// Most rows.
    pub(super) limit: usize,
    /// Columns wanted beside those of the primary key, ascending; `None` = all.
    pub(super) columns: Option<&'a [usize]>,
}

/// One row. Of a rollup's cell the measures stay null: they are summed wider than they are shown.
pub(super) struct Found {
    pub(super) row: Vec<Value>,
    /// The sums of a cell.
    pub(super) cell: Option<Cell>,
}

/// The same in terms of the stored order; without the columns that stand still.
struct Stretch<'a> {
    equal: Vec<(usize, &'a Value)>,
    open: Vec<(usize, Direction)>,
    ranged: bool,
    after: Option<Vec<&'a Value>>,
}

/// A slice of a partition, as a statement and its values but for bucket and limit.
struct Step {
    statement: Statement,
    values: Vec<Bound>,
}

impl Scan<'_> {
    /// The rows of all buckets, in order.
    pub(super) async fn run(&self, on: &Database, layout: &Layout) -> Result<Vec<Found>> {
        let Some(stretch) = self.stretch(layout)? else { return Ok(Vec::new()) };
        let selected = self.selected(layout);
        let steps = self.steps(layout, &stretch, &selected)?;
        let buckets = 0..i32::try_from(layout.buckets).unwrap_or(i32::MAX);
        let reads = buckets.map(|bucket| self.bucket(on, layout, &selected, &steps, bucket));
        let mut found = try_join_all(reads).await?;
        if found.len() == 1 {
            return Ok(found.pop().unwrap_or_default());
        }
        let order: Vec<_> =
            layout.clustering.iter().map(|(at, way)| (*at, self.turned(*way))).collect();
        let mut rows: Vec<Found> = found.into_iter().flatten().collect();
        // Stable, so that the cells of a group stay together in their order.
        rows.sort_by(|one, two| compare(&order, &one.row, &two.row));
        rows.truncate(self.limit);
        Ok(rows)
    }

    /// What is asked, step by step.
    #[cfg(test)]
    pub(super) fn statements(&self, layout: &Layout) -> Result<Vec<Statement>> {
        let Some(stretch) = self.stretch(layout)? else { return Ok(Vec::new()) };
        let steps = self.steps(layout, &stretch, &self.selected(layout))?;
        Ok(steps.into_iter().map(|step| step.statement).collect())
    }

    /// The rows of one bucket.
    pub(super) async fn run_in(
        &self,
        on: &Database,
        layout: &Layout,
        bucket: i32,
    ) -> Result<Vec<Found>> {
        let Some(stretch) = self.stretch(layout)? else { return Ok(Vec::new()) };
        let selected = self.selected(layout);
        let steps = self.steps(layout, &stretch, &selected)?;
        self.bucket(on, layout, &selected, &steps, bucket).await
    }

    async fn bucket(
        &self,
        on: &Database,
        layout: &Layout,
        selected: &[usize],
        steps: &[Step],
        bucket: i32,
    ) -> Result<Vec<Found>> {
        let mut out = Vec::with_capacity(self.limit.min(256));
        for step in steps {
            if out.len() >= self.limit {
                break;
            }
            let mut values = step.values.clone();
            values.insert(layout.key.len(), Bound::Int(bucket));
            values.push(Bound::Int(i32::try_from(self.limit - out.len()).unwrap_or(i32::MAX)));
            let take = |cells: &Cells<'_>| {
                out.push(decode(layout, selected, cells)?);
                Ok(true)
            };
            on.read(&*on.prepared(&step.statement).await?, &Values(values), take).await?;
        }
        Ok(out)
    }

    /// `None` where a column that stands still within the key leaves nothing.
    fn stretch<'s>(&'s self, layout: &Layout) -> Result<Option<Stretch<'s>>> {
        self.check(layout)?;
        let ranged = self.range.lower.is_some() || self.range.upper.is_some();
        let mut stretch =
            Stretch { equal: Vec::new(), open: Vec::new(), ranged: false, after: None };
        let mut after = self.after.map(|_| Vec::new());
        for (nth, (at, way)) in layout.declared.iter().enumerate() {
            let stands = layout.key.iter().position(|key| key == at).map(|key| &self.key[key]);
            let in_range = nth == self.prefix.len() && ranged;
            match (self.prefix.get(nth), stands) {
                (Some(value), Some(stands)) if value != stands => return Ok(None),
                (None, Some(stands)) if in_range && !holds(self.range, stands) => return Ok(None),
                (_, Some(_)) => {}
                (Some(value), None) => stretch.equal.push((*at, value)),
                (None, None) => {
                    stretch.ranged |= in_range;
                    stretch.open.push((*at, *way));
                    if let (Some(after), Some(row)) = (&mut after, self.after) {
                        after.push(&row[nth]);
                    }
                }
            }
        }
        stretch.after = after;
        Ok(Some(stretch))
    }

    fn check(&self, layout: &Layout) -> Result<()> {
        let ranged = self.range.lower.is_some() || self.range.upper.is_some();
        let open = layout.declared.len().checked_sub(self.prefix.len());
        let fits = self.key.len() == layout.key.len()
            && open.is_some_and(|open| open > 0 || !ranged)
            && self.after.is_none_or(|after| after.len() == layout.declared.len());
        let known = |at: &usize| *at < layout.columns.len();
        if fits && self.columns.is_none_or(|columns| columns.iter().all(known)) {
            return Ok(());
        }
        Err(StoreError::Refused(format!("the page asked for does not fit {}", layout.table)))
    }

    fn selected(&self, layout: &Layout) -> Vec<usize> {
        let all = 0..layout.columns.len();
        let Some(columns) = self.columns.filter(|_| !layout.sums) else { return all.collect() };
        let primary = |at: &usize| {
            layout.key.contains(at) || layout.clustering.iter().any(|(sorted, _)| sorted == at)
        };
        all.filter(|at| columns.contains(at) || primary(at)).collect()
    }

    fn steps(
        &self,
        layout: &Layout,
        stretch: &Stretch<'_>,
        selected: &[usize],
    ) -> Result<Vec<Step>> {
        let Some(after) = &stretch.after else {
            return Ok(vec![self.step(layout, stretch, selected, None)?]);
        };
        let mut steps = Vec::with_capacity(after.len());
        for shared in (0..after.len()).rev() {
            // The row to go on after may come from elsewhere than this range.
            if shared > 0 && stretch.ranged && !holds(self.range, after[0]) {
                continue;
            }
            let place = Some((&after[..shared], after[shared]));
            steps.push(self.step(layout, stretch, selected, place)?);
        }
        Ok(steps)
    }

    fn step(
        &self,
        layout: &Layout,
        stretch: &Stretch<'_>,
        selected: &[usize],
        after: Option<(&[&Value], &Value)>,
    ) -> Result<Step> {
        let names = layout.selected(selected);
        let mut terms =
            Terms { layout, select: Select::new(&layout.table, &names), values: Vec::new() };
        for (at, value) in layout.key.iter().zip(self.key) {
            terms.compare(*at, "=", value)?;
        }
        // Bound for each bucket.
        terms.select.compare(BUCKET, "=");
        for (at, value) in &stretch.equal {
            terms.compare(*at, "=", value)?;
        }
        let shared = after.map_or(&[][..], |(shared, _)| shared);
        for ((at, _), value) in stretch.open.iter().zip(shared) {
            terms.compare(*at, "=", value)?;
        }
        if let Some((at, way)) = stretch.open.get(shared.len()) {
            let rising = self.turned(*way) == Direction::Ascending;
            let beyond = after.map(|(_, beyond)| beyond);
            let bounded = shared.is_empty() && stretch.ranged;
            let side = |bound| if bounded { bound } else { None };
            terms.side(*at, ">", side(self.range.lower.as_ref()), beyond.filter(|_| rising))?;
            terms.side(*at, "<", side(self.range.upper.as_ref()), beyond.filter(|_| !rising))?;
        }
        let Terms { mut select, values, .. } = terms;
        if let (true, Some((first, way))) = (self.reversed, layout.clustering.first()) {
            select = select.order(layout.name(*first), self.turned(*way));
        }
        Ok(Step { statement: select.limit(), values })
    }

    fn turned(&self, direction: Direction) -> Direction {
        match (direction, self.reversed) {
            (Direction::Ascending, false) | (Direction::Descending, true) => Direction::Ascending,
            (Direction::Descending, false) | (Direction::Ascending, true) => Direction::Descending,
        }
    }
}

/// Reads the columns of [`Layout::selected`].
pub(super) fn decode(layout: &Layout, selected: &[usize], cells: &Cells<'_>) -> Result<Found> {
    let mut row = vec![Value::Null; layout.columns.len()];
    let mut amounts = Vec::new();
    for (at, cell) in selected.iter().zip(cells) {
        match &layout.columns[*at].1 {
            Codec::Sum(kind) => amounts.push(decode_sum(*kind, *cell)?),
            codec => row[*at] = codec.decode(*cell)?,
        }
    }
    let cell = match layout.sums {
        false => None,
        true => Some(Cell { amounts, rows: big(cells, selected.len())? }),
    };
    Ok(Found { row, cell })
}

/// Conditions as they grow.
struct Terms<'l> {
    layout: &'l Layout,
    select: Select,
    values: Vec<Bound>,
}

impl Terms<'_> {
    fn compare(&mut self, at: usize, operator: &str, value: &Value) -> Result<()> {
        if *value == Value::Null {
            let name = self.layout.name(at);
            return Err(StoreError::Refused(format!("{name} can't be compared with null")));
        }
        self.values.push(self.layout.encode(at, value)?);
        self.select.compare(self.layout.name(at), operator);
        Ok(())
    }

    /// One side of a range: the tighter of its bound and the row to go on after, since CQL takes
    /// one condition to a side.
    fn side(
        &mut self,
        at: usize,
        operator: &str,
        bound: Option<&(Value, bool)>,
        beyond: Option<&Value>,
    ) -> Result<()> {
        match (bound, beyond) {
            (Some((bound, _)), Some(beyond)) if is_past(operator, beyond, bound) => {
                self.compare(at, operator, beyond)
            }
            (Some((bound, true)), _) => self.compare(at, &format!("{operator}="), bound),
            (Some((bound, false)), _) => self.compare(at, operator, bound),
            (None, Some(beyond)) => self.compare(at, operator, beyond),
            (None, None) => Ok(()),
        }
    }
}

/// Whether the range holds a value.
fn holds(range: &Range, value: &Value) -> bool {
    let within = |operator: &str, bound: &Option<(Value, bool)>| {
        bound.as_ref().is_none_or(|(bound, inclusive)| {
            (*inclusive && value == bound) || (value != bound && is_past(operator, value, bound))
        })
    };
    within(">", &range.lower) && within("<", &range.upper)
}

/// Whether a value of a key column is at or beyond another, upwards for `>`, else downwards.
fn is_past(operator: &str, one: &Value, two: &Value) -> bool {
    match order(one, two) {
        None => false,
        Some(order) if operator == ">" => order.is_ge(),
        Some(order) => order.is_le(),
    }
}

/// The order of a key column, as the database has it.
pub(super) fn order(one: &Value, two: &Value) -> Option<Ordering> {
    Some(match (one, two) {
        (Value::Bool(one), Value::Bool(two)) => one.cmp(two),
        (Value::Int(one), Value::Int(two)) | (Value::Timestamp(one), Value::Timestamp(two)) => {
            one.cmp(two)
        }
        (Value::Double(one), Value::Double(two)) => one.total_cmp(two),
        (Value::Text(one), Value::Text(two)) => one.cmp(two),
        (Value::Bytes(one), Value::Bytes(two)) => one.cmp(two),
        // Columns hold one number of places.
        (Value::Decimal(one), Value::Decimal(two)) => one.units().cmp(&two.units()),
        _ => return None,
    })
}

fn compare(columns: &[(usize, Direction)], one: &[Value], two: &[Value]) -> Ordering {
    for (at, direction) in columns {
        let order = order(&one[*at], &two[*at]).unwrap_or(Ordering::Equal);
        let order = match direction {
            Direction::Ascending => order,
            Direction::Descending => order.reverse(),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
