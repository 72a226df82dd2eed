//! What every store must do, on SQLite.

mod conformance;

use std::sync::Arc;

use async_trait::async_trait;
use conformance::world::Engine;
use foldline_read_store::sqlite::SqliteStore;
use foldline_read_store::{Reader, Writer};
use tempfile::TempDir;

struct Sqlite(TempDir);

async fn sqlite() -> Sqlite {
    Sqlite(tempfile::tempdir().expect("a directory is made"))
}

#[async_trait]
impl Engine for Sqlite {
    async fn open(&self) -> (Arc<dyn Reader>, Box<dyn Writer>) {
        let (reader, writer) = SqliteStore::open(self.0.path()).expect("it opens");
        (reader, Box::new(writer))
    }

    async fn beside(&self) -> Arc<dyn Reader> {
        SqliteStore::open_read_only(self.0.path()).expect("it opens")
    }

    async fn close(self) {}
}

all_cases!(crate::sqlite);
