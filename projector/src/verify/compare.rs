//! Comparing every table with what the log says, page by page.

use std::sync::Arc;

use futures::future::try_join_all;
use model::rows::Row;
use model::{Aggregate, Rollup, RowView, ViewKind};
use read_store::batch::StateRow;
use read_store::{Reader, RunId};

use super::expected::{
    Entry, Expected, ExpectedRun, ExpectedView, history_digest, state_part, used_digest,
};
use super::rows::{
    Group, Groups, RowKeys, amounts_text, found_amounts, group_text, key_digest, measures,
    row_digest, row_text,
};
use super::{Difference, VerifyError};
use crate::touched::group_key;

/// Rows to a page.
const PAGE: usize = 1_000;
/// Point reads at a time.
const AT_ONCE: usize = 16;

/// One round's result.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) aggregates: u64,
    pub(super) rows: u64,
    /// States that are ahead of the fold, because the process has gone on.
    pub(super) ahead: u64,
    pub(super) differences: Vec<Difference>,
}

/// Compares all runs; `round` numbers the call.
pub(super) async fn compare(
    expected: &mut Expected,
    reader: &Arc<dyn Reader>,
    round: u32,
) -> Result<Compared, VerifyError> {
    let mut out = Compared::default();
    for run in &mut expected.runs {
        states(run, &**reader, round, &mut out).await?;
        if run.run.primary {
            details(run, &**reader, &mut out).await?;
        }
        for view in &run.views {
            match &view.view.kind {
                ViewKind::Rows(rows) => view_rows(run, view, rows, &**reader, &mut out).await?,
                ViewKind::Rollup(rollup) => groups(run, view, rollup, &**reader, &mut out).await?,
            }
        }
    }
    Ok(out)
}

impl Compared {
    fn differ(&mut self, table: &str, key: String, expected: String, found: String) {
        self.differences.push(Difference { table: table.to_owned(), key, expected, found });
    }
}

const ABSENT: &str = "nothing";

