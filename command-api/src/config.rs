//! Bounds of the command API, its clock and its randomness.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

/// Bounds of the command API.
#[derive(Clone, Debug)]
pub struct Config {
    /// Most bytes of a body, or of a line of a stream of commands.
    pub max_body: usize,
    /// Bytes of states in memory, per partition.
    pub state_bytes: usize,
    /// Bytes of the log's end that is not projected yet, kept after a start, per partition.
    pub tail_bytes: usize,
    /// Commands that may wait for the owner, per partition.
    pub queue: usize,
    /// The clock: milliseconds since 1970.
    pub clock: fn() -> i64,
    /// Where jitter and ids that expressions make come from.
    pub random: fn() -> u64,
    /// A partition that nobody has asked for this long is let go until somebody does; `None` =
    /// never.
    pub idle: Option<Duration>,
    /// How far the clock may be off the log's before this instance leaves its group; `None` where
    /// the log has no clock of its own.
    pub clock_tolerance: Option<Duration>,
    /// Where other instances reach this one (a URL); empty where it is the only one.
    pub advertise: Arc<str>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_body: 1 << 20,
            state_bytes: 64 << 20,
            tail_bytes: 64 << 20,
            queue: 8_192,
            clock: system_clock,
            random: || Uuid::new_v4().as_u64_pair().1,
            idle: None,
            clock_tolerance: None,
            advertise: "".into(),
        }
    }
}

fn system_clock() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |passed| passed.as_millis() as i64)
}
