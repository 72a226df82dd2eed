//! Runs as the model wants them against runs as the catalog has them. No I/O.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Aggregate, Model, View};
use read_store::{Catalog, Run, RunId};

use crate::batch::ActiveRun;

/// The catalog to fill under: what still fits stays, what the model asks for beyond that is there
/// and not live.
pub(crate) fn filling(model: &Model, catalog: &Catalog) -> Catalog {
    let mut next = Catalog { runs: Vec::new(), ..catalog.clone() };
    for aggregate in &model.aggregates {
        next.runs.extend(filling_runs(aggregate, catalog));
    }
    next
}

fn filling_runs(aggregate: &Aggregate, catalog: &Catalog) -> Vec<Run> {
    let mine = || catalog.runs.iter().filter(|run| run.aggregate == aggregate.name);
    let fits = |run: &&Run| run.primary && run.live && run.fold_hash == aggregate.fold_hash;
    if let Some(live) = mine().find(fits) {
        let beside = mine().filter(|run| is_shadow_of(run, aggregate) && run.live);
        let mut kept: Vec<Run> = std::iter::once(live).chain(beside).cloned().collect();
        for run in &mut kept {
            run.views.retain(|view| wanted(aggregate, view));
        }
        kept.retain(|run| run.primary || !run.views.is_empty());
        let held = |view: &(Arc<str>, [u8; 32])| kept.iter().any(|run| run.views.contains(view));
        let missing: Vec<_> = definitions(aggregate).filter(|view| !held(view)).collect();
        let shadow = (!missing.is_empty()).then(|| shadow_run(aggregate, missing));
        return kept.into_iter().chain(shadow).collect();
    }
    // The run that serves until now stays as it is: it is not fed, so going back to its fold
    // only has to catch up.
    mine().filter(|run| run.primary && run.live).cloned().chain([primary_run(aggregate)]).collect()
}

/// The catalog once everything is filled: runs of older folds and of aggregates that are gone are
/// left out. Views of shadow runs join the primary run where both stand at the same offset
/// (`join`): where nobody else feeds the primary run meanwhile. Else they serve from where they are.
pub(crate) fn live(model: &Model, filled: &Catalog, join: bool) -> Catalog {
    let mut next = Catalog { runs: Vec::new(), ..filled.clone() };
    for aggregate in &model.aggregates {
        let fits = |run: &&Run| {
            run.aggregate == aggregate.name && run.primary && run.fold_hash == aggregate.fold_hash
        };
        let Some(primary) = filled.runs.iter().find(fits) else { continue };
        if join {
            let views = definitions(aggregate).collect();
            next.runs.push(Run { views, live: true, ..primary.clone() });
            continue;
        }
        next.runs.push(Run { live: true, ..primary.clone() });
        let shadows = filled.runs.iter().filter(|run| is_shadow_of(run, aggregate));
        next.runs.extend(shadows.map(|run| Run { live: true, ..run.clone() }));
    }
    next
}

fn is_shadow_of(run: &Run, aggregate: &Aggregate) -> bool {
    !run.primary && run.aggregate == aggregate.name && run.fold_hash == aggregate.fold_hash
}

/// The runs of a catalog that this model can feed, with marks still to be read.
pub(crate) fn active_runs(model: &Model, catalog: &Catalog) -> Vec<ActiveRun> {
    let active = |run: &Run| {
        let aggregate = model.aggregate(&run.aggregate)?;
        (aggregate.fold_hash == run.fold_hash).then(|| ActiveRun {
            run: run.id.clone(),
            aggregate: aggregate.clone(),
            views: views_of(aggregate, run),
            primary: run.primary,
            mark: -1,
            parked: HashMap::new(),
            refused: HashMap::new(),
        })
    };
    catalog.runs.iter().filter_map(active).collect()
}

/// Whether a run of a half-filled catalog is another one than the wanted run of the same id: then
/// its tables must go first.
pub(crate) fn differs(wanted: &Catalog, stored: &Catalog) -> bool {
    wanted.runs.iter().any(|run| {
        let same = stored.runs.iter().find(|stored| stored.id == run.id);
        same.is_some_and(|stored| !run.live && stored != run)
    })
}

/// The catalog without the runs that are not live.
pub(crate) fn only_live(catalog: &Catalog) -> Catalog {
    let runs = catalog.runs.iter().filter(|run| run.live).cloned().collect();
    Catalog { runs, ..catalog.clone() }
}

fn views_of(aggregate: &Aggregate, run: &Run) -> Vec<Arc<View>> {
    let fed = |view: &&Arc<View>| run.views.contains(&(view.name.clone(), view.hash));
    aggregate.views.iter().filter(fed).cloned().collect()
}

fn definitions(aggregate: &Aggregate) -> impl Iterator<Item = (Arc<str>, [u8; 32])> {
    aggregate.views.iter().map(|view| (view.name.clone(), view.hash))
}

fn wanted(aggregate: &Aggregate, view: &(Arc<str>, [u8; 32])) -> bool {
    definitions(aggregate).any(|definition| definition == *view)
}

fn primary_run(aggregate: &Aggregate) -> Run {
    Run {
        id: run_id(aggregate, &[]),
        aggregate: aggregate.name.clone(),
        fold_hash: aggregate.fold_hash,
        views: definitions(aggregate).collect(),
        primary: true,
        live: false,
    }
}

fn shadow_run(aggregate: &Aggregate, views: Vec<(Arc<str>, [u8; 32])>) -> Run {
    Run { id: run_id(aggregate, &views), views, primary: false, ..primary_run(aggregate) }
}

/// Eight hex digits over the aggregate's name, its fold and the views of a shadow run (FNV-1a).
fn run_id(aggregate: &Aggregate, views: &[(Arc<str>, [u8; 32])]) -> RunId {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    mix(aggregate.name.as_bytes());
    mix(&aggregate.fold_hash);
    for (name, definition) in views {
        mix(name.as_bytes());
        mix(definition);
    }
    RunId(format!("{:08x}", (hash >> 32) as u32 ^ hash as u32).into())
}
