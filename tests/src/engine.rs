//! The two engines on which a domain must behave the same.

use std::ops::Deref;
use std::path::Path;

use anyhow::Result;

use crate::{Api, System, World, repository};

/// What holds the log and the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One process on two SQLite files.
    Sqlite,
    /// Three services on Kafka and a CQL database.
    KafkaAndCql,
}

/// A domain, served.
pub struct Served {
    running: Running,
    _schemas: tempfile::TempDir,
}

enum Running {
    Alone(Box<World>),
    Together(Box<System>),
}

impl Engine {
    /// Serves one domain of a folder of this repository, which may hold several.
    pub async fn serve(self, folder: &str, domain: &str) -> Result<Served> {
        let only = only(folder, domain)?;
        let running = match self {
            Engine::Sqlite => Running::Alone(Box::new(World::start(only.path())?)),
            Engine::KafkaAndCql => Running::Together(Box::new(System::start(only.path()).await?)),
        };
        Ok(Served { running, _schemas: only })
    }
}

impl Served {
    /// Fails with what differs, unless every table says what the log says.
    pub fn verify(&self) -> Result<()> {
        match &self.running {
            Running::Alone(world) => world.verify(),
            Running::Together(system) => system.verify(),
        }
    }
}

impl Deref for Served {
    type Target = Api;

    fn deref(&self) -> &Api {
        match &self.running {
            Running::Alone(world) => world,
            Running::Together(system) => system,
        }
    }
}

/// One domain of a folder of this repository, without the others beside it.
pub(crate) fn only(folder: &str, domain: &str) -> Result<tempfile::TempDir> {
    let only = tempfile::tempdir()?;
    for part in [domain, "types"] {
        let from = repository(folder).join(part);
        if from.is_dir() {
            copy(&from, &only.path().join(part))?;
        }
    }
    Ok(only)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
