//! Partition keys and clustering orders, out of columns that were checked before.

use super::super::definition::ViewDef;
use super::super::document::Text;
use super::columns::bare;
use crate::domain::{Column, Direction, Measure, Rollup, RowView};

/// Key and clustering of a view of rows: whatever tells rows apart and is not named is appended,
/// in the direction of the first sort column.
pub(super) fn row_view(def: &ViewDef<'_>, columns: Vec<Column>) -> RowView {
    let key = key_of(def, &columns);
    let declared = def.fields.len();
    let ties = (0..columns.len()).filter(|index| {
        *index >= declared || {
            let (name, value) = def.fields[*index];
            matches!(name.text, "version" | "index") && value.text.trim() == name.text
        }
    });
    let clustering = clustering_of(def, &columns, &key, ties);
    RowView { columns, key, clustering, sorted: def.sort.len() }
}

/// Key and clustering of a rollup: all group columns, in the order written or as `sort` says.
pub(super) fn rollup(def: &ViewDef<'_>, group: Vec<Column>, measures: Vec<Measure>) -> Rollup {
    let key = key_of(def, &group);
    let clustering = clustering_of(def, &group, &key, 0..group.len());
    Rollup { group, key, clustering, measures }
}

fn key_of(def: &ViewDef<'_>, columns: &[Column]) -> Vec<usize> {
    def.key.iter().filter_map(|name| position(columns, name.text)).collect()
}

fn clustering_of(
    def: &ViewDef<'_>,
    columns: &[Column],
    key: &[usize],
    rest: impl Iterator<Item = usize>,
) -> Vec<(usize, Direction)> {
    let sort = def.sort.iter();
    let mut order: Vec<(usize, Direction)> = sort
        .filter_map(|name| Some((position(columns, bare(name.text))?, direction(name))))
        .collect();
    // Within its partition a column of the key stands still.
    order.retain(|(index, _)| !key.contains(index));
    let first = order.first().map_or(Direction::Ascending, |(_, direction)| *direction);
    for index in rest {
        if !key.contains(&index) && !order.iter().any(|(known, _)| *known == index) {
            order.push((index, first));
        }
    }
    order
}

fn position(columns: &[Column], name: &str) -> Option<usize> {
    columns.iter().position(|column| &*column.name == name)
}

fn direction(name: &Text<'_>) -> Direction {
    if name.text.starts_with('-') { Direction::Descending } else { Direction::Ascending }
}