async fn states(
    run: &mut ExpectedRun,
    reader: &dyn Reader,
    round: u32,
    out: &mut Compared,
) -> Result<(), VerifyError> {
    let name = run.run.aggregate.name.clone();
    let table = format!("state of {name}");
    let mut after: Option<Arc<str>> = None;
    loop {
        let page = reader.scan_states(&run.run.run, &name, after.as_deref(), PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for (id, row) in page {
            out.aggregates += 1;
            match run.aggregates.get_mut(&id) {
                None => out.differ(&table, id.to_string(), ABSENT.to_owned(), row_summary(&row)),
                Some(entry) => {
                    entry.seen = round;
                    state(&table, &id, entry, &row, out);
                }
            }
        }
    }
    for (id, entry) in run.aggregates.iter().filter(|(_, entry)| entry.seen != round) {
        out.differ(&table, id.to_string(), summary(entry), ABSENT.to_owned());
    }
    Ok(())
}

fn state(table: &str, id: &Arc<str>, entry: &Entry, row: &StateRow, out: &mut Compared) {
    if row.offset > entry.offset && row.version > entry.version {
        out.ahead += 1;
        return;
    }
    let same = (row.version, row.offset, row.keyed, row.parked_from)
        == (entry.version, entry.offset, entry.keyed, entry.parked_from)
        && row.state == entry.state;
    if !same {
        out.differ(table, id.to_string(), summary(entry), row_summary(row));
    }
}

fn row_summary(row: &StateRow) -> String {
    describe(row.version, row.offset, row.keyed, row.parked_from, row.state.as_deref())
}

fn summary(entry: &Entry) -> String {
    let state = entry.state.as_deref();
    describe(entry.version, entry.offset, entry.keyed, entry.parked_from, state)
}

fn describe(
    version: u64,
    offset: i64,
    keyed: u64,
    parked: Option<i64>,
    state: Option<&[u8]>,
) -> String {
    let state = match state {
        None => "deleted".to_owned(),
        Some(bytes) => {
            let sum = super::rows::digest(&bytes);
            format!("state of {} bytes, digest {sum:016x}", bytes.len())
        }
    };
    let parked = parked.map_or(String::new(), |from| format!(", parked from {from}"));
    format!("version {version} at offset {offset}, {keyed} keyed commands, {state}{parked}")
}

/// History and used keys, by point reads.
async fn details(
    run: &ExpectedRun,
    reader: &dyn Reader,
    out: &mut Compared,
) -> Result<(), VerifyError> {
    let aggregate = &run.run.aggregate.name;
    let entries: Vec<(&Arc<str>, &Entry)> = run.aggregates.iter().collect();
    for some in entries.chunks(AT_ONCE) {
        let checks = some.iter().map(|(id, entry)| one(&run.run.run, aggregate, id, entry, reader));
        for found in try_join_all(checks).await? {
            out.differences.extend(found);
        }
    }
    Ok(())
}

async fn one(
    run: &RunId,
    aggregate: &Arc<str>,
    id: &Arc<str>,
    entry: &Entry,
    reader: &dyn Reader,
) -> Result<Vec<Difference>, VerifyError> {
    let mut differences = Vec::new();
    let (mut version, mut found) = (0, 0);
    while version < entry.version {
        let page = reader.history(run, aggregate, id, version, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for event in page.iter().take_while(|event| event.version <= entry.version) {
            version = event.version;
            found = history_digest(found, version, &event.event, event.time, &event.data);
        }
    }
    if (version, found) != (entry.version, entry.history) {
        differences.push(Difference {
            table: format!("history of {aggregate}"),
            key: id.to_string(),
            expected: format!("{} events, digest {:016x}", entry.version, entry.history),
            found: format!("up to version {version}, digest {found:016x}"),
        });
    }
    if entry.keyed > 0 {
        let mut used = reader.used_keys(run, aggregate, id).await?;
        used.sort_by_key(|used| used.number);
        let digests: Vec<u64> = used.iter().map(used_digest).collect();
        if !digests.iter().eq(&entry.keys) {
            differences.push(Difference {
                table: format!("commands of {aggregate}"),
                key: id.to_string(),
                expected: format!(
                    "{} remembered keys up to number {}",
                    entry.keys.len(),
                    entry.keyed
                ),
                found: format!("{} keys that differ from them", digests.len()),
            });
        }
    }
    Ok(differences)
}

async fn view_rows(
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

fn decoded(aggregate: &Aggregate, entry: &Entry) -> Option<model::Value> {
    // These bytes were encoded by this process from a state of the same shape.
    entry.state.as_ref().and_then(|bytes| aggregate.state_shape.decode(bytes).ok())
}

async fn groups(
    run: &ExpectedRun,
    view: &ExpectedView,
    rollup: &Rollup,
    reader: &dyn Reader,
    out: &mut Compared,
) -> Result<(), VerifyError> {
    let mut expected =
        if view.of_events() { view.event_groups.clone() } else { state_groups(run, view) };
    let table = format!("rollup {}", view.view.name);
    let columns = rollup.group.len();
    let mut after: Option<Vec<model::Value>> = None;
    loop {
        let page = reader.scan_rows(&run.run.run, &view.view, after.as_deref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        for row in page {
            out.rows += 1;
            let (group, sums) = row.split_at(columns.min(row.len()));
            let found = || amounts_text(rollup, &found_amounts(sums));
            let key = group_text(rollup, group);
            match expected.remove(&group_key(group)) {
                None => out.differ(&table, key, ABSENT.to_owned(), found()),
                Some(wanted) => {
                    let same = wanted.amounts.iter().zip(sums).all(|(a, b)| measures(*a, b));
                    if !same {
                        let wanted = amounts_text(rollup, &wanted.amounts);
                        out.differ(&table, key, wanted, found());
                    }
                }
            }
        }
    }
    for group in expected.into_values().filter(|group| group.rows > 0) {
        let wanted = amounts_text(rollup, &group.amounts);
        out.differ(&table, group_text(rollup, &group.group), wanted, ABSENT.to_owned());
    }
    Ok(())
}

fn state_groups(run: &ExpectedRun, view: &ExpectedView) -> Groups {
    let mut groups = Groups::default();
    let aggregate = &run.run.aggregate;
    for (id, entry) in &run.aggregates {
        let contributions = match view.frozen.get(id) {
            Some((_, contributions)) => contributions.clone(),
            None => {
                let state = decoded(aggregate, entry);
                state_part(aggregate, &view.view, id, entry.version, state.as_ref())
                    .map_or_else(|_| Vec::new(), |(_, contributions)| contributions)
            }
        };
        for contribution in contributions {
            // A sum beyond 128 bits can't be stored either, so the group differs anyway.
            let _ = Group::add(&mut groups, contribution);
        }
    }
    groups
}
