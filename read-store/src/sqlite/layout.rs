//! What views and rollups have in common as tables: typed columns under their own names and a
//! primary key in the declared order, so that every page is a stretch of the table itself.

use std::fmt::Write;

use model::{Column, Direction, Value};
use rusqlite::Statement;

use super::error::Result;
use super::table::quoted;
use super::value::Codec;

/// Columns and primary key of a table.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Name of the table, quoted.
    pub(super) table: String,
    /// Names, quoted, and codecs.
    pub(super) columns: Vec<(String, Codec)>,
    /// Partition key columns, ascending, then clustering columns.
    pub(super) primary: Vec<(usize, Direction)>,
    /// How many of them are the partition key.
    pub(super) key: usize,
    /// Rows that don't pass are as if they were not there.
    pub(super) filter: Option<&'static str>,
}

impl Layout {
    pub(super) fn new(
        table: &str,
        columns: &[Column],
        key: &[usize],
        clustering: &[(usize, Direction)],
    ) -> Layout {
        let mut primary: Vec<_> = key.iter().map(|at| (*at, Direction::Ascending)).collect();
        primary.extend_from_slice(clustering);
        let column = |(at, column): (usize, &Column)| {
            let sorts = primary.iter().any(|(sorted, _)| *sorted == at);
            (quoted(&column.name), Codec::of_column(column, sorts))
        };
        Layout {
            table: quoted(table),
            columns: columns.iter().enumerate().map(column).collect(),
            key: key.len(),
            filter: None,
            primary,
        }
    }

    /// `hidden` are definitions of further columns.
    pub(super) fn create(&self, hidden: &[&str]) -> String {
        let mut sql = format!("CREATE TABLE IF NOT EXISTS {} (", self.table);
        for (name, codec) in &self.columns {
            // Writing to a String can't fail.
            let _ = write!(sql, "{name}{}, ", codec.declared());
        }
        hidden.iter().for_each(|column| {
            let _ = write!(sql, "{column}, ");
        });
        let mut primary: Vec<String> = Vec::new();
        let mut named = Vec::new();
        for (at, direction) in &self.primary {
            // A column of the key that is sorted by too stands still within its partition.
            if !named.contains(at) {
                primary.push(format!("{} {}", self.columns[*at].0, keyword(*direction)));
                named.push(*at);
            }
        }
        let _ = write!(sql, "PRIMARY KEY ({})) WITHOUT ROWID", primary.join(", "));
        sql
    }

    /// `WHERE` over all primary key columns, numbered from `first`.
    pub(super) fn where_primary(&self, first: usize) -> String {
        let equal = |(nth, (at, _)): (usize, &(usize, Direction))| {
            format!("{} = ?{}", self.columns[*at].0, first + nth)
        };
        let terms: Vec<String> = self.primary.iter().enumerate().map(equal).collect();
        format!("WHERE {}", terms.join(" AND "))
    }

    /// Binds the primary key of a row from parameter `first` on.
    pub(super) fn bind_primary(
        &self,
        statement: &mut Statement<'_>,
        first: usize,
        row: &[Value],
    ) -> Result<()> {
        for (nth, (at, _)) in self.primary.iter().enumerate() {
            statement.raw_bind_parameter(first + nth, self.columns[*at].1.encode(&row[*at])?)?;
        }
        Ok(())
    }
}

pub(super) fn keyword(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
