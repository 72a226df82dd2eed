//! The domain as it is at first, and as it is deployed later in some runs.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use model::{Aggregate, Model};

/// What a deployment changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// How events are folded, and the version in which one is written.
    Folds,
    /// What is shown.
    Views,
}

/// All models of the simulation.
pub struct Models {
    /// The first.
    pub first: Arc<Model>,
    folds: Arc<Model>,
    views: Arc<Model>,
    /// The one with other folds, taken for one with the same.
    folds_unseen: Arc<Model>,
}

impl Models {
    /// Loads them all.
    pub fn load() -> anyhow::Result<Models> {
        let (first, folds) = (loaded(&[])?, loaded(&["folds"])?);
        let folds_unseen = Arc::new(with_the_hash_of(&folds, &first));
        Ok(Models { views: loaded(&["views"])?, first, folds, folds_unseen })
    }

    /// What is deployed later.
    pub fn after(&self, change: Change) -> Arc<Model> {
        match change {
            Change::Folds if event_log::planted::is("changed-fold-on-old-states") => {
                self.folds_unseen.clone()
            }
            Change::Folds => self.folds.clone(),
            Change::Views => self.views.clone(),
        }
    }
}

/// The first domain, with what these folders have laid over it.
fn loaded(over: &[&str]) -> anyhow::Result<Arc<Model>> {
    let folder = tempfile::tempdir()?;
    for layer in ["first"].iter().chain(over) {
        lay(&crate::repository("tests/simulated").join(layer), folder.path())?;
    }
    Model::load(folder.path()).map(Arc::new).map_err(|errors| anyhow::anyhow!("{errors}"))
}

fn lay(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (entry, to) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if entry.is_dir() {
            lay(&entry, &to)?;
        } else {
            fs::copy(&entry, &to)?;
        }
    }
    Ok(())
}

fn with_the_hash_of(model: &Model, other: &Model) -> Model {
    let like = |(aggregate, other): (&Arc<Aggregate>, &Arc<Aggregate>)| {
        Arc::new(Aggregate { fold_hash: other.fold_hash, ..Aggregate::clone(aggregate) })
    };
    let aggregates = model.aggregates.iter().zip(&other.aggregates).map(like).collect();
    Model { aggregates }
}
