//! The reader half.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use model::rows::Amount;
use model::{Decimal, MeasureKind, Rollup, Value, View, ViewKind};

use super::cells::{Datum, Row};
use super::cluster::{StoreCluster, StoreLink};
use super::tables::{self, columns, key, row_key, run_table, view_table};
use crate::batch::{Mark, ParkedWrite, StateRow, UsedKey};
use crate::catalog::{Catalog, RunId};
use crate::query::{Page, PageRequest};
use crate::store::{Cell, Reader, StoreError, StoredEvent};
use crate::tables::Kind;

/// Reads of one instance.
#[derive(Clone)]
pub struct AdversaryReader {
    store: Arc<StoreCluster>,
    link: StoreLink,
}

impl AdversaryReader {
    /// A reader behind a link.
    pub fn new(store: Arc<StoreCluster>, link: StoreLink) -> AdversaryReader {
        AdversaryReader { store, link }
    }

    fn table(&self, run: &RunId, kind: Kind) -> Result<String, StoreError> {
        run_table(&self.store.catalog(), run, kind)
    }
}

#[async_trait]
impl Reader for AdversaryReader {
    async fn catalog(&self) -> Result<Catalog, StoreError> {
        self.link.reach().await;
        let catalog = self.store.catalog().clone();
        self.link.answered().await;
        Ok(catalog)
    }

    async fn marks(&self) -> Result<Arc<Vec<Mark>>, StoreError> {
        let rows = self.link.rows(&self.store, tables::MARKS, "").await?;
        let mark = |row: &Row| match row.get(0) {
            Datum::Mark(mark) => Some(mark),
            _ => None,
        };
        Ok(Arc::new(rows.values().filter_map(mark).collect()))
    }

    async fn marks_moved(&self) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    async fn state(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
    ) -> Result<Option<StateRow>, StoreError> {
        let table = self.table(run, Kind::State)?;
        let row = self.link.row(&self.store, &table, &key(&[id])).await?;
        Ok(row.and_then(|row| match row.get(0) {
            Datum::State(state) => Some(state),
            _ => None,
        }))
    }

