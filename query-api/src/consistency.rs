//! Read-your-writes: an answer names the position that it covers, and waits, for a bounded time,
//! for the position that the caller asks for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use read_store::batch::Mark;
use read_store::{Marks, Position, Reader, RunId};
use service::Problem;

use crate::problems;
use crate::serving::Serving;

const DEFAULT_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The request header that asks for a position.
pub const MINIMUM: &str = "foldline-min-position";

/// What a caller asks of an answer's age.
#[derive(Clone, Debug, Default)]
pub struct Freshness {
    minimum: Option<Position>,
    wait: Option<Duration>,
}

/// The marks that an answer was read under.
pub struct Under {
    /// The position that the answer covers.
    pub position: Position,
    minimum: Option<Position>,
}

impl Freshness {
    /// Reads `Foldline-Min-Position` and `Prefer: wait=N`.
    pub fn asked(request: &HttpRequest) -> Result<Freshness, Problem> {
        let headers = request.headers();
        let minimum = match headers.get(MINIMUM) {
            None => None,
            Some(value) => {
                let parsed = value.to_str().ok().and_then(|text| Position::parse(text).ok());
                Some(parsed.ok_or_else(invalid_position)?)
            }
        };
        let preferences = headers.get_all("prefer").filter_map(|value| value.to_str().ok());
        let wait = preferences
            .flat_map(|value| value.split([',', ';']))
            .find_map(|preference| preference.trim().strip_prefix("wait=")?.trim().parse().ok())
            .map(Duration::from_secs);
        Ok(Freshness { minimum, wait })
    }

    /// Waits until the run covers the minimum, and says which position its rows cover at least.
    pub async fn reach(
        self,
        reader: &Arc<dyn Reader>,
        serving: &Serving,
        run: &RunId,
    ) -> Result<Under, Problem> {
        let Some(minimum) = self.minimum else {
            let marks = reader.marks().await.map_err(|error| problems::store(&error))?;
            return Ok(Under { position: position(serving, run, &marks), minimum: None });
        };
        if minimum.stream != serving.stream {
            return Err(unknown_position());
        }
        let deadline = Instant::now() + self.wait.unwrap_or(DEFAULT_WAIT).min(LONGEST_WAIT);
        loop {
            let marks = reader.marks().await.map_err(|error| problems::store(&error))?;
            let mut reached = position(serving, run, &marks);
            if covers(&reached.offsets, &minimum) {
                reached.cover_all(&minimum);
                return Ok(Under { position: reached, minimum: Some(minimum) });
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Err(not_yet_visible(&reached));
            };
            // Marks may have moved between the look and the wait; the wait is bounded, so a missed
            // move costs a moment and no more.
            let _ = tokio::time::timeout(left, reader.marks_moved()).await;
        }
    }
}

impl Under {
    /// Refuses where the caller asks for something at or past the event at which this key was set
    /// aside.
    pub fn refuse_parked(&self, parked_from: Option<i64>) -> Result<(), Problem> {
        let (Some(from), Some(minimum)) = (parked_from, &self.minimum) else { return Ok(()) };
        if minimum.offsets.values().any(|offset| *offset >= from) {
            return Err(not_yet_visible(&self.position));
        }
        Ok(())
    }
}

/// What a run's marks cover. Partitions that do not feed it are not in them.
fn position(serving: &Serving, run: &RunId, marks: &[Mark]) -> Position {
    let mut position = Position::start(serving.stream);
    for mark in marks.iter().filter(|mark| mark.run == *run && mark.offset >= 0) {
        position.cover(&mark.partition, mark.offset);
    }
    position
}

/// Whether marks reach a minimum in every partition that feeds the run. A partition without a
/// mark of this topic feeds nothing here; one of a topic that feeds the run must be reached.
fn covers(marks: &Marks, minimum: &Position) -> bool {
    minimum.offsets.iter().all(|(partition, offset)| {
        let feeds = marks.is_empty() || marks.keys().any(|(topic, _)| *topic == partition.0);
        !feeds || marks.get(partition).is_some_and(|mark| mark >= offset)
    })
}

fn invalid_position() -> Problem {
    let detail = "Foldline-Min-Position takes the Foldline-Position of an answer, as it stands";
    Problem::new(400, "invalid-position", detail)
}

fn unknown_position() -> Problem {
    let detail = "this position belongs to another stream: forget it and read without one";
    Problem::new(400, "unknown-position", detail)
}

fn not_yet_visible(reached: &Position) -> Problem {
    let detail = "what you ask for is not yet in the read model: try again, or wait longer with \
                  `Prefer: wait=N` (at most 10)";
    Problem::new(503, "not-yet-visible", detail).with("position", reached.to_text()).retry_after(1)
}
