//! A domain whose commands are ten events each on one aggregate, and the calls that make them.

use std::path::Path;

use anyhow::{Result, ensure};
use uuid::Uuid;

use crate::bench::client::Answer;
use crate::bench::drive::Scenario;
use crate::bench::scenarios::post;

const FILES: [(&str, &str); 5] = [
    ("model.yaml", include_str!("../meters/model.yaml")),
    ("state.avsc", include_str!("../meters/state.avsc")),
    ("commands/InstallMeter.avsc", include_str!("../meters/commands/InstallMeter.avsc")),
    ("events/MeterInstalled/1.avsc", include_str!("../meters/events/MeterInstalled/1.avsc")),
    ("events/ValueRead/1.avsc", include_str!("../meters/events/ValueRead/1.avsc")),
];

/// Writes the domain into an empty folder.
pub fn write(schemas: &Path) -> Result<()> {
    for (path, text) in FILES {
        let target = schemas.join("meters").join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(target, text)?;
    }
    Ok(())
}

/// Installs a meter with nine values: ten events.
pub struct Install;

impl Scenario for Install {
    fn request(&self, connection: usize, call: u64, out: &mut Vec<u8>) {
        let site = Uuid::from_u64_pair(call, connection as u64);
        let body = format!(r#"{{"site":"{site}","values":[1,2,3,4,5,6,7,8,9]}}"#);
        post("/meters/install", body.as_bytes(), out);
    }

    fn check(&self, _: usize, _: u64, answer: &Answer<'_>) -> Result<()> {
        ensure!(answer.status == 201, "a meter was not installed");
        Ok(())
    }

    fn is_refusal(&self, answer: &Answer<'_>) -> bool {
        matches!(answer.status, 429 | 503)
    }
}