    async fn states(
        &self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError> {
        futures::future::try_join_all(ids.iter().map(|id| self.state(run, aggregate, id))).await
    }

    async fn used_keys(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
    ) -> Result<Vec<UsedKey>, StoreError> {
        let table = self.table(run, Kind::Commands)?;
        let rows = self.link.rows(&self.store, &table, &key(&[id])).await?;
        let used = |row: &Row| match row.get(0) {
            Datum::Key(used) => Some(used),
            _ => None,
        };
        Ok(rows.values().filter_map(used).collect())
    }

    async fn history(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let table = self.table(run, Kind::History)?;
        let rows = self.link.rows(&self.store, &table, &key(&[id])).await?;
        let event = |row: &Row| match row.get(0) {
            Datum::Event(event) if event.version > after => Some(event),
            _ => None,
        };
        Ok(rows.values().filter_map(event).take(limit).collect())
    }

    async fn page(
        &self,
        _run: &RunId,
        _view: &Arc<View>,
        _request: &PageRequest,
    ) -> Result<Page, StoreError> {
        Err(StoreError::Refused("the simulated store has no pages".to_owned()))
    }

    async fn scan_states(
        &self,
        run: &RunId,
        _aggregate: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>, StoreError> {
        let table = self.table(run, Kind::State)?;
        let rows = self.link.rows(&self.store, &table, "").await?;
        let state = |row: &Row| match (row.get(0), row.get(1)) {
            (Datum::State(state), Datum::Column(Value::Text(id))) => Some((id, state)),
            _ => None,
        };
        let mut all: Vec<_> = rows.values().filter_map(state).collect();
        all.sort_by(|(one, _), (two, _)| one.cmp(two));
        all.retain(|(id, _)| after.is_none_or(|after| &**id > after));
        all.truncate(limit);
        Ok(all)
    }

    async fn scan_rows(
        &self,
        run: &RunId,
        view: &Arc<View>,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let table = view_table(&self.store.catalog(), run, view)?;
        let rows = self.link.rows(&self.store, &table, "").await?;
        let mut all: Vec<(String, Vec<Value>)> = match &view.kind {
            ViewKind::Rows(_) => {
                let shown = |row: &Row| (0..columns(view)).map(|at| value(row.get(at))).collect();
                rows.into_iter().map(|(key, row)| (key, shown(&row))).collect()
            }
            ViewKind::Rollup(rollup) => groups(view, rollup, rows.values()),
        };
        all.sort_by(|(one, _), (two, _)| one.cmp(two));
        let after = after.map(|row| row_key(view, row));
        all.retain(|(key, _)| after.as_ref().is_none_or(|after| key > after));
        Ok(all.into_iter().map(|(_, row)| row).take(limit).collect())
    }

    async fn parked(&self, run: &RunId) -> Result<Vec<ParkedWrite>, StoreError> {
        let rows = self.link.rows(&self.store, tables::PARKED, &key(&[&run.0])).await?;
        let mut first: Vec<ParkedWrite> = Vec::new();
        for row in rows.values() {
            let Datum::Parked(parked) = row.get(0) else { continue };
            if !first.iter().any(|p| p.id == parked.id && p.view == parked.view) {
                first.push(parked);
            }
        }
        Ok(first)
    }

    async fn waiting(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<ParkedWrite>, StoreError> {
        let prefix = key(&[&run.0, "", id]);
        let rows = self.link.rows(&self.store, tables::PARKED, &prefix).await?;
        let pointers = rows.values().filter_map(|row| match row.get(0) {
            Datum::Parked(parked) => Some(parked),
            _ => None,
        });
        Ok(pointers.take(limit).collect())
    }
}

fn value(datum: Datum) -> Value {
    match datum {
        Datum::Column(value) => value,
        _ => Value::Null,
    }
}

/// Groups over all source partitions; those that nothing falls into are left out.
fn groups<'r>(
    view: &View,
    rollup: &Rollup,
    rows: impl Iterator<Item = &'r Row>,
) -> Vec<(String, Vec<Value>)> {
    let mut all: std::collections::BTreeMap<String, (Vec<Value>, Cell)> = Default::default();
    for row in rows {
        let Datum::Sums(cell) = row.get(0) else { continue };
        let group: Vec<Value> = (0..columns(view)).map(|at| value(row.get(at + 2))).collect();
        match all.get_mut(&row_key(view, &group)) {
            None => {
                all.insert(row_key(view, &group), (group, cell));
            }
            Some((_, sums)) => {
                sums.rows += cell.rows;
                sums.amounts.iter_mut().zip(&cell.amounts).for_each(|(sum, more)| plus(sum, more));
            }
        }
    }
    let shown = |(key, (mut group, cell)): (String, (Vec<Value>, Cell))| {
        let amounts = rollup.measures.iter().zip(&cell.amounts);
        group.extend(amounts.map(|(measure, amount)| sum(measure.kind, *amount)));
        (key, group)
    };
    all.into_iter().filter(|(_, (_, cell))| cell.rows != 0).map(shown).collect()
}

fn plus(sum: &mut Amount, more: &Amount) {
    match (sum, more) {
        (Amount::Exact(sum), Amount::Exact(more)) => *sum += more,
        (Amount::Double(sum), Amount::Double(more)) => *sum += more,
        _ => {}
    }
}

fn sum(kind: MeasureKind, amount: Amount) -> Value {
    match (kind, amount) {
        (MeasureKind::Decimal(places), Amount::Exact(units)) => {
            Decimal::new(units, places).map_or(Value::Null, Value::Decimal)
        }
        (_, Amount::Exact(n)) => i64::try_from(n).map_or(Value::Null, Value::Int),
        (_, Amount::Double(d)) => Value::Double(d),
    }
}
