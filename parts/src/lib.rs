//! What a process is put together from: its domain, and the real parts, which are the log on Kafka
//! and the store in a CQL database. How their settings become theirs, and what is waited for.

#[cfg(feature = "kafka")]
mod log;
#[cfg(any(feature = "kafka", feature = "cql"))]
mod reach;
#[cfg(feature = "cql")]
mod store;

use std::path::Path;
use std::time::Duration;

use model::Model;
use service::process::Failure;

#[cfg(feature = "kafka")]
pub use log::{existing_log, open_log, same_history};
#[cfg(feature = "cql")]
pub use store::{existing_store, open_store};

/// How long the producers and consumers of a log may take to end.
pub const CLOSING: Duration = Duration::from_secs(5);

/// How long parts that are being started too are waited for.
#[cfg(any(feature = "kafka", feature = "cql"))]
const STARTING: service::retry::Policy = service::retry::Policy {
    first: Duration::from_millis(200),
    most: Duration::from_secs(2),
    deadline: Some(Duration::from_secs(30)),
};

/// Loads the folder of a domain; every error of it is in the failure's text.
pub fn load(folder: &Path) -> Result<Model, Failure> {
    Model::load(folder).map_err(|errors| Failure::Input(format!("{}:\n{errors}", folder.display())))
}
