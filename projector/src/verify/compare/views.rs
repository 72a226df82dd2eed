//! Rows of views.

use std::sync::Arc;

use model::RowView;
use model::rows::Row;
use read_store::Reader;

use super::super::VerifyError;
use super::super::expected::{ExpectedRun, ExpectedView, state_part};
use super::super::rows::{RowKeys, key_digest, row_digest, row_text};
use super::{ABSENT, Compared, PAGE, decoded};

pub(super) async fn view_rows(
    run: &ExpectedRun,
    view: &ExpectedView,
    rows: &RowView,
    reader: &dyn Reader,
    out: &mut Compared,
) -> Result<(), VerifyError> {
    let made = if view.of_events() { None } else { Some(state_rows(run, view, rows)) };
    let expected = made.as_ref().unwrap_or(&view.event_rows);
    let table = format!("view {}", view.view.name);
    let mut seen: u64 = 0;
    let mut found_keys = std::collections::HashSet::with_capacity(expected.0.len());
    let mut after: Option<Vec<model::Value>> = None;
    loop {
        let page = reader.scan_rows(&run.run.run, &view.view, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        for row in page {
            seen += 1;
            let row = Row(row);
            let key = key_digest(rows, &row);
            found_keys.insert(key);
            let found = || row_text(rows, &row.0, 0..rows.columns.len());
            match expected.0.get(&key) {
                None => out.differ(&table, key_text(rows, &row), ABSENT.to_owned(), found()),
                Some((digest, _)) if *digest == row_digest(&row) => {}
                Some((_, id)) => {
                    let wanted = wanted_text(run, view, rows, id, Some(&row));
                    out.differ(&table, key_text(rows, &row), wanted, found());
                }
            }
        }
    }
    out.rows += seen;
    for (key, (_, id)) in &expected.0 {
        if !found_keys.contains(key) {
            let wanted = wanted_text(run, view, rows, id, None);
            out.differ(&table, format!("id={id} {key:032x}"), wanted, ABSENT.to_owned());
        }
    }
    Ok(())
}

fn key_text(view: &RowView, row: &Row) -> String {
    let clustering = view.clustering.iter().map(|(column, _)| *column);
    row_text(view, &row.0, view.key.iter().copied().chain(clustering))
}

/// The rows that an aggregate should have, or the one of them with the key of `like`.
fn wanted_text(
    run: &ExpectedRun,
    view: &ExpectedView,
    rows: &RowView,
    id: &Arc<str>,
    like: Option<&Row>,
) -> String {
    if view.of_events() {
        return format!("other values, from an event of {id}");
    }
    let mut made = rows_of(run, view, id);
    if let Some(like) = like {
        made.retain(|row| key_digest(rows, row) == key_digest(rows, like));
    }
    let text = |row: &Row| row_text(rows, &row.0, 0..rows.columns.len());
    made.iter().take(3).map(text).collect::<Vec<_>>().join("; ")
}

fn state_rows(run: &ExpectedRun, view: &ExpectedView, rows: &RowView) -> RowKeys {
    let mut keys = RowKeys::default();
    for id in run.aggregates.keys() {
        for row in rows_of(run, view, id) {
            keys.insert(rows, &row, id);
        }
    }
    keys
}

fn rows_of(run: &ExpectedRun, view: &ExpectedView, id: &Arc<str>) -> Vec<Row> {
    if let Some((rows, _)) = view.frozen.get(id) {
        return rows.clone();
    }
    let Some(entry) = run.aggregates.get(id) else { return Vec::new() };
    let state = decoded(&run.run.aggregate, entry);
    state_part(&run.run.aggregate, &view.view, id, entry.version, state.as_ref())
        .map_or_else(|_| Vec::new(), |(rows, _)| rows)
}
