//! What can be known of collections and views before the first request.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Aggregate, Model};
use service::Problem;

use crate::consistency::Look;
use crate::page::Pages;
use crate::problems;

/// An aggregate type as requests name it.
pub struct Collection {
    /// The aggregate.
    pub aggregate: Arc<Aggregate>,
    /// How far its run was when last looked at.
    pub look: Look,
}

/// All collections and views of a model.
pub struct Plans {
    model: Arc<Model>,
    collections: HashMap<Arc<str>, Collection>,
    views: HashMap<Arc<str>, Arc<Pages>>,
}

impl Plans {
    /// Works out what every request would otherwise work out for itself.
    pub fn new(model: Arc<Model>) -> Plans {
        let collections = model.aggregates.iter().map(|aggregate| {
            let aggregate = Arc::clone(aggregate);
            (Arc::clone(&aggregate.plural), Collection { aggregate, look: Look::default() })
        });
        let views = model.views().map(|(aggregate, view)| {
            let pages = Pages::new(Arc::clone(aggregate), Arc::clone(view));
            (Arc::clone(&view.name), Arc::new(pages))
        });
        Plans { collections: collections.collect(), views: views.collect(), model }
    }

    /// The collection of this plural, or the 404.
    pub fn collection(&self, plural: &str) -> Result<&Collection, Problem> {
        let found = self.collections.get(plural);
        found.ok_or_else(|| problems::unknown_collection(&self.model, plural))
    }

    /// The view of this name, or the 404.
    pub fn view(&self, name: &str) -> Result<&Arc<Pages>, Problem> {
        self.views.get(name).ok_or_else(|| problems::unknown_view(&self.model, name))
    }
}
