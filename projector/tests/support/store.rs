//! A store in memory that applies a batch wholly or not at all, and fails when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use model::rows::Amount;
use model::{Decimal, MeasureKind, Rollup, Value, View, ViewKind};
use read_store::batch::{StateRow, UsedKey};
use read_store::store::StoredEvent;
use read_store::{
    Batch, Catalog, CellWrite, Mark, Page, PageRequest, ParkedWrite, Reader, RunId, StoreError,
    Writer,
};
use tokio::sync::Notify;

type Key = (Arc<str>, Arc<str>);
type Group = (Vec<Value>, Vec<Amount>, i64);

/// What is stored, comparable as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tables {
    pub catalog: Catalog,
    pub states: BTreeMap<Key, StateRow>,
    pub history: BTreeMap<(Key, u64), StoredEvent>,
    pub commands: BTreeMap<(Key, u64), UsedKey>,
    pub rows: BTreeMap<Key, BTreeMap<String, Vec<Value>>>,
    pub cells: BTreeMap<Key, BTreeMap<String, Group>>,
    pub parked: BTreeMap<(Key, Option<Arc<str>>, i64), ParkedWrite>,
    pub marks: BTreeMap<Arc<str>, Mark>,
}

/// What goes wrong, and when.
#[derive(Default)]
pub struct Faults {
    /// Whether the n-th apply from now fails, and whether after it took effect.
    pub fail: Option<(usize, bool)>,
    /// Rows of this view with this id are refused.
    pub refuse: Option<(&'static str, &'static str)>,
    /// How many batches were applied.
    pub applied: usize,
    /// How many changes of the catalog find that somebody was quicker.
    pub conflicts: usize,
}

#[derive(Clone, Default)]
pub struct MemoryStore {
    pub tables: Arc<Mutex<Tables>>,
    pub faults: Arc<Mutex<Faults>>,
    moved: Arc<Notify>,
}

impl MemoryStore {
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    /// The rows of a view, shown as text.
    pub fn shown(&self, view: &str) -> Vec<String> {
        let tables = self.tables();
        let of_view = tables.rows.iter().filter(|((_, name), _)| &**name == view);
        of_view.flat_map(|(_, rows)| rows.keys().cloned()).collect()
    }
}

fn columns(view: &View) -> Vec<usize> {
    match &view.kind {
        ViewKind::Rows(rows) => {
            rows.key.iter().copied().chain(rows.clustering.iter().map(|(at, _)| *at)).collect()
        }
        ViewKind::Rollup(rollup) => (0..rollup.group.len()).collect(),
    }
}

fn row_key(view: &View, row: &[Value]) -> String {
    columns(view).iter().map(|at| format!("{:?} ", row[*at])).collect()
}

fn add(tables: &mut Tables, cell: CellWrite) {
    let key = (cell.run.0.clone(), cell.view.name.clone());
    let cells = tables.cells.entry(key).or_default();
    let group = row_key(&cell.view, &cell.group);
    match cells.get_mut(&group) {
        None => {
            cells.insert(group, (cell.group, cell.add, cell.rows));
        }
        Some((_, amounts, rows)) => {
            for (have, more) in amounts.iter_mut().zip(&cell.add) {
                *have = match (*have, *more) {
                    (Amount::Exact(a), Amount::Exact(b)) => Amount::Exact(a + b),
                    (Amount::Double(a), Amount::Double(b)) => Amount::Double(a + b),
                    _ => panic!("one kind of amount"),
                };
            }
            *rows += cell.rows;
        }
    }
    cells.retain(|_, (_, _, rows)| *rows != 0);
}

