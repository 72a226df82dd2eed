//! Which runs serve: looked up in the catalog, kept for a second.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use model::{Aggregate, Model, View};
use read_store::{Catalog, Reader, RunId};
use service::Problem;
use uuid::Uuid;

use crate::problems;

/// How long a look at the catalog is good for.
const FRESH: Duration = Duration::from_secs(1);

/// The live run of each aggregate and view of this model.
pub struct Serving {
    /// The stream that positions belong to.
    pub stream: Uuid,
    primary: HashMap<Arc<str>, RunId>,
    views: HashMap<Arc<str>, RunId>,
    /// The topic that feeds each run, where each has one of its own.
    topics: HashMap<RunId, Arc<str>>,
    seen: Instant,
    is_complete: bool,
}

impl Serving {
    fn new(model: &Model, catalog: &Catalog, topic_per_aggregate: bool) -> Serving {
        let mut primary = HashMap::new();
        let mut views = HashMap::new();
        let fits = |a: &Aggregate, run: &read_store::Run| {
            run.live && run.aggregate == a.name && run.fold_hash == a.fold_hash
        };
        for aggregate in &model.aggregates {
            for run in catalog.runs.iter().filter(|run| fits(aggregate, run)) {
                if run.primary {
                    primary.insert(Arc::clone(&aggregate.name), run.id.clone());
                }
                for view in &aggregate.views {
                    if run.views.iter().any(|(name, hash)| *name == view.name && *hash == view.hash)
                    {
                        views.insert(Arc::clone(&view.name), run.id.clone());
                    }
                }
            }
        }
        let is_complete = model.aggregates.iter().all(|a| primary.contains_key(&a.name))
            && model.views().all(|(_, view)| views.contains_key(&view.name));
        let stream = catalog.stream.unwrap_or_default();
        let named = catalog.runs.iter().filter(|_| topic_per_aggregate);
        let topics = named.map(|run| (run.id.clone(), Arc::clone(&run.aggregate))).collect();
        Serving { stream, primary, views, topics, seen: Instant::now(), is_complete }
    }

    /// The one topic that feeds a run, where topics are told apart.
    pub fn topic(&self, run: &RunId) -> Option<&Arc<str>> {
        self.topics.get(run)
    }

    /// The run that serves an aggregate's states and histories.
    pub fn primary(&self, aggregate: &str) -> Option<&RunId> {
        self.primary.get(aggregate)
    }

    /// The same, or the problem that says that it is being filled.
    pub fn of_aggregate(&self, aggregate: &Aggregate) -> Result<&RunId, Problem> {
        self.primary(&aggregate.name).ok_or_else(|| problems::filling(&aggregate.plural))
    }

    /// The run that serves a view.
    pub fn of_view(&self, view: &View) -> Result<&RunId, Problem> {
        self.views.get(&view.name).ok_or_else(|| problems::filling(&view.name))
    }

    /// The collections and views that no live run serves.
    pub fn missing<'m>(&self, model: &'m Model) -> Vec<&'m str> {
        let states = model.aggregates.iter().filter(|a| !self.primary.contains_key(&a.name));
        let views = model.views().filter(|(_, view)| !self.views.contains_key(&view.name));
        states.map(|a| &*a.plural).chain(views.map(|(_, view)| &*view.name)).collect()
    }
}

/// The last look at the catalog.
pub struct Runs {
    model: Arc<Model>,
    reader: Arc<dyn Reader>,
    topic_per_aggregate: bool,
    last: RwLock<Option<Arc<Serving>>>,
}

impl Runs {
    /// Looks nothing up yet.
    pub fn new(model: Arc<Model>, reader: Arc<dyn Reader>, topic_per_aggregate: bool) -> Runs {
        Runs { model, reader, topic_per_aggregate, last: RwLock::new(None) }
    }

    /// What serves now; at most a second old.
    pub async fn current(&self) -> Result<Arc<Serving>, Problem> {
        let last = self.last.read().ok().and_then(|last| last.clone());
        if let Some(serving) = last
            && serving.seen.elapsed() < FRESH
            && serving.is_complete
        {
            return Ok(serving);
        }
        let catalog = self.reader.catalog().await.map_err(|error| problems::store(&error))?;
        let serving = Arc::new(Serving::new(&self.model, &catalog, self.topic_per_aggregate));
        if let Ok(mut last) = self.last.write() {
            *last = Some(Arc::clone(&serving));
        }
        Ok(serving)
    }
}
