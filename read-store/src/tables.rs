//! Names of tables, the same on every engine: `<kind>_<name>_<8 hex>`.
//!
//! The hex says whose table it is. States, commands and history belong to a run. The rows of a
//! view belong to a fold and a definition of the view, whichever run feeds them: so a view that a
//! shadow run has filled joins the primary run without a copy, by being named there.

use std::fmt::Write;

use model::View;
use sha2::{Digest, Sha256};

use crate::catalog::Run;

/// Cassandra takes no longer names.
pub const MAX_NAME: usize = 48;

/// What a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One row per aggregate.
    State,
    /// One row per remembered keyed command.
    Commands,
    /// One row per event.
    History,
    /// Rows of a view.
    View,
    /// Groups of a rollup.
    Rollup,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] =
        [Kind::State, Kind::Commands, Kind::History, Kind::View, Kind::Rollup];

    /// The first part of the table's name.
    pub fn prefix(self) -> &'static str {
        match self {
            Kind::State => "state",
            Kind::Commands => "commands",
            Kind::History => "history",
            Kind::View => "view",
            Kind::Rollup => "rollup",
        }
    }
}

/// Name of a table that belongs to one run.
pub fn of_run(kind: Kind, run: &Run) -> String {
    name(kind, &run.aggregate, &[run.id.0.as_bytes()])
}

/// Name of the table of a view, given the `fold_hash` of the run that feeds it.
pub fn of_view(view: &View, fold_hash: &[u8; 32]) -> String {
    let kind = match view.kind {
        model::ViewKind::Rows(_) => Kind::View,
        model::ViewKind::Rollup(_) => Kind::Rollup,
    };
    of_definition(kind, &view.name, &view.hash, fold_hash)
}

/// The same from what the catalog keeps, for a definition that no model at hand has any more.
pub fn of_definition(kind: Kind, view: &str, hash: &[u8; 32], fold_hash: &[u8; 32]) -> String {
    name(kind, view, &[fold_hash, hash, view.as_bytes()])
}

/// The name of a table that can be dropped and made again under those who still know the old one:
/// what they have on the way must not meet the new one.
pub fn made_at(table: &str, revision: u64) -> String {
    let digest = Sha256::new().chain_update(table).chain_update(revision.to_be_bytes()).finalize();
    let stem = table.rsplit_once('_').map_or(table, |(stem, _)| stem);
    with_hex(format!("{stem}_"), &digest)
}

/// The parts are of fixed length but the last, so no two lists of parts hash alike.
fn name(kind: Kind, named: &str, owner: &[&[u8]]) -> String {
    let mut digest = Sha256::new();
    owner.iter().for_each(|part| digest.update(part));
    let digest = digest.finalize();
    let room = MAX_NAME - kind.prefix().len() - "__12345678".len();
    let mut out = format!("{}_", kind.prefix());
    out.extend(named.chars().take(room).map(|c| if c == '-' { '_' } else { c }));
    out.push('_');
    with_hex(out, &digest)
}

fn with_hex(mut out: String, digest: &[u8]) -> String {
    for byte in digest.iter().take(4) {
        // Writing to a String can't fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalog::RunId;

    fn run(id: &str, aggregate: &str) -> Run {
        Run {
            id: RunId(id.into()),
            aggregate: Arc::from(aggregate),
            fold_hash: [1; 32],
            views: Vec::new(),
            primary: true,
            live: true,
        }
    }

    #[test]
    fn the_longest_names_are_cut_to_forty_eight_characters() {
        let long = "a-".repeat(20);
        for kind in Kind::ALL {
            let name = of_run(kind, &run("r", &long));
            assert_eq!(name.len(), MAX_NAME, "{name}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
        }
    }

    #[test]
    fn names_that_are_cut_alike_still_differ() {
        let (one, two) = (format!("{}x", "a".repeat(39)), format!("{}y", "a".repeat(39)));
        let names = [&one, &two].map(|view| of_definition(Kind::View, view, &[0; 32], &[0; 32]));
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn a_table_that_is_made_again_has_another_name_of_the_same_length() {
        let table = of_run(Kind::State, &run("r", &"a-".repeat(20)));
        let (one, two) = (made_at(&table, 1), made_at(&table, 2));
        assert_eq!((one.len(), two.len()), (MAX_NAME, MAX_NAME));
        assert_eq!(one[..40], table[..40]);
        assert_ne!(one, two);
        assert_eq!(made_at(&table, 1), one);
    }

    #[test]
    fn a_table_belongs_to_its_run_or_to_fold_and_definition() {
        assert_ne!(
            of_run(Kind::State, &run("one", "order")),
            of_run(Kind::State, &run("two", "order"))
        );
        let view = |hash, fold| of_definition(Kind::View, "open-orders", &[hash; 32], &[fold; 32]);
        assert_eq!(view(1, 1), view(1, 1));
        assert_ne!(view(1, 1), view(2, 1));
        assert_ne!(view(1, 1), view(1, 2));
        assert!(view(1, 1).starts_with("view_open_orders_"));
    }
}
