//! The tables that every keyspace has, made and brought up to date.
//!
//! The tables of runs and views are named by what defines them, so a changed one is another table.
//! These stay: a column that was added to one since it was made is added at the next start, before
//! anything is read. So columns may be added to their definitions, at the end, and what was written
//! before has none in them; they may not be renamed, dropped, or join a primary key.

use std::collections::HashSet;

use super::database::Database;
use super::error::Result;
use super::statement::{Table, add_column, create_table};
use super::table::{catalog, marks, parked};
use crate::store::StoreError;

/// The columns of all tables of a keyspace.
pub(super) const COLUMNS: &str =
    "SELECT table_name, column_name FROM system_schema.columns WHERE keyspace_name = ?";

/// Names of tables, each with one of its columns.
type Found = HashSet<(String, String)>;

fn all() -> [Table<'static>; 3] {
    [catalog::table(), marks::table(), parked::table()]
}

/// Makes the tables that are missing, and adds the columns that those lack that are there. Any
/// number of processes may do so at the same time.
pub(super) async fn make(database: &Database) -> Result<()> {
    let found = columns(database).await?;
    for table in all() {
        if !is_there(&table, &found) {
            database.define(&create_table(&table)).await?;
            continue;
        }
        for (column, kind) in lacking(&table, &found) {
            add(database, &table, column, kind).await?;
        }
    }
    Ok(())
}

/// Whether all tables are there. Those that an older version made, and no service of this one has
/// brought up to date, can't be read.
pub(super) async fn are_there(database: &Database) -> Result<bool> {
    let found = columns(database).await?;
    if !all().iter().all(|table| is_there(table, &found)) {
        return Ok(false);
    }
    let lacks = |table: &Table<'static>| Some((table.name, lacking(table, &found).first()?.0));
    match all().iter().find_map(lacks) {
        None => Ok(true),
        Some((table, column)) => Err(StoreError::Refused(format!(
            "table {table} of keyspace {} lacks column {column}, since an older version made it: a \
             service of this version adds it when it starts",
            database.keyspace
        ))),
    }
}

async fn add(database: &Database, table: &Table<'_>, column: &str, kind: &str) -> Result<()> {
    if table.is_key(column) {
        return Err(StoreError::Refused(format!(
            "table {} of keyspace {} has no column {column} in its primary key, where none can be \
             added: take another keyspace, which is filled from the log",
            table.name, database.keyspace
        )));
    }
    let added = database.define(&add_column(table.name, column, kind)).await;
    // Another process may have been faster, and then the database refuses.
    if added.is_err() && lacking(table, &columns(database).await?).contains(&(column, kind)) {
        return added;
    }
    tracing::info!(table = table.name, column, "a table has a new column");
    Ok(())
}

async fn columns(database: &Database) -> Result<Found> {
    let found = database.session.query_unpaged(COLUMNS, (&database.keyspace,)).await?;
    let rows = found.into_rows_result()?;
    rows.rows::<(String, String)>()?.map(|row| Ok(row?)).collect()
}

fn is_there(table: &Table<'_>, found: &Found) -> bool {
    found.iter().any(|(name, _)| name == table.name)
}

/// The columns of a definition that its table does not have, in their order.
fn lacking<'t>(table: &Table<'t>, found: &Found) -> Vec<(&'t str, &'t str)> {
    let lacks = |column: &str| !found.contains(&(table.name.to_owned(), column.to_owned()));
    table.columns.iter().copied().filter(|(column, _)| lacks(column)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(table: &str, columns: &[&str]) -> Found {
        columns.iter().map(|column| (table.to_owned(), (*column).to_owned())).collect()
    }

    #[test]
    fn what_a_table_lacks_is_told_in_the_order_of_its_definition() {
        let table = parked::table();
        let old = ["owner", "id", "offset", "aggregate", "version", "reason"];
        let mut found = found("parked", &old);
        assert_eq!(lacking(&table, &found), [("topic", "text"), ("number", "bigint")]);
        // The same columns of another table are not these.
        found.insert(("marks".to_owned(), "topic".to_owned()));
        assert_eq!(lacking(&table, &found).len(), 2);
        found.insert(("parked".to_owned(), "topic".to_owned()));
        assert_eq!(lacking(&table, &found), [("number", "bigint")]);
    }

    #[test]
    fn columns_of_a_primary_key_are_known() {
        let is_key = |column: &str| marks::table().is_key(column);
        assert!(["one", "run", "number"].into_iter().all(is_key));
        assert!(!is_key("waits"));
    }
}
