//! What views and rollups have in common as tables: typed columns under their own names, a
//! partition per key and bucket, clustered in the declared order.

use model::{Column, Direction, Value};

use super::bound::Bound;
use super::error::Result;
use super::statement::{Statement, Table, create_table, quoted};
use super::value::Codec;
use crate::store::StoreError;

/// Says which part of a key's rows a partition holds. It also keeps a lone empty text from being
/// the whole partition key, which CQL refuses.
pub(super) const BUCKET: &str = "\"$bucket\"";

/// How many contributions are in a cell.
pub(super) const ROWS: &str = "\"$rows\"";

/// Columns and primary key of a table.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Name of the table, quoted.
    pub(super) table: String,
    /// Names, quoted, and codecs.
    pub(super) columns: Vec<(String, Codec)>,
    /// The columns of the partition key, before the bucket.
    pub(super) key: Vec<usize>,
    /// The order as declared.
    pub(super) declared: Vec<(usize, Direction)>,
    /// The order as stored: without columns that stand still within a partition.
    pub(super) clustering: Vec<(usize, Direction)>,
    /// How many partitions a key has.
    pub(super) buckets: u32,
    /// Whether the rows are cells of a rollup, whose measures are sums.
    pub(super) sums: bool,
}

impl Layout {
    pub(super) fn new(
        table: &str,
        columns: &[Column],
        key: &[usize],
        declared: &[(usize, Direction)],
        buckets: u32,
    ) -> Layout {
        let columns = columns.iter().map(|column| (quoted(&column.name), Codec::of_column(column)));
        let mut clustering: Vec<(usize, Direction)> = Vec::new();
        for (at, direction) in declared {
            if !key.contains(at) && clustering.iter().all(|(known, _)| known != at) {
                clustering.push((*at, *direction));
            }
        }
        Layout {
            table: quoted(table),
            columns: columns.collect(),
            key: key.to_vec(),
            declared: declared.to_vec(),
            clustering,
            buckets: buckets.max(1),
            sums: false,
        }
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.columns[at].0
    }

    /// Names of these columns, and of the count that a cell has beside them.
    pub(super) fn selected(&self, columns: &[usize]) -> Vec<&str> {
        let count = self.sums.then_some(ROWS);
        columns.iter().map(|at| self.name(*at)).chain(count).collect()
    }

    /// Names of the partition key's columns.
    pub(super) fn partition(&self) -> Vec<&str> {
        self.key.iter().map(|at| self.name(*at)).chain([BUCKET]).collect()
    }

    /// Names of all columns of the primary key, without hidden ones behind it.
    pub(super) fn primary(&self) -> Vec<&str> {
        let clustering = self.clustering.iter().map(|(at, _)| self.name(*at));
        self.partition().into_iter().chain(clustering).collect()
    }

    /// `last` are hidden columns at the end of the order, `hidden` all hidden columns.
    pub(super) fn create(&self, last: &[&str], hidden: &[(&str, &str)]) -> Statement {
        let own = self.columns.iter().map(|(name, codec)| (name.as_str(), codec.declared()));
        let clustering = self.clustering.iter().map(|(at, way)| (self.name(*at), *way));
        create_table(&Table {
            name: &self.table,
            columns: own.chain([(BUCKET, "int")]).chain(hidden.iter().copied()).collect(),
            partition: self.partition(),
            clustering: clustering
                .chain(last.iter().map(|name| (*name, Direction::Ascending)))
                .collect(),
        })
    }

    /// The columns of a row's partition, encoded.
    pub(super) fn partition_of(&self, row: &[Value]) -> Result<Vec<Bound>> {
        let mut bound = self.encode_all(self.key.iter().map(|at| (*at, &row[*at])))?;
        bound.push(Bound::Int(self.bucket_of(row)?));
        Ok(bound)
    }

    /// The columns of a row's primary key, encoded.
    pub(super) fn primary_of(&self, row: &[Value]) -> Result<Vec<Bound>> {
        let mut bound = self.partition_of(row)?;
        let clustering = self.clustering.iter().map(|(at, _)| (*at, &row[*at]));
        bound.extend(self.encode_all(clustering)?);
        Ok(bound)
    }

    pub(super) fn encode(&self, at: usize, value: &Value) -> Result<Bound> {
        self.columns[at].1.encode(value)
    }

    fn encode_all<'v>(
        &self,
        values: impl Iterator<Item = (usize, &'v Value)>,
    ) -> Result<Vec<Bound>> {
        values.map(|(at, value)| self.encode(at, value)).collect()
    }

    /// A row's bucket: by its place in the order, which every row can tell.
    pub(super) fn bucket_of(&self, row: &[Value]) -> Result<i32> {
        if self.buckets == 1 {
            return Ok(0);
        }
        let mut hash = Hash::default();
        for (at, _) in &self.clustering {
            hash.add(&self.encode(*at, &row[*at])?);
        }
        let bucket = hash.finish() % u64::from(self.buckets);
        Ok(i32::try_from(bucket).unwrap_or(i32::MAX))
    }

    /// What is equal for rows of one partition.
    pub(super) fn place(&self, partition: &[Bound]) -> u64 {
        place(&self.table, partition)
    }

    /// A null in the primary key can't be.
    pub(super) fn check(&self, row: &[Value]) -> Result<()> {
        let primary = || self.key.iter().chain(self.clustering.iter().map(|(at, _)| at));
        if row.len() == self.columns.len() && primary().all(|at| row[*at] != Value::Null) {
            return Ok(());
        }
        let table = &self.table;
        Err(StoreError::Refused(format!("a row does not fit {table}: a column of its key lacks")))
    }
}

/// What is equal for writes into one partition of one table.
pub(super) fn place(table: &str, partition: &[Bound]) -> u64 {
    let mut hash = Hash::default();
    hash.bytes(table.as_bytes());
    partition.iter().for_each(|value| hash.add(value));
    hash.finish()
}

/// FNV-1a, the same for ever: rows are found by it.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Hash {
        Hash(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn add(&mut self, value: &Bound) {
        value.with_bytes(|bytes| {
            let bytes = bytes.unwrap_or_default();
            self.bytes(&(bytes.len() as u64).to_be_bytes());
            self.bytes(bytes);
        });
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The low bits of FNV are weak; the high ones are folded in.
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
