//! Read-your-writes: an answer names the position that it covers, and waits, for a bounded time,
//! for the position that the caller asks for.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use read_store::batch::Mark;
use read_store::position::PartitionKey;
use read_store::{Position, Reader, RunId};
use service::Problem;

use crate::answer::POSITION;
use crate::problems;
use crate::serving::Serving;

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

/// What a run had taken in at some moment: the position and its header.
pub struct Reached {
    position: Position,
    /// The one topic that feeds the run, where topics are told apart.
    topic: Option<Arc<str>>,
    text: HeaderValue,
}

/// What the rows of an answer cover at least, and what its caller asked for.
pub struct Under<'a> {
    /// What the run's marks cover.
    pub reached: Arc<Reached>,
    minimum: Option<&'a Position>,
}

/// The last look at the marks of what serves one collection or view. While they stand still,
/// answers share the text of their position.
#[derive(Default)]
pub struct Look(Mutex<Option<Seen>>);

struct Seen {
    marks: Arc<Vec<Mark>>,
    run: RunId,
    reached: Arc<Reached>,
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

impl Reached {
    fn new(position: Position, topic: Option<Arc<str>>) -> Reached {
        Reached { text: header(&position), position, topic }
    }

    /// Whether this reaches a minimum in every partition that feeds the run. A partition of a
    /// topic that has no mark here feeds nothing; one of a topic that has some must be reached.
    pub fn covers(&self, minimum: &Position) -> bool {
        let marks = &self.position.offsets;
        minimum.stream == self.position.stream
            && minimum.offsets.iter().all(|(partition, offset)| {
                let feeds = match &self.topic {
                    Some(topic) => *topic == partition.0,
                    None => {
                        marks.is_empty() || marks.keys().any(|(topic, _)| *topic == partition.0)
                    }
                };
                !feeds || *offset < 0 || marks.get(partition).is_some_and(|mark| mark >= offset)
            })
    }

    /// The position that an answer to a caller with this minimum covers: all of the minimum is in
    /// it. What one caller sends is in no other caller's answer.
    pub fn header(&self, minimum: Option<&Position>) -> HeaderValue {
        let within = |minimum: &Position| {
            let mut offsets = minimum.offsets.iter();
            offsets.all(|(at, offset)| self.position.offsets.get(at).is_some_and(|o| o >= offset))
        };
        match minimum {
            Some(minimum) if !within(minimum) => {
                let mut position = self.position.clone();
                position.cover_all(minimum);
                header(&position)
            }
            _ => self.text.clone(),
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

impl Look {
    /// What these marks say of a run. Partitions that do not feed it are not in them.
    fn at(&self, serving: &Serving, run: &RunId, marks: &Arc<Vec<Mark>>) -> Arc<Reached> {
        // Whoever panicked here left a whole look behind.
        let mut last = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(seen) = &*last
            && Arc::ptr_eq(&seen.marks, marks)
            && seen.run == *run
            && seen.reached.position.stream == serving.stream
        {
            return Arc::clone(&seen.reached);
        }
        let mut position = Position::start(serving.stream);
        for mark in marks.iter().filter(|mark| mark.run == *run && mark.offset >= 0) {
            position.cover(&mark.partition, mark.offset);
        }
        let reached = Arc::new(Reached::new(position, serving.topic(run).cloned()));
        let (marks, run) = (Arc::clone(marks), run.clone());
        *last = Some(Seen { marks, run, reached: Arc::clone(&reached) });
        reached
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

fn header(position: &Position) -> HeaderValue {
    // The text form is URL-safe by construction, so it is always a header value.
    HeaderValue::try_from(position.to_text()).unwrap_or(HeaderValue::from_static(""))
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

    #[test]
    fn what_one_caller_sends_is_in_its_own_answer_only() {
        let stream = uuid::Uuid::from_u128(1);
        let mut position = Position::start(stream);
        position.cover(&("order".into(), 0), 5);
        let reached = Reached::new(position.clone(), None);
        let mut minimum = Position::start(stream);
        minimum.cover(&("invoice".into(), 0), 900);
        assert!(reached.covers(&minimum), "invoices feed nothing here");
        let told = Position::parse(reached.header(Some(&minimum)).to_str().unwrap()).unwrap();
        assert_eq!(told.offsets.len(), 2);
        assert_eq!(reached.header(None).to_str().unwrap(), position.to_text());
        minimum.cover(&("order".into(), 0), 6);
        assert!(!reached.covers(&minimum));
    }

    #[test]
    fn where_topics_are_told_apart_only_the_own_one_is_waited_for() {
        let stream = uuid::Uuid::from_u128(1);
        let reached = Reached::new(Position::start(stream), Some("order".into()));
        let mut minimum = Position::start(stream);
        minimum.cover(&("invoice".into(), 0), 900);
        assert!(reached.covers(&minimum), "nothing of the own topic is asked for");
        minimum.cover(&("order".into(), 3), 0);
        assert!(!reached.covers(&minimum), "no mark is there yet");
    }
}
