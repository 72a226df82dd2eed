//! A read store in memory that takes the log in when it is told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use event_log::validity::{Step, Validity, event};
use event_log::{Body, EventRecord, Record};
use model::{Model, Value, View};
use read_store::batch::{StateRow, UsedKey};
use read_store::query::{Page, PageRequest};
use read_store::store::StoredEvent;
use read_store::{Catalog, Mark, ParkedWrite, Reader, Run, RunId, StoreError};
use tokio::sync::watch;

#[derive(Default)]
struct Inside {
    states: HashMap<(String, String), StateRow>,
    keys: HashMap<(String, String), Vec<UsedKey>>,
    marks: Vec<Mark>,
    history: HashMap<(String, String), Vec<StoredEvent>>,
    pointers: HashMap<(String, String), Vec<ParkedWrite>>,
    failing: bool,
    panicking: bool,
}

/// The store.
pub struct FakeStore {
    model: Arc<Model>,
    inside: Mutex<Inside>,
    // From which version on folding fails.
    parked: Mutex<HashMap<(String, String), u64>>,
    // While true, states are read but not answered.
    held: watch::Sender<bool>,
    // How many times states were asked for.
    asked: watch::Sender<usize>,
}

impl FakeStore {
    pub fn new(model: Arc<Model>) -> Arc<FakeStore> {
        let (held, asked) = (watch::Sender::new(false), watch::Sender::new(0));
        Arc::new(FakeStore {
            model,
            inside: Mutex::default(),
            parked: Mutex::default(),
            held,
            asked,
        })
    }

    /// Holds back states that were read, until released.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Returns once the store has been asked for states this often in all.
    pub async fn asked(&self, times: usize) {
        self.asked.subscribe().wait_for(|asked| *asked >= times).await.unwrap();
    }

    /// How often it was asked for states until now.
    pub fn times_asked(&self) -> usize {
        *self.asked.borrow()
    }

    /// The next question for states panics.
    pub fn panic_next(&self) {
        self.inside.lock().unwrap().panicking = true;
    }

    pub fn fail(&self, failing: bool) {
        self.inside.lock().unwrap().failing = failing;
    }

    /// From this version on an aggregate is set aside when it is projected.
    pub fn park(&self, aggregate: &str, id: &str, from: u64) {
        self.parked.lock().unwrap().insert((aggregate.to_owned(), id.to_owned()), from);
    }

    /// Changes what points to the events of an aggregate that wait.
    pub fn change_pointers(&self, aggregate: &str, id: &str, how: impl Fn(&mut Vec<ParkedWrite>)) {
        let mut inside = self.inside.lock().unwrap();
        how(inside.pointers.get_mut(&(aggregate.to_owned(), id.to_owned())).unwrap());
    }

    /// Takes in all of these records, from the log's start.
    pub fn project(&self, records: Vec<Record>) {
        let mut inside = Inside::default();
        let mut validity = Validity::default();
        let end = records.last().map_or(-1, |r| r.offset.0);
        for record in records {
            if let Step::Complete(records) = validity.step(record) {
                self.fold(&mut inside, &records);
            }
        }
        for aggregate in &self.model.aggregates {
            inside.marks.push(Mark {
                run: RunId(aggregate.name.clone()),
                partition: ("log".into(), 0),
                offset: end,
                claim: validity.claim.map(|c| *c.0.as_bytes()),
                seq: validity.seq,
            });
        }
        *self.inside.lock().unwrap() = inside;
    }

    fn fold(&self, inside: &mut Inside, records: &[Record]) {
        let first = event(&records[0]).unwrap().clone();
        let model = self.model.aggregate(&first.aggregate).unwrap();
        let key = (first.aggregate.to_string(), first.id.to_string());
        let row = inside.states.entry(key.clone()).or_insert(StateRow {
            version: 0,
            offset: -1,
            keyed: 0,
            state: None,
            parked_from: None,
        });
        let began = row.state.is_none();
        let parked = self.parked.lock().unwrap().get(&key).copied().unwrap_or(u64::MAX);
        for record in records {
            let Body::Event(event) = &record.body else { continue };
            if event.version >= parked {
                row.parked_from.get_or_insert(record.offset.0);
                inside.pointers.entry(key.clone()).or_default().push(pointer(record, event));
                continue;
            }
            let before = row.state.as_deref().map(|b| model.state_shape.decode(b).unwrap());
            let (index, data) = model.read_event(&event.event, &event.data).unwrap();
            let after = model.fold(before.as_ref(), index, &data, &event.id, record.time).unwrap();
            row.state = after.map(|state| Bytes::from(model.encode_state(&state)));
            row.version = event.version;
            row.offset = record.offset.0;
            inside.history.entry(key.clone()).or_default().push(StoredEvent {
                version: event.version,
                event: event.event.clone(),
                time: record.time,
                data: event.data.clone(),
            });
        }
        let whole = row.parked_from.is_none();
        if let Some(command) = first.command.filter(|_| whole) {
            row.keyed += 1;
            inside.keys.entry(key).or_default().push(UsedKey {
                number: row.keyed,
                key: command.key,
                caller: command.caller,
                hash: command.hash,
                first_version: first.version,
                events: records.iter().map(|r| event(r).unwrap().event.clone()).collect(),
                began,
                offset: row.offset,
            });
        }
    }
}

