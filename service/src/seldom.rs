//! Saying something once a second where it happens thousands of times: a database that is down
//! would else fill the disk with the same line.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a place may speak.
const EVERY: Duration = Duration::from_secs(1);

/// One place that may speak once a second; [`seldom!`](crate::seldom!) makes one for each call.
pub struct Seldom(Mutex<State>);

struct State {
    spoke: Option<Instant>,
    kept_back: u64,
}

impl Seldom {
    /// A place that has not spoken yet.
    pub const fn new() -> Seldom {
        Seldom(Mutex::new(State { spoke: None, kept_back: 0 }))
    }

    /// Whether to speak now; then how often it was not spoken since the last time.
    pub fn now(&self) -> Option<u64> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.spoke.is_some_and(|spoke| now.saturating_duration_since(spoke) < EVERY) {
            state.kept_back += 1;
            return None;
        }
        state.spoke = Some(now);
        Some(std::mem::take(&mut state.kept_back))
    }
}

impl Default for Seldom {
    fn default() -> Seldom {
        Seldom::new()
    }
}

/// Logs from one place, at most once a second: the level, then what `tracing` takes.
#[macro_export]
macro_rules! seldom {
    ($level:ident, $($said:tt)+) => {{
        static PLACE: $crate::Seldom = $crate::Seldom::new();
        if let Some(kept_back) = PLACE.now() {
            tracing::$level!(kept_back, $($said)+);
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_second_it_speaks_once_and_then_says_how_often_it_did_not() {
        let (place, begun) = (Seldom::new(), Instant::now());
        assert_eq!(place.at(begun), Some(0));
        assert_eq!(place.at(begun + EVERY / 2), None);
        assert_eq!(place.at(begun + EVERY / 2), None);
        assert_eq!(place.at(begun + EVERY), Some(2));
        assert_eq!(place.at(begun + 3 * EVERY), Some(0));
    }
}
