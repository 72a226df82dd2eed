//! From one catalog to the next: tables of new runs come, then the catalog is changed, then tables
//! that nobody names any more go. One process at a time does this, by the catalog's lock.

use std::collections::BTreeMap;

use model::Model;
use uuid::Uuid;

use crate::catalog::{Catalog, Run};
use crate::cql::error::Result;
use crate::cql::shared::{RunTables, Shared, ViewOrRollup};
use crate::cql::statement::{Statement, drop_table, quoted};
use crate::cql::table::catalog::{self, Stored};
use crate::cql::table::marks::nowhere;
use crate::cql::table::parked::owner;
use crate::store::StoreError;
use crate::tables::{Kind, of_definition, of_run, of_view};

pub(super) async fn migrate(shared: &Shared, model: &Model, next: &Catalog) -> Result<Catalog> {
    let me = Uuid::new_v4();
    let stored = catalog::hold(&shared.database, me).await?;
    let migrated = migrate_held(shared, model, next, stored, me).await;
    if let Err(error) = catalog::release(&shared.database, me).await {
        tracing::warn!(%error, "the catalog's lock was not given back");
    }
    migrated
}

async fn migrate_held(
    shared: &Shared,
    model: &Model,
    next: &Catalog,
    stored: Stored,
    me: Uuid,
) -> Result<Catalog> {
    let before = stored.catalog.revision;
    if before != next.revision {
        shared.set_tables(stored);
        return Err(StoreError::Conflict);
    }
    let catalog = Catalog { revision: before + 1, ..next.clone() };
    let there = shared.database.tables().await?;
    let mut wanted: BTreeMap<String, Option<Statement>> = BTreeMap::new();
    for run in &catalog.runs {
        plan(model, run, &there, &mut wanted)?;
    }
    let made = |name: &String| {
        let known = stored.made.get(name).filter(|_| there.contains(name));
        (name.clone(), known.copied().unwrap_or(catalog.revision))
    };
    let next = Stored { made: wanted.keys().map(made).collect(), catalog };
    for (name, create) in &wanted {
        let Some(create) = create.as_ref().filter(|_| !there.contains(name)) else { continue };
        shared.database.define(create).await?;
    }
    catalog::put(&shared.database, before, &next, me).await?;
    shared.set_tables(next.clone());
    forget(shared, &stored, &next).await?;
    tell_what_waits(shared, &next).await?;
    drop_others(shared, &there, &next).await?;
    Ok(next.catalog)
}

/// Names the tables that a run needs, with what makes them.
fn plan(
    model: &Model,
    run: &Run,
    there: &[String],
    wanted: &mut BTreeMap<String, Option<Statement>>,
) -> Result<()> {
    let tables = RunTables::new(run, 0);
    let mut own = vec![(of_run(Kind::State, run), Some(tables.state.create()))];
    if run.primary {
        own.push((of_run(Kind::Commands, run), Some(tables.commands.create())));
        own.push((of_run(Kind::History, run), Some(tables.history.create())));
    }
    for (view, hash) in &run.views {
        own.push(plan_view(model, run, view, hash, there)?);
    }
    for (name, create) in own {
        if wanted.insert(name.clone(), create).is_some() {
            return Err(StoreError::Refused(format!("two runs would feed table {name}")));
        }
    }
    Ok(())
}

/// A definition that the model no longer has is kept where its table is there.
fn plan_view(
    model: &Model,
    run: &Run,
    view: &str,
    hash: &[u8; 32],
    there: &[String],
) -> Result<(String, Option<Statement>)> {
    if let Some((_, defined)) = model.view(view).filter(|(_, defined)| defined.hash == *hash) {
        let create = ViewOrRollup::new(defined, run).create();
        return Ok((of_view(defined, &run.fold_hash), Some(create)));
    }
    let kept = [Kind::View, Kind::Rollup]
        .map(|kind| of_definition(kind, view, hash, &run.fold_hash))
        .into_iter()
        .find(|name| there.contains(name));
    kept.map(|name| (name, None)).ok_or_else(|| {
        StoreError::Refused(format!("run {} names view {view}, which nothing defines", run.id.0))
    })
}

/// Marks go with their run, pointers with their table.
async fn forget(shared: &Shared, stored: &Stored, next: &Stored) -> Result<()> {
    for run in &stored.catalog.runs {
        let state = of_run(Kind::State, run);
        let Some(made) = stored.made.get(&state) else { continue };
        if next.made.get(&state) != Some(made) {
            shared.marks.forget(&shared.database, &run.id, *made).await?;
        }
    }
    for (table, made) in &stored.made {
        if next.made.get(table) != Some(made) {
            shared.parked.forget(&shared.database, &owner(table, *made)).await?;
        }
    }
    Ok(())
}

/// A view that another run has filled may bring what waits for it along.
async fn tell_what_waits(shared: &Shared, next: &Stored) -> Result<()> {
    let tables = shared.tables();
    for run in &next.catalog.runs {
        let made = tables.run(&run.id)?.made;
        for view in run.views.iter().map(|(name, _)| Some(&**name)).chain([None]) {
            let Some(owner) = tables.owner(run, view) else { continue };
            if shared.parked.any(&shared.database, &owner).await? {
                let database = &shared.database;
                let wait = shared.marks.wait(database, &run.id, made, &nowhere(), 0).await?;
                shared.database.write(vec![wait]).await?;
                break;
            }
        }
    }
    shared.poll().await
}

async fn drop_others(shared: &Shared, there: &[String], next: &Stored) -> Result<()> {
    let ours = |name: &&String| {
        Kind::ALL.iter().any(|kind| name.starts_with(&format!("{}_", kind.prefix())))
    };
    for name in there.iter().filter(ours).filter(|name| !next.made.contains_key(*name)) {
        shared.database.define(&drop_table(&quoted(name))).await?;
    }
    Ok(())
}
