//! `rollup_<name>_<hex>`: the groups of a rollup, one typed column per group column and measure.
//!
//! Partition key: the rollup's key and `$bucket`; clustering: its other group columns, then the
//! source partition (`$topic`, `$number`), so that each partition of the log has cells of its own
//! and no two projectors add to one. Hidden: `$rows`, how many contributions are in the sums, and
//! `$offset`, of the last one. A cell is never deleted; groups whose counts sum to 0 are left out.

use model::rows::Amount;
use model::{MeasureKind, Rollup, Value};

use super::super::bound::{Bound, Values};
use super::super::database::{Cells, Database, Lazy, Write};
use super::super::error::Result;
use super::super::layout::{BUCKET, Layout, ROWS};
use super::super::statement::{Select, Statement, insert, quoted};
use super::super::value::{Codec, decode_sum, encode_sum};
use super::big;
use crate::batch::CellWrite;
use crate::position::PartitionKey;
use crate::store::{Cell, StoreError};

const OFFSET: &str = "\"$offset\"";
const SOURCE: [&str; 2] = ["\"$topic\"", "\"$number\""];

/// The statements on one rollup's table.
#[derive(Debug)]
pub(in crate::cql) struct RollupTable {
    /// Group columns, then measures.
    pub(in crate::cql) layout: Layout,
    pub(in crate::cql) kinds: Vec<MeasureKind>,
    pub(in crate::cql) groups: usize,
    pub(in crate::cql) get: Lazy,
    pub(in crate::cql) put: Lazy,
}

/// A cell and the offset of the last contribution that is in it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cql) struct StoredCell {
    pub(in crate::cql) cell: Cell,
    pub(in crate::cql) offset: i64,
}

impl RollupTable {
    pub(in crate::cql) fn new(name: &str, rollup: &Rollup, buckets: u32) -> RollupTable {
        let mut layout = Layout::new(name, &rollup.group, &rollup.key, &rollup.clustering, buckets);
        let groups = layout.columns.len();
        layout.sums = true;
        let sums = rollup.measures.iter();
        layout.columns.extend(sums.map(|sum| (quoted(&sum.name), Codec::Sum(sum.kind))));
        let names: Vec<&str> = layout.columns.iter().map(|(name, _)| name.as_str()).collect();
        let all: Vec<&str> =
            names.iter().copied().chain([BUCKET]).chain(SOURCE).chain([ROWS, OFFSET]).collect();
        let sums: Vec<&str> = names[groups..].iter().copied().chain([ROWS, OFFSET]).collect();
        let mut get = Select::new(&layout.table, &sums);
        layout.primary().into_iter().chain(SOURCE).for_each(|column| get.compare(column, "="));
        RollupTable {
            kinds: rollup.measures.iter().map(|measure| measure.kind).collect(),
            groups,
            get: Lazy::new(get.all()),
            put: Lazy::new(insert(&layout.table, &all)),
            layout,
        }
    }

    pub(in crate::cql) fn create(&self) -> Statement {
        let [topic, number] = SOURCE;
        let hidden = [(topic, "text"), (number, "bigint"), (ROWS, "bigint"), (OFFSET, "bigint")];
        self.layout.create(&SOURCE, &hidden)
    }

    pub(in crate::cql) fn check(&self, write: &CellWrite) -> Result<()> {
        let complete = write.group.len() == self.groups
            && write.add.len() == self.kinds.len()
            && !write.group.contains(&Value::Null);
        if complete {
            return Ok(());
        }
        let table = &self.layout.table;
        Err(StoreError::Refused(format!("a cell does not fit {table}")))
    }

    /// What a cell is asked for with.
    pub(in crate::cql) fn key(&self, group: &[Value], source: &PartitionKey) -> Result<Values> {
        let mut values = self.layout.primary_of(group)?;
        values.extend([Bound::Text(source.0.clone()), Bound::Big(source.1.into())]);
        Ok(Values(values))
    }

    pub(in crate::cql) async fn get(
        &self,
        database: &Database,
        key: &Values,
    ) -> Result<Option<StoredCell>> {
        database.read_one(self.get.get(database).await?, key, |cells| self.decode(cells)).await
    }

    fn decode(&self, cells: &Cells<'_>) -> Result<StoredCell> {
        let amounts = self.kinds.iter().zip(cells).map(|(kind, cell)| decode_sum(*kind, *cell));
        let amounts: Vec<Amount> = amounts.collect::<Result<_>>()?;
        let rows = big(cells, self.kinds.len())?;
        Ok(StoredCell { cell: Cell { amounts, rows }, offset: big(cells, self.kinds.len() + 1)? })
    }

    pub(in crate::cql) async fn put(
        &self,
        database: &Database,
        group: &[Value],
        source: &PartitionKey,
        stored: &StoredCell,
    ) -> Result<Write> {
        let partition = self.layout.partition_of(group)?;
        let place = self.layout.place(&partition);
        let mut values = Vec::with_capacity(self.layout.columns.len() + 6);
        for (at, value) in group.iter().enumerate() {
            values.push(self.layout.encode(at, value)?);
        }
        for (kind, amount) in self.kinds.iter().zip(&stored.cell.amounts) {
            values.push(encode_sum(*kind, *amount)?);
        }
        values.extend(partition.into_iter().next_back());
        values.extend([
            Bound::Text(source.0.clone()),
            Bound::Big(source.1.into()),
            Bound::Big(stored.cell.rows),
            Bound::Big(stored.offset),
            Bound::Big(stored.offset),
        ]);
        Write::new(self.put.get(database).await?, Values(values), place)
    }
}
