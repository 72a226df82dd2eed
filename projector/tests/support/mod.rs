//! What the tests of the projector share: a domain, a log and a store in memory.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, of which each uses a part"
)]

pub mod log;
pub mod store;

use std::path::Path;
use std::sync::Arc;

use event_log::Log;
use foldline_projector::generation::{PrepareError, prepare_with};
use foldline_projector::{Config, Report, verify};
use model::Model;
use read_store::{Catalog, Reader};

pub use log::MemoryLog;
pub use store::MemoryStore;

/// The accounts domain, with changes to its model.yaml.
pub fn model_with(changes: &[(&str, &str)]) -> Arc<Model> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/domains/accounts");
    let folder = tempfile::tempdir().unwrap();
    copy(&source, folder.path());
    let file = folder.path().join("account/model.yaml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "nothing to change: {from}");
        text = text.replace(from, to);
    }
    std::fs::write(&file, text).unwrap();
    Arc::new(Model::load(folder.path()).unwrap_or_else(|errors| panic!("{errors}")))
}

pub fn model() -> Arc<Model> {
    model_with(&[])
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}

/// A model, its log and its store.
pub struct World {
    pub model: Arc<Model>,
    pub log: Arc<MemoryLog>,
    pub store: MemoryStore,
}

impl World {
    pub fn new() -> World {
        World { model: model(), log: MemoryLog::new(), store: MemoryStore::default() }
    }

    pub fn command(&self, id: &str, events: &[log::NewEvent]) {
        self.log.command(&self.model, id, events, None);
    }

    /// Fills up to the log's end.
    pub async fn fill(&self) -> Result<Catalog, PrepareError> {
        self.fill_with(&Config::default()).await
    }

    pub async fn fill_with(&self, config: &Config) -> Result<Catalog, PrepareError> {
        let mut writer = self.store.clone();
        let log: Arc<dyn Log> = self.log.clone();
        let reader: Arc<dyn Reader> = Arc::new(self.store.clone());
        prepare_with(config, &self.model, &log, &mut writer, &reader, &mut |_, _| {}).await
    }

    pub async fn verify(&self) -> Report {
        let log: Arc<dyn Log> = self.log.clone();
        let reader: Arc<dyn Reader> = Arc::new(self.store.clone());
        verify(&self.model, &log, &reader).await.unwrap()
    }
}
