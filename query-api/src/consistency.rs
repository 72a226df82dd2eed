//! Read-your-writes: an answer names the position that it covers, and waits, for a bounded time,
//! for the position that the caller asks for.

mod reached;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use read_store::position::PartitionKey;
use read_store::{Position, Reader, RunId};
use service::Problem;

use crate::answer::POSITION;
use crate::problems;
use crate::serving::Serving;
pub use reached::{Look, Reached};

const DEFAULT_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The request header that asks for a position.
pub const MINIMUM: HeaderName = HeaderName::from_static("foldline-min-position");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// What a caller asks of an answer's age.
#[derive(Clone, Debug)]
pub struct Freshness {
    /// The position that the answer must cover.
    pub minimum: Option<Position>,
    wait: Duration,
}

/// What the rows of an answer cover at least, and what its caller asked for.
pub struct Under<'a> {
    /// What the run's marks cover.
    pub reached: Arc<Reached>,
    minimum: Option<&'a Position>,
}

impl Freshness {
    /// Reads `Foldline-Min-Position` and `Prefer: wait=N`.
    pub fn asked(headers: &HeaderMap) -> Result<Freshness, Problem> {
        let Some(value) = headers.get(&MINIMUM) else {
            return Ok(Freshness { minimum: None, wait: Duration::ZERO });
        };
        let parsed = value.to_str().ok().and_then(|text| Position::parse(text).ok());
        let minimum = Some(parsed.ok_or_else(invalid_position)?);
        Ok(Freshness { minimum, wait: wait(headers).unwrap_or(DEFAULT_WAIT) })
    }

    /// Waits until the run covers the minimum, and says which position its rows cover at least.
    pub async fn reach(
        &self,
        reader: &Arc<dyn Reader>,
        serving: &Serving,
        run: &RunId,
        look: &Look,
    ) -> Result<Under<'_>, Problem> {
        let minimum = self.minimum.as_ref();
        if minimum.is_some_and(|minimum| minimum.stream != serving.stream) {
            return Err(unknown_position());
        }
        let deadline = Instant::now() + self.wait;
        loop {
            let marks = reader.marks().await.map_err(|error| problems::store(&error))?;
            let reached = look.at(serving, run, &marks);
            if minimum.is_none_or(|minimum| reached.covers(minimum)) {
                return Ok(Under { reached, minimum });
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                return Err(not_yet_visible(&reached.position));
            };
            // Marks may have moved between the look and the wait; the wait is bounded, so a missed
            // move costs a moment and no more.
            let _ = tokio::time::timeout(left, reader.marks_moved()).await;
        }
    }
}

impl Under<'_> {
    /// The position's header.
    pub fn header(&self) -> HeaderValue {
        self.reached.header(self.minimum)
    }

    /// That something is not there is an answer like any other: it says as of when.
    pub fn as_of(&self, mut problem: Problem) -> Problem {
        if problem.status == 404 {
            problem.header = Some(Box::new((POSITION, self.header())));
        }
        problem
    }

    /// Whether the caller asks for something at or past this offset: of this partition, or of any
    /// that feeds the run.
    pub fn asks_past(&self, offset: i64, partition: Option<&PartitionKey>) -> bool {
        let marks = &self.reached.position.offsets;
        let concerned = |at: &PartitionKey| match partition {
            Some(partition) => partition == at,
            None => marks.contains_key(at),
        };
        let mut asked = self.minimum.iter().flat_map(|minimum| &minimum.offsets);
        asked.any(|(at, asked)| concerned(at) && *asked >= offset)
    }

    /// What a caller is told who asks for more than a key that is set aside can show.
    pub fn not_yet_visible(&self) -> Problem {
        not_yet_visible(&self.reached.position)
    }
}

/// `wait=N` among the preferences; any other form of it is ignored, as preferences are.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let preferences = headers.get_all(&PREFER).filter_map(|value| value.to_str().ok());
    let seconds = preferences.flat_map(|value| value.split([',', ';'])).find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let value = value.trim().trim_matches('"');
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        // More digits than a number holds is longer than anybody waits.
        (digits && name.trim().eq_ignore_ascii_case("wait"))
            .then(|| value.parse().unwrap_or(u64::MAX))
    })?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_whole_seconds_and_at_most_ten() {
        let cases = [
            ("wait=3", Some(3)),
            ("respond-async, Wait = \"4\"", Some(4)),
            ("wait=10", Some(10)),
            ("wait=11", Some(10)),
            ("wait=99999999999999999999999", Some(10)),
            ("wait=0", Some(0)),
            ("wait=-1", None),
            ("wait=0.5", None),
            ("wait", None),
            ("waiting=3", None),
        ];
        for (sent, seconds) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(PREFER, HeaderValue::from_static(sent));
            assert_eq!(wait(&headers), seconds.map(Duration::from_secs), "{sent}");
        }
    }
}
