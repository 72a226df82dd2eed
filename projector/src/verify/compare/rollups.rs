//! Groups of rollups.

use model::Rollup;
use read_store::Reader;

use super::super::VerifyError;
use super::super::expected::{ExpectedRun, ExpectedView, state_part};
use super::super::rows::{Group, Groups, amounts_text, found_amounts, group_text, measures};
use super::{ABSENT, Compared, PAGE, decoded};
use crate::touched::group_key;

pub(super) async fn groups(
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
