//! The one place where CQL is written.
//!
//! Both ScyllaDB and Apache Cassandra accept every statement made here. A write outside the catalog
//! can't be made without `USING TIMESTAMP`, which is bound to the offset of the event that causes
//! it: so a write that comes late or twice changes nothing. Only the catalog has conditions.

use std::fmt::Write;
use std::time::Duration;

use model::Direction;

/// Gossip, repair and hints must be done within this.
const GC_GRACE_SECONDS: u32 = 86_400;

/// A writer that stood still for longer begins anew: deletes that hide what it was about to write
/// may be forgotten soon.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(GC_GRACE_SECONDS as u64 / 2);

/// The text of a statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Statement {
    text: String,
    repeatable: bool,
}

impl Statement {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether running it twice is as good as once.
    pub(super) fn repeatable(&self) -> bool {
        self.repeatable
    }

    fn plain(text: String) -> Statement {
        Statement { text, repeatable: true }
    }

    fn conditional(text: String) -> Statement {
        Statement { text, repeatable: false }
    }
}

/// A name inside CQL. Names hold no quotes; doubling them keeps even a strange one a name.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Binds the columns in order, then the timestamp.
pub(super) fn insert(table: &str, columns: &[&str]) -> Statement {
    let places = vec!["?"; columns.len()].join(", ");
    Statement::plain(format!(
        "INSERT INTO {table} ({}) VALUES ({places}) USING TIMESTAMP ?",
        columns.join(", ")
    ))
}

/// Binds the timestamp, then the columns of the key or of a leading part of it.
pub(super) fn delete(table: &str, key: &[&str]) -> Statement {
    let mut text = format!("DELETE FROM {table} USING TIMESTAMP ?");
    for (at, column) in key.iter().enumerate() {
        // Writing to a String can't fail.
        let _ = write!(text, "{}{column} = ?", if at == 0 { " WHERE " } else { " AND " });
    }
    Statement::plain(text)
}

/// A question as it grows: columns, then conditions, then order and limit.
pub(super) struct Select {
    text: String,
    conditions: usize,
}

impl Select {
    pub(super) fn new(table: &str, columns: &[&str]) -> Select {
        Select { text: format!("SELECT {} FROM {table}", columns.join(", ")), conditions: 0 }
    }

    /// `operator` is one of `=`, `<`, `<=`, `>`, `>=`.
    pub(super) fn compare(&mut self, column: &str, operator: &str) {
        self.text.push_str(if self.conditions == 0 { " WHERE " } else { " AND " });
        self.conditions += 1;
        // Writing to a String can't fail.
        let _ = write!(self.text, "{column} {operator} ?");
    }

    pub(super) fn equal(mut self, column: &str) -> Select {
        self.compare(column, "=");
        self
    }

    /// Partitions after one, in the order of their tokens.
    pub(super) fn after_token(mut self, key: &[&str]) -> Select {
        let (columns, places) = (key.join(", "), vec!["?"; key.len()].join(", "));
        self.text.push_str(if self.conditions == 0 { " WHERE " } else { " AND " });
        self.conditions += 1;
        // Writing to a String can't fail.
        let _ = write!(self.text, "token({columns}) > token({places})");
        self
    }

    /// The first clustering column says for all which way they are read.
    pub(super) fn order(mut self, column: &str, direction: Direction) -> Select {
        // Writing to a String can't fail.
        let _ = write!(self.text, " ORDER BY {column} {}", keyword(direction));
        self
    }

    /// Binds the most rows, last.
    pub(super) fn limit(mut self) -> Statement {
        self.text.push_str(" LIMIT ?");
        self.all()
    }

    pub(super) fn all(self) -> Statement {
        Statement::plain(self.text)
    }
}

/// What a table looks like.
pub(super) struct Table<'a> {
    pub(super) name: &'a str,
    /// Names and types.
    pub(super) columns: Vec<(&'a str, &'a str)>,
    pub(super) partition: Vec<&'a str>,
    pub(super) clustering: Vec<(&'a str, Direction)>,
}

impl Table<'_> {
    /// Whether a column is part of the primary key.
    pub(super) fn is_key(&self, column: &str) -> bool {
        self.partition.contains(&column) || self.clustering.iter().any(|(name, _)| *name == column)
    }
}

pub(super) fn create_table(table: &Table<'_>) -> Statement {
    let mut text = format!("CREATE TABLE IF NOT EXISTS {} (", table.name);
    for (column, kind) in &table.columns {
        // Writing to a String can't fail.
        let _ = write!(text, "{column} {kind}, ");
    }
    let _ = write!(text, "PRIMARY KEY (({})", table.partition.join(", "));
    for (column, _) in &table.clustering {
        let _ = write!(text, ", {column}");
    }
    text.push_str(")) WITH ");
    if !table.clustering.is_empty() {
        let directions: Vec<String> = table
            .clustering
            .iter()
            .map(|(column, direction)| format!("{column} {}", keyword(*direction)))
            .collect();
        let _ = write!(text, "CLUSTERING ORDER BY ({}) AND ", directions.join(", "));
    }
    let _ = write!(text, "gc_grace_seconds = {GC_GRACE_SECONDS}");
    Statement::plain(text)
}

/// Not repeatable: a column that is there already is refused, by some in words of their own.
pub(super) fn add_column(table: &str, column: &str, kind: &str) -> Statement {
    Statement::conditional(format!("ALTER TABLE {table} ADD {column} {kind}"))
}

pub(super) fn drop_table(table: &str) -> Statement {
    Statement::plain(format!("DROP TABLE IF EXISTS {table}"))
}

pub(super) fn create_keyspace(name: &str, data_center: &str, copies: u32) -> Statement {
    Statement::plain(format!(
        "CREATE KEYSPACE IF NOT EXISTS {name} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', {}: {copies}}}",
        literal(data_center)
    ))
}

/// The same for ScyllaDB alone, whose keyspaces come with tablets unless told otherwise; before
/// 2025.4 a keyspace with tablets refuses conditions, and the catalog needs them.
pub(super) fn without_tablets(create: &Statement) -> Statement {
    Statement::plain(format!("{} AND tablets = {{'enabled': false}}", create.text()))
}

pub(super) fn drop_keyspace(name: &str) -> Statement {
    Statement::plain(format!("DROP KEYSPACE IF EXISTS {name}"))
}

/// Binds the columns; only the catalog's first row is made so.
pub(super) fn catalog_begin(table: &str, columns: &[&str]) -> Statement {
    let places = vec!["?"; columns.len()].join(", ");
    Statement::conditional(format!(
        "INSERT INTO {table} ({}) VALUES ({places}) IF NOT EXISTS",
        columns.join(", ")
    ))
}

/// Binds what is set, the key, and what must hold; only the catalog is changed so.
pub(super) fn catalog_change(table: &str, set: &[&str], key: &str, only_if: &[&str]) -> Statement {
    let equal = |columns: &[&str], between: &str| {
        let terms: Vec<String> = columns.iter().map(|column| format!("{column} = ?")).collect();
        terms.join(between)
    };
    Statement::conditional(format!(
        "UPDATE {table} SET {} WHERE {key} = ? IF {}",
        equal(set, ", "),
        equal(only_if, " AND ")
    ))
}

pub(super) fn keyword(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