fn take(tables: &mut Tables, batch: Batch) {
    for write in batch.rows {
        let rows = tables.rows.entry((write.run.0.clone(), write.view.name.clone())).or_default();
        let key = row_key(&write.view, &write.row.0);
        match write.delete {
            true => rows.remove(&key),
            false => rows.insert(key, write.row.0),
        };
    }
    batch.cells.into_iter().for_each(|cell| add(tables, cell));
    for write in batch.history {
        let event = StoredEvent {
            version: write.version,
            event: write.event,
            time: write.time,
            data: write.data,
        };
        tables.history.insert(((write.run.0, write.id), write.version), event);
    }
    for write in batch.commands {
        tables.commands.insert(((write.run.0, write.id), write.used.number % 1_000), write.used);
    }
    for write in batch.states {
        tables.states.insert((write.run.0, write.id), write.state);
    }
    for write in batch.parked {
        let key = ((write.run.0.clone(), write.id.clone()), write.view.clone(), write.offset);
        tables.parked.insert(key, write);
    }
    for mark in batch.marks {
        tables.marks.insert(mark.run.0.clone(), mark);
    }
}

#[async_trait]
impl Writer for MemoryStore {
    async fn migrate(
        &mut self,
        _model: &Arc<model::Model>,
        catalog: &Catalog,
    ) -> Result<Catalog, StoreError> {
        let mut tables = self.tables();
        let mut faults = self.faults.lock().unwrap();
        if faults.conflicts > 0 {
            faults.conflicts -= 1;
            tables.catalog.revision += 1;
        }
        if tables.catalog.revision != catalog.revision {
            return Err(StoreError::Conflict);
        }
        let mut moves = Vec::new();
        for run in &catalog.runs {
            for view in &run.views {
                let feeding = tables
                    .catalog
                    .runs
                    .iter()
                    .find(|old| old.fold_hash == run.fold_hash && old.views.contains(view));
                if let Some(old) = feeding.filter(|old| old.id != run.id) {
                    moves.push((old.id.0.clone(), run.id.0.clone(), view.0.clone()));
                }
            }
        }
        for (from, to, view) in moves {
            if let Some(rows) = tables.rows.remove(&(from.clone(), view.clone())) {
                tables.rows.insert((to.clone(), view.clone()), rows);
            }
            if let Some(cells) = tables.cells.remove(&(from, view.clone())) {
                tables.cells.insert((to, view), cells);
            }
        }
        let named = |run: &Arc<str>| catalog.runs.iter().find(|r| r.id.0 == *run);
        let feeds = |key: &Key| {
            named(&key.0).is_some_and(|run| run.views.iter().any(|(view, _)| *view == key.1))
        };
        tables.states.retain(|key, _| named(&key.0).is_some());
        tables.history.retain(|key, _| named(&key.0.0).is_some());
        tables.commands.retain(|key, _| named(&key.0.0).is_some());
        tables.parked.retain(|key, _| named(&key.0.0).is_some());
        tables.marks.retain(|run, _| named(run).is_some());
        tables.rows.retain(|key, _| feeds(key));
        tables.cells.retain(|key, _| feeds(key));
        tables.catalog = Catalog { revision: catalog.revision + 1, ..catalog.clone() };
        Ok(tables.catalog.clone())
    }

