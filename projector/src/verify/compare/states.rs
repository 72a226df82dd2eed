//! States, and by point reads what belongs to each: its history and its used keys.

use std::sync::Arc;

use futures::future::try_join_all;
use read_store::batch::StateRow;
use read_store::{Reader, RunId};

use super::super::expected::{Entry, ExpectedRun, history_digest, used_digest};
use super::super::{Difference, VerifyError};
use super::{ABSENT, Compared, PAGE};

/// Point reads at a time.
const AT_ONCE: usize = 16;

pub(super) async fn states(
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
            let sum = super::super::rows::digest(&bytes);
            format!("state of {} bytes, digest {sum:016x}", bytes.len())
        }
    };
    let parked = parked.map_or(String::new(), |from| format!(", parked from {from}"));
    format!("version {version} at offset {offset}, {keyed} keyed commands, {state}{parked}")
}

/// History and used keys, by point reads.
pub(super) async fn details(
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
