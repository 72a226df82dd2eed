//! What a run had taken in at some moment.

use std::sync::{Arc, Mutex};

use actix_web::http::header::HeaderValue;
use read_store::batch::Mark;
use read_store::{Position, RunId};

use crate::serving::Serving;

/// What a run had taken in at some moment: the position and its header.
pub struct Reached {
    pub(super) position: Position,
    /// The one topic that feeds the run, where topics are told apart.
    topic: Option<Arc<str>>,
    text: HeaderValue,
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

impl Look {
    /// What these marks say of a run. Partitions that do not feed it are not in them.
    pub(super) fn at(
        &self,
        serving: &Serving,
        run: &RunId,
        marks: &Arc<Vec<Mark>>,
    ) -> Arc<Reached> {
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

fn header(position: &Position) -> HeaderValue {
    // The text form is URL-safe by construction, so it is always a header value.
    HeaderValue::try_from(position.to_text()).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn a_minimum_before_the_first_event_of_a_partition_asks_for_nothing_of_it() {
        let stream = uuid::Uuid::from_u128(1);
        let mut marked = Position::start(stream);
        marked.cover(&("order".into(), 0), 5);
        let one = Reached::new(marked, Some("order".into()));
        let fresh = Reached::new(Position::start(stream), None);
        for reached in [one, fresh] {
            for (offset, covered) in [(-1, true), (i64::MIN, true), (0, false)] {
                let mut minimum = Position::start(stream);
                minimum.cover(&("order".into(), 3), offset);
                assert_eq!(reached.covers(&minimum), covered, "{offset}");
            }
        }
    }
}