    async fn states(
        &mut self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError> {
        Reader::states(self, run, aggregate, ids).await
    }

    async fn parked_views(
        &mut self,
        _run: &RunId,
    ) -> Result<Vec<(Arc<str>, Arc<str>)>, StoreError> {
        Ok(Vec::new())
    }

    async fn unpark(
        &mut self,
        _run: &RunId,
        _view: Option<&str>,
        _id: &str,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    async fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        let mut faults = self.faults.lock().unwrap();
        if let Some((view, id)) = faults.refuse {
            let refused =
                |write: &read_store::RowWrite| &*write.view.name == view && &*write.id == id;
            if batch.rows.iter().any(refused) {
                return Err(StoreError::Refused("a value that can't be held".into()));
            }
        }
        let failure = match &mut faults.fail {
            Some((0, after)) => Some(*after),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        if failure.is_some() {
            faults.fail = None;
        }
        if failure != Some(false) {
            faults.applied += 1;
            take(&mut self.tables(), batch);
            self.moved.notify_waiters();
        }
        match failure {
            Some(_) => Err(StoreError::Unavailable("pulled the plug".into())),
            None => Ok(()),
        }
    }
}

fn shown(rollup: &Rollup, (group, amounts, _): &(Vec<Value>, Vec<Amount>, i64)) -> Vec<Value> {
    let value = |(amount, measure): (&Amount, &model::Measure)| match (amount, measure.kind) {
        (Amount::Exact(n), MeasureKind::Decimal(places)) => {
            Value::Decimal(Decimal::new(*n, places).unwrap())
        }
        (Amount::Exact(n), _) => Value::Int(*n as i64),
        (Amount::Double(d), _) => Value::Double(*d),
    };
    group.iter().cloned().chain(amounts.iter().zip(&rollup.measures).map(value)).collect()
}

#[async_trait]
impl Reader for MemoryStore {
    async fn catalog(&self) -> Result<Catalog, StoreError> {
        Ok(self.tables().catalog.clone())
    }

    async fn marks(&self) -> Result<Arc<Vec<Mark>>, StoreError> {
        Ok(Arc::new(self.tables().marks.values().cloned().collect()))
    }

    async fn marks_moved(&self) {
        self.moved.notified().await;
    }

    async fn state(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
    ) -> Result<Option<StateRow>, StoreError> {
        Ok(self.tables().states.get(&(run.0.clone(), id.into())).cloned())
    }

    async fn states(
        &self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError> {
        let mut found = Vec::new();
        for id in ids {
            found.push(self.state(run, aggregate, id).await?);
        }
        Ok(found)
    }

    async fn used_keys(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
    ) -> Result<Vec<UsedKey>, StoreError> {
        let of_id = |(key, _): &(&(Key, u64), &UsedKey)| key.0.0 == run.0 && &*key.0.1 == id;
        Ok(self.tables().commands.iter().filter(of_id).map(|(_, used)| used.clone()).collect())
    }

    async fn history(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let key: Key = (run.0.clone(), id.into());
        let tables = self.tables();
        let of_id = tables.history.range((key.clone(), after + 1)..=(key, u64::MAX));
        Ok(of_id.take(limit).map(|(_, event)| event.clone()).collect())
    }

    async fn page(
        &self,
        _run: &RunId,
        _view: &Arc<View>,
        _request: &PageRequest,
    ) -> Result<Page, StoreError> {
        Err(StoreError::Refused("no pages here".into()))
    }

    async fn scan_states(
        &self,
        run: &RunId,
        _aggregate: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>, StoreError> {
        let tables = self.tables();
        let of_run = tables
            .states
            .iter()
            .filter(|(key, _)| key.0 == run.0 && after.is_none_or(|after| &*key.1 > after));
        Ok(of_run.take(limit).map(|(key, row)| (key.1.clone(), row.clone())).collect())
    }

    async fn scan_rows(
        &self,
        run: &RunId,
        view: &Arc<View>,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let key: Key = (run.0.clone(), view.name.clone());
        let after = after.map(|row| row_key(view, row));
        let later = |key: &String| after.as_ref().is_none_or(|after| key > after);
        let tables = self.tables();
        Ok(match &view.kind {
            ViewKind::Rows(_) => {
                let rows = tables.rows.get(&key).into_iter().flatten();
                rows.filter(|(key, _)| later(key)).take(limit).map(|(_, r)| r.clone()).collect()
            }
            ViewKind::Rollup(rollup) => {
                let cells = tables.cells.get(&key).into_iter().flatten();
                let cells = cells.filter(|(key, _)| later(key)).take(limit);
                cells.map(|(_, cell)| shown(rollup, cell)).collect()
            }
        })
    }

    async fn parked(&self, run: &RunId) -> Result<Vec<ParkedWrite>, StoreError> {
        let tables = self.tables();
        let of_run = tables.parked.iter().filter(|(key, _)| key.0.0 == run.0);
        Ok(of_run.map(|(_, parked)| parked.clone()).collect())
    }

    async fn waiting(
        &self,
        run: &RunId,
        _aggregate: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<ParkedWrite>, StoreError> {
        let tables = self.tables();
        let of_fold = tables
            .parked
            .values()
            .filter(|pointer| pointer.run == *run && pointer.view.is_none() && &*pointer.id == id);
        Ok(of_fold.take(limit).cloned().collect())
    }
}
