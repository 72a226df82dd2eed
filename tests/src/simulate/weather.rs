//! How bad log and store are at a moment.

use std::sync::{Arc, Mutex, PoisonError};

use event_log::adversary::Weather;
use read_store::adversary::StoreWeather;

use super::chance::{below, percent, trace};

/// The weather over all links.
#[derive(Clone, Default)]
pub struct Skies(Arc<Mutex<(Weather, StoreWeather)>>);

impl Skies {
    pub fn log(&self) -> Weather {
        self.now().0
    }

    pub fn store(&self) -> StoreWeather {
        self.now().1
    }

    pub fn calm(&self) {
        self.set(Weather::default(), StoreWeather::default());
    }

    /// New weather, of one kind or of all.
    pub fn change(&self) {
        let kind = below(9);
        let of = |kinds: &[u64], most: u64| if kinds.contains(&kind) { below(most) } else { 0 };
        let weather = Weather {
            lost: of(&[1, 6], 300),
            late: of(&[2, 6], 500),
            twice: of(&[3, 6], 1_500),
            // A cut line: all is lost on the way there, or on the way back.
            unanswered: if kind == 7 { 2_000 + below(8_000) } else { of(&[4, 6], 300) },
            slow: of(&[5, 6], 2_000),
            leader_lost: of(&[3, 4, 6], 300),
        };
        let rough = percent(50);
        let store = StoreWeather {
            unanswered: if rough { below(400) } else { 0 },
            slow: if rough { below(1_500) } else { 0 },
            missed: if percent(70) { below(5_000) } else { 0 },
        };
        trace(format_args!("{weather:?} {store:?}"));
        self.set(weather, store);
    }

    fn now(&self) -> (Weather, StoreWeather) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, weather: Weather, store: StoreWeather) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (weather, store);
    }
}
