//! How the projector works: bounds, and what it may take for granted of the store.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Settings of the projector; the defaults suit the embedded store.
#[derive(Clone, Debug)]
pub struct Config {
    /// Most bytes of the log that one batch reads. Batches are as large as the lag allows, so this
    /// bounds memory and is no delay.
    pub batch_bytes: usize,
    /// Most events of one batch, but for the last command of it, which is never cut.
    pub batch_events: usize,
    /// Bound of the decoded states that are kept, in bytes, for each partition.
    pub cache_bytes: u64,
    /// Whether the store applies a batch wholly or not at all and has no other projector, so that
    /// above the mark there is no row of an aggregate whose first event lies above it.
    pub atomic: bool,
    /// Up to this many events a batch is planned on the calling thread; a projector that has a
    /// thread of its own plans all there.
    pub inline_events: usize,
    /// How long a stopped partition waits before it tries again.
    pub stopped_retry: Duration,
    /// Longest wait between two tries while log or store can't be reached.
    pub longest_backoff: Duration,
    /// Where the jitter of such waits comes from.
    pub random: fn() -> u64,
    /// The clock that lag is shown by: milliseconds since 1970.
    pub clock: fn() -> i64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            batch_bytes: 4 << 20,
            batch_events: 20_000,
            cache_bytes: 32 << 20,
            atomic: true,
            inline_events: 128,
            stopped_retry: Duration::from_secs(5),
            longest_backoff: Duration::from_secs(5),
            random: || uuid::Uuid::new_v4().as_u64_pair().1,
            clock: system_clock,
        }
    }
}

fn system_clock() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |passed| i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
}
