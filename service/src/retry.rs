//! Trying again: growing pauses with jitter, until a deadline. The only file that names `backoff`.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

/// How long to go on, and how long to pause.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// The first pause (half to one and a half of it).
    pub first: Duration,
    /// The longest pause.
    pub most: Duration,
    /// Give up after this; `None` = never.
    pub deadline: Option<Duration>,
}

/// A failure, and whether trying again may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure<E> {
    /// It may.
    Passing(E),
    /// It won't.
    Lasting(E),
}

/// The pauses of one policy, for callers that drive their own loop.
#[derive(Debug)]
pub struct Pauses {
    growing: ExponentialBackoff,
    random: Option<fn() -> u64>,
}

impl Pauses {
    /// Starts with the first pause; the deadline counts from here.
    pub fn new(policy: Policy) -> Pauses {
        let growing = ExponentialBackoff {
            initial_interval: policy.first,
            current_interval: policy.first,
            max_interval: policy.most,
            max_elapsed_time: policy.deadline,
            multiplier: 2.0,
            ..ExponentialBackoff::default()
        };
        Pauses { growing, random: None }
    }

    /// The same with jitter from a source of one's own.
    pub fn with_random(policy: Policy, random: fn() -> u64) -> Pauses {
        let Pauses { mut growing, .. } = Pauses::new(policy);
        growing.randomization_factor = 0.0;
        Pauses { growing, random: Some(random) }
    }

    /// How long to wait now; `None` once the deadline has passed.
    pub fn next_pause(&mut self) -> Option<Duration> {
        let pause = self.growing.next_backoff()?;
        let Some(random) = self.random else { return Some(pause) };
        // Half to one and a half of it, in 64 steps.
        Some(pause / 2 + pause * (random() % 65) as u32 / 64)
    }

    /// Something worked again: back to the first pause.
    pub fn reset(&mut self) {
        self.growing.reset();
    }
}

/// Runs `attempt` until it succeeds, fails for good, or the deadline passes; then its last error.
pub async fn retry<T, E, F>(policy: Policy, mut attempt: F) -> Result<T, E>
where
    F: AsyncFnMut() -> Result<T, Failure<E>>,
{
    let mut pauses = Pauses::new(policy);
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(Failure::Lasting(error)) => return Err(error),
            Err(Failure::Passing(error)) => error,
        };
        match pauses.next_pause() {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Policy = Policy {
        first: Duration::from_millis(1),
        most: Duration::from_millis(2),
        deadline: Some(Duration::from_millis(20)),
    };

    #[actix_web::test]
    async fn a_passing_failure_is_tried_again() {
        let mut tries = 0;
        let outcome: Result<i32, &str> = retry(QUICK, async || {
            tries += 1;
            if tries < 3 { Err(Failure::Passing("not yet")) } else { Ok(tries) }
        })
        .await;
        assert_eq!(outcome, Ok(3));
    }

    #[actix_web::test]
    async fn a_lasting_failure_is_not() {
        let mut tries = 0;
        let outcome: Result<(), &str> = retry(QUICK, async || {
            tries += 1;
            Err(Failure::Lasting("never"))
        })
        .await;
        assert_eq!((outcome, tries), (Err("never"), 1));
    }

    #[actix_web::test]
    async fn the_deadline_ends_it() {
        let outcome: Result<(), &str> = retry(QUICK, async || Err(Failure::Passing("no"))).await;
        assert_eq!(outcome, Err("no"));
    }
}
