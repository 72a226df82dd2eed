//! From one catalog to the next: tables of new runs come, then the catalog is changed, then tables
//! that nobody names any more go. One process at a time does this, by the catalog's lock.

use std::collections::{BTreeMap, BTreeSet};

use model::{Model, View};
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
    let is_there = |table: &str| there.contains(&stored.name(table));
    let mut made = BTreeMap::new();
    for run in &catalog.runs {
        for table in wanted(model, run, is_there)? {
            let known = stored.made.get(&table).filter(|_| is_there(&table));
            let made_at = known.copied().unwrap_or(catalog.revision);
            if made.insert(table.clone(), made_at).is_some() {
                return Err(StoreError::Refused(format!("two runs would feed table {table}")));
            }
        }
    }
    let next = Stored { made, catalog };
    for (name, create) in definitions(model, &next) {
        if !there.contains(&name) {
            shared.database.define(&create).await?;
        }
    }
    catalog::put(&shared.database, before, &next, me).await?;
    shared.set_tables(next.clone());
    forget(shared, &stored, &next).await?;
    tell_what_waits(shared, &next).await?;
    drop_others(shared, &there, &next).await?;
    Ok(next.catalog)
}

/// The tables that a run needs. A definition that the model no longer has is kept where its table
/// is there.
fn wanted(model: &Model, run: &Run, is_there: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let mut tables = vec![of_run(Kind::State, run)];
    if run.primary {
        tables.extend([of_run(Kind::Commands, run), of_run(Kind::History, run)]);
    }
    for (view, hash) in &run.views {
        let kept = || {
            let named = |kind| of_definition(kind, view, hash, &run.fold_hash);
            [Kind::View, Kind::Rollup].map(named).into_iter().find(|table| is_there(table))
        };
        let defined = defined(model, view, hash).map(|view| of_view(view, &run.fold_hash));
        tables.push(defined.or_else(kept).ok_or_else(|| {
            StoreError::Refused(format!(
                "run {} names view {view}, which nothing defines",
                run.id.0
            ))
        })?);
    }
    Ok(tables)
}

fn defined<'m>(model: &'m Model, view: &str, hash: &[u8; 32]) -> Option<&'m View> {
    model.view(view).map(|(_, defined)| &**defined).filter(|defined| defined.hash == *hash)
}

/// What makes each table of a catalog, by its name in the database.
fn definitions(model: &Model, next: &Stored) -> Vec<(String, Statement)> {
    let mut all = Vec::new();
    for run in &next.catalog.runs {
        let tables = RunTables::new(run, next);
        all.push((next.name(&of_run(Kind::State, run)), tables.state.create()));
        if run.primary {
            all.push((next.name(&of_run(Kind::Commands, run)), tables.commands.create()));
            all.push((next.name(&of_run(Kind::History, run)), tables.history.create()));
        }
        for view in run.views.iter().filter_map(|(view, hash)| defined(model, view, hash)) {
            let create = ViewOrRollup::new(view, run, next).create();
            all.push((next.name(&of_view(view, &run.fold_hash)), create));
        }
    }
    all
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
    let named: BTreeSet<String> = next.made.keys().map(|table| next.name(table)).collect();
    for name in there.iter().filter(ours).filter(|name| !named.contains(*name)) {
        shared.database.define(&drop_table(&quoted(name))).await?;
    }
    Ok(())
}
