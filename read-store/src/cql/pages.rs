//! Pages of views and rollups, and walks over whole tables.
//!
//! A group of a rollup is the sum of its cells, one for each source partition, which follow each
//! other in the table. The last group of a stretch may lack cells, so it is read again.

use model::{MeasureKind, Value};

use super::bound::{Bound, Values};
use super::database::{Cells, Database};
use super::error::Result;
use super::layout::Layout;
use super::scan::{Found, Scan, decode};
use super::shared::ViewOrRollup;
use super::statement::Select;
use super::table::rollup::RollupTable;
use crate::query::{Page, PageRequest, Range};
use crate::store::{Cell, StoreError};
use crate::sums::{add, show_sum};

/// Most cells that are read at once.
const MOST_CELLS: usize = 20_000;

/// A page of a key; `sources` says how many partitions feed the table, about.
pub(super) async fn page(
    on: &Database,
    table: &ViewOrRollup,
    request: &PageRequest,
    sources: usize,
) -> Result<Page> {
    let wanted = request.limit.saturating_add(1);
    let mut rows = match table {
        ViewOrRollup::View(table) => {
            let scan = scan(request, request.after.as_deref(), wanted);
            scan.run(on, &table.layout).await?.into_iter().map(|found| found.row).collect()
        }
        ViewOrRollup::Rollup(table) => {
            let mut groups = Groups::new(table, wanted, sources);
            let mut after = request.after.clone();
            while groups.wants_more() {
                let found =
                    scan(request, after.as_deref(), groups.ask).run(on, &table.layout).await?;
                if let Some(last) = groups.take(found)? {
                    after = Some(declared(&table.layout, &last));
                }
            }
            groups.rows
        }
    };
    let more = rows.len() > request.limit;
    rows.truncate(request.limit);
    Ok(Page { rows, more })
}

fn scan<'a>(request: &'a PageRequest, after: Option<&'a [Value]>, limit: usize) -> Scan<'a> {
    Scan {
        key: &request.key,
        prefix: &request.prefix,
        range: &request.range,
        reversed: request.reversed,
        after,
        limit,
        columns: request.columns.as_deref(),
    }
}

fn declared(layout: &Layout, row: &[Value]) -> Vec<Value> {
    layout.declared.iter().map(|(at, _)| row[*at].clone()).collect()
}

/// Rows of a whole table, partition after partition in the order of tokens.
pub(super) async fn walk(
    on: &Database,
    table: &ViewOrRollup,
    after: Option<&[Value]>,
    limit: usize,
    sources: usize,
) -> Result<Vec<Vec<Value>>> {
    let layout = table.layout();
    if after.is_some_and(|row| row.len() != layout.columns.len()) {
        return Err(StoreError::Refused("a scan goes on after a whole row".into()));
    }
    match table {
        ViewOrRollup::View(_) => {
            let found = stretch(on, layout, after, limit).await?;
            Ok(found.into_iter().map(|found| found.row).collect())
        }
        ViewOrRollup::Rollup(table) => {
            let mut groups = Groups::new(table, limit, sources);
            let mut after = after.map(<[Value]>::to_vec);
            while groups.wants_more() {
                let found = stretch(on, layout, after.as_deref(), groups.ask).await?;
                if let Some(last) = groups.take(found)? {
                    after = Some(last);
                }
            }
            groups.rows.truncate(limit);
            Ok(groups.rows)
        }
    }
}

/// The rest of a row's partition, then the partitions behind it.
async fn stretch(
    on: &Database,
    layout: &Layout,
    after: Option<&[Value]>,
    limit: usize,
) -> Result<Vec<Found>> {
    let mut out = Vec::new();
    let all: Vec<usize> = (0..layout.columns.len()).collect();
    let mut select = Select::new(&layout.table, &layout.selected(&all));
    let mut values = Vec::new();
    if let Some(row) = after {
        out = rest_of_partition(on, layout, row, limit).await?;
        select = select.after_token(&layout.partition());
        values = layout.partition_of(row)?;
    }
    if out.len() < limit {
        values.push(Bound::Int(i32::try_from(limit - out.len()).unwrap_or(i32::MAX)));
        let take = |cells: &Cells<'_>| {
            out.push(decode(layout, &all, cells)?);
            Ok(true)
        };
        on.read(&*on.prepared(&select.limit()).await?, &Values(values), take).await?;
    }
    Ok(out)
}

async fn rest_of_partition(
    on: &Database,
    layout: &Layout,
    row: &[Value],
    limit: usize,
) -> Result<Vec<Found>> {
    let key: Vec<Value> = layout.key.iter().map(|at| row[*at].clone()).collect();
    let after = declared(layout, row);
    let scan = Scan {
        key: &key,
        prefix: &[],
        range: &Range::default(),
        reversed: false,
        after: Some(&after),
        limit,
        columns: None,
    };
    scan.run_in(on, layout, layout.bucket_of(row)?).await
}

/// Groups as they are put together.
struct Groups<'t> {
    table: &'t RollupTable,
    wanted: usize,
    /// How many cells to ask for next.
    ask: usize,
    rows: Vec<Vec<Value>>,
    ended: bool,
}

impl<'t> Groups<'t> {
    fn new(table: &'t RollupTable, wanted: usize, sources: usize) -> Groups<'t> {
        let ask = wanted.saturating_add(1).saturating_mul(sources.max(1)).min(MOST_CELLS);
        Groups { table, wanted, ask, rows: Vec::new(), ended: false }
    }

    fn wants_more(&self) -> bool {
        !self.ended && self.rows.len() < self.wanted
    }

    /// Takes cells in order; the last group that is whole, to go on after.
    fn take(&mut self, found: Vec<Found>) -> Result<Option<Vec<Value>>> {
        self.ended = found.len() < self.ask;
        let mut groups: Vec<(Vec<Value>, Cell)> = Vec::new();
        for Found { row, cell } in found {
            let Some(cell) = cell else { continue };
            match groups.last_mut() {
                Some((group, sum)) if *group == row => add(sum, &cell.amounts, cell.rows)?,
                _ => groups.push((row, cell)),
            }
        }
        if !self.ended {
            groups.pop();
            if groups.is_empty() {
                // One group has more cells than were asked for.
                self.ask = self.ask.saturating_mul(2);
                return Ok(None);
            }
        }
        let last = groups.last().map(|(group, _)| group.clone());
        for (mut row, cell) in groups.into_iter().filter(|(_, cell)| cell.rows != 0) {
            let kinds: &[MeasureKind] = &self.table.kinds;
            for (at, (kind, sum)) in kinds.iter().zip(&cell.amounts).enumerate() {
                row[self.table.groups + at] = show_sum(*kind, *sum)?;
            }
            self.rows.push(row);
        }
        Ok(last)
    }
}