fn pointer(record: &Record, event: &EventRecord) -> ParkedWrite {
    ParkedWrite {
        run: RunId(event.aggregate.clone()),
        aggregate: event.aggregate.clone(),
        id: event.id.clone(),
        view: None,
        partition: ("log".into(), 0),
        offset: record.offset.0,
        version: event.version,
        reason: String::new(),
    }
}

#[async_trait]
impl Reader for FakeStore {
    async fn catalog(&self) -> Result<Catalog, StoreError> {
        let runs = self.model.aggregates.iter().map(|aggregate| Run {
            id: RunId(aggregate.name.clone()),
            aggregate: aggregate.name.clone(),
            fold_hash: aggregate.fold_hash,
            views: Vec::new(),
            primary: true,
            live: true,
        });
        Ok(Catalog { runs: runs.collect(), ..Catalog::default() })
    }

    async fn marks(&self) -> Result<Arc<Vec<Mark>>, StoreError> {
        Ok(Arc::new(self.inside.lock().unwrap().marks.clone()))
    }

    async fn marks_moved(&self) {
        tokio::task::yield_now().await;
    }

    async fn state(
        &self,
        _run: &RunId,
        aggregate: &str,
        id: &str,
    ) -> Result<Option<StateRow>, StoreError> {
        let inside = self.inside.lock().unwrap();
        if inside.failing {
            return Err(StoreError::Unavailable("down".to_owned()));
        }
        Ok(inside.states.get(&(aggregate.to_owned(), id.to_owned())).cloned())
    }

    async fn states(
        &self,
        run: &RunId,
        aggregate: &str,
        ids: &[Arc<str>],
    ) -> Result<Vec<Option<StateRow>>, StoreError> {
        let panics = std::mem::take(&mut self.inside.lock().unwrap().panicking);
        assert!(!panics, "a fault of the store");
        let mut rows = Vec::new();
        for id in ids {
            rows.push(self.state(run, aggregate, id).await?);
        }
        self.asked.send_modify(|asked| *asked += 1);
        let mut held = self.held.subscribe();
        held.wait_for(|held| !held).await.unwrap();
        // Others are decided while this one is being read.
        tokio::task::yield_now().await;
        Ok(rows)
    }

    async fn used_keys(
        &self,
        _run: &RunId,
        aggregate: &str,
        id: &str,
    ) -> Result<Vec<UsedKey>, StoreError> {
        let inside = self.inside.lock().unwrap();
        Ok(inside.keys.get(&(aggregate.to_owned(), id.to_owned())).cloned().unwrap_or_default())
    }

    async fn history(
        &self,
        _run: &RunId,
        aggregate: &str,
        id: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let inside = self.inside.lock().unwrap();
        let of_id = inside.history.get(&(aggregate.to_owned(), id.to_owned()));
        let later = of_id.into_iter().flatten().filter(|event| event.version > after);
        Ok(later.take(limit).cloned().collect())
    }

    async fn page(
        &self,
        _run: &RunId,
        _view: &Arc<View>,
        _request: &PageRequest,
    ) -> Result<Page, StoreError> {
        Ok(Page::default())
    }

    async fn scan_states(
        &self,
        _run: &RunId,
        _aggregate: &str,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Vec<(Arc<str>, StateRow)>, StoreError> {
        Ok(Vec::new())
    }

    async fn scan_rows(
        &self,
        _run: &RunId,
        _view: &Arc<View>,
        _after: Option<&[Value]>,
        _limit: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        Ok(Vec::new())
    }

    async fn parked(&self, _run: &RunId) -> Result<Vec<ParkedWrite>, StoreError> {
        Ok(Vec::new())
    }
    async fn waiting(
        &self,
        _run: &RunId,
        aggregate: &str,
        id: &str,
        limit: usize,
    ) -> Result<Vec<ParkedWrite>, StoreError> {
        let inside = self.inside.lock().unwrap();
        let of_id = inside.pointers.get(&(aggregate.to_owned(), id.to_owned()));
        Ok(of_id.into_iter().flatten().take(limit).cloned().collect())
    }
}
