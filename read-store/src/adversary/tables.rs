//! Names of tables and keys of rows, as texts that differ where keys differ.

use std::fmt::Write;

use model::{Value, View, ViewKind};

use crate::catalog::{Catalog, Run, RunId};
use crate::position::PartitionKey;
use crate::store::StoreError;
use crate::tables::{Kind, of_run, of_view};

pub(super) const MARKS: &str = "marks";
pub(super) const PARKED: &str = "parked";

pub(super) fn run<'c>(catalog: &'c Catalog, id: &RunId) -> Result<&'c Run, StoreError> {
    let found = catalog.runs.iter().find(|run| run.id == *id);
    found.ok_or_else(|| StoreError::Unavailable(format!("there are no tables of run {}", id.0)))
}

pub(super) fn run_table(catalog: &Catalog, id: &RunId, kind: Kind) -> Result<String, StoreError> {
    run(catalog, id).map(|run| of_run(kind, run))
}

pub(super) fn view_table(catalog: &Catalog, id: &RunId, view: &View) -> Result<String, StoreError> {
    run(catalog, id).map(|run| of_view(view, &run.fold_hash))
}

/// All tables that a catalog names.
pub(super) fn all(catalog: &Catalog) -> Vec<String> {
    let mut names = vec![MARKS.to_owned(), PARKED.to_owned()];
    for run in &catalog.runs {
        let kinds = [Kind::State, Kind::Commands, Kind::History];
        names.extend(kinds.map(|kind| of_run(kind, run)));
        for (view, hash) in &run.views {
            let of = |kind| crate::tables::of_definition(kind, view, hash, &run.fold_hash);
            names.extend([of(Kind::View), of(Kind::Rollup)]);
        }
    }
    names
}

/// A prefix that ends where its last part ends.
pub(super) fn key(parts: &[&str]) -> String {
    let mut out = String::new();
    for part in parts {
        // Writing to a String can't fail.
        let _ = write!(out, "{}:{part}|", part.len());
    }
    out
}

pub(super) fn numbered(id: &str, number: u64) -> String {
    key(&[id, &format!("{number:020}")])
}

pub(super) fn mark_key(run: &RunId, partition: &PartitionKey) -> String {
    key(&[&run.0, &partition.0, &partition.1.to_string()])
}

/// The primary key of a view's row, or a rollup's group.
pub(super) fn row_key(view: &View, row: &[Value]) -> String {
    let mut out = String::new();
    let clustering = view.clustering().iter().map(|(column, _)| *column);
    for column in view.key().iter().copied().chain(clustering) {
        // Writing to a String can't fail.
        let _ = write!(out, "{:?}|", row.get(column));
    }
    out
}

/// How many columns a view's row has.
pub(super) fn columns(view: &View) -> usize {
    match &view.kind {
        ViewKind::Rows(rows) => rows.columns.len(),
        ViewKind::Rollup(rollup) => rollup.group.len(),
    }
}
