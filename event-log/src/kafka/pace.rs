//! How many of a process's transactions are under way at once.
//!
//! A transaction costs brokers and client about the same whether it holds one record or a thousand.
//! Where all partitions commit as often as they can, small transactions take the processor from
//! each other and from those who decide; where they take turns, what comes in meanwhile goes into
//! the next one. How many go at once follows from how long they take: one more while they take
//! about as long as alone, fewer as soon as they hold each other up (the idea of TCP Vegas, Brakmo
//! and Peterson 1995).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::log::Turn;

/// Transactions that may always be under way together.
const FEWEST: usize = 2;
/// However fast they are.
const MOST: usize = 256;
/// Nobody waits longer for a turn: a transaction that hangs holds up others only for so long.
const LONGEST_WAIT: Duration = Duration::from_millis(25);
/// Turns after which the number is looked at.
const WINDOW: u32 = 32;
/// So many times as long as the shortest: they hold each other up.
const HELD_UP: u32 = 4;
/// Windows after which the shortest is found anew, for brokers come and go.
const MEMORY: u32 = 256;

/// Gives turns.
pub(super) struct Pace {
    slots: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    limit: usize,
    /// Slots that there are; more than the limit while some that are to go are in use.
    slots: usize,
    turns: u32,
    took: Duration,
    /// Whether somebody had to wait in this window.
    waited: bool,
    windows: u32,
    shortest: Duration,
    /// The shortest since the last one was forgotten.
    recent: Duration,
}

impl Pace {
    pub(super) fn new() -> Arc<Pace> {
        let state = State {
            limit: FEWEST,
            slots: FEWEST,
            turns: 0,
            took: Duration::ZERO,
            waited: false,
            windows: 0,
            shortest: Duration::MAX,
            recent: Duration::MAX,
        };
        Arc::new(Pace { slots: Arc::new(Semaphore::new(FEWEST)), state: Mutex::new(state) })
    }

    /// Resolves when it is the caller's turn; what it gives is kept while the turn lasts.
    pub(super) fn turn(self: &Arc<Pace>) -> BoxFuture<'static, Turn> {
        let pace = Arc::clone(self);
        async move {
            let slots = Arc::clone(&pace.slots);
            let slot = match Arc::clone(&slots).try_acquire_owned() {
                Ok(slot) => Some(slot),
                Err(_) => {
                    pace.lock().waited = true;
                    let given = tokio::time::timeout(LONGEST_WAIT, slots.acquire_owned()).await;
                    given.ok().and_then(Result::ok)
                }
            };
            Turn::until(Going { pace, slot })
        }
        .boxed()
    }

    fn done(&self, slot: Option<OwnedSemaphorePermit>) {
        let mut state = self.lock();
        if let Some(slot) = slot
            && state.slots > state.limit
        {
            state.slots -= 1;
            slot.forget();
        }
    }

    /// A transaction that wrote something took so long, until it was read back.
    pub(super) fn took(&self, took: Duration) {
        let mut state = self.lock();
        state.note(took);
        if state.slots < state.limit {
            self.slots.add_permits(state.limit - state.slots);
            state.slots = state.limit;
        } else {
            state.slots -= self.slots.forget_permits(state.slots - state.limit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn note(&mut self, took: Duration) {
        self.turns += 1;
        self.took += took;
        self.shortest = self.shortest.min(took);
        self.recent = self.recent.min(took);
        if self.turns < WINDOW {
            return;
        }
        let mean = self.took / self.turns;
        if mean > self.shortest * HELD_UP {
            self.limit = (self.limit - self.limit.div_ceil(8)).max(FEWEST);
        } else if self.waited {
            self.limit = (self.limit + 1).min(MOST);
        }
        self.windows += 1;
        if self.windows == MEMORY {
            self.windows = 0;
            self.shortest = std::mem::replace(&mut self.recent, Duration::MAX);
        }
        self.turns = 0;
        self.took = Duration::ZERO;
        self.waited = false;
    }
}

struct Going {
    pace: Arc<Pace>,
    slot: Option<OwnedSemaphorePermit>,
}

impl Drop for Going {
    fn drop(&mut self) {
        self.pace.done(self.slot.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Duration = Duration::from_millis(2);

    /// Turns that are there at once.
    fn at_once(pace: &Arc<Pace>) -> Vec<Turn> {
        std::iter::from_fn(|| pace.turn().now_or_never()).take(MOST + 1).collect()
    }

    /// A window of transactions, in which somebody waits.
    fn window(pace: &Arc<Pace>, took: Duration) {
        let held = at_once(pace);
        (0..WINDOW).for_each(|_| pace.took(took));
        drop(held);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_ends_is_the_next_ones() {
        let pace = Pace::new();
        let mut held = at_once(&pace);
        assert_eq!(held.len(), FEWEST);
        let mut next = pace.turn();
        assert!((&mut next).now_or_never().is_none());
        held.pop();
        assert!((&mut next).now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_transaction_that_hangs_holds_up_nobody_for_long() {
        let pace = Pace::new();
        let _hang = at_once(&pace);
        let begun = tokio::time::Instant::now();
        let turn = pace.turn().await;
        assert_eq!(begun.elapsed(), LONGEST_WAIT);
        drop(turn);
        assert!(pace.turn().now_or_never().is_none(), "it had no slot, so it gives none back");
    }

    #[tokio::test(start_paused = true)]
    async fn as_long_as_they_are_fast_more_go_at_once() {
        let pace = Pace::new();
        (0..3).for_each(|_| window(&pace, ALONE));
        assert_eq!(at_once(&pace).len(), FEWEST + 3);
        (0..WINDOW).for_each(|_| pace.took(ALONE));
        assert_eq!(pace.lock().limit, FEWEST + 4);
        (0..WINDOW).for_each(|_| pace.took(ALONE));
        assert_eq!(pace.lock().limit, FEWEST + 4, "nobody waited");
    }

    #[tokio::test(start_paused = true)]
    async fn where_they_hold_each_other_up_fewer_go_at_once() {
        let pace = Pace::new();
        (0..10).for_each(|_| window(&pace, ALONE));
        assert_eq!(at_once(&pace).len(), FEWEST + 10);
        (0..20).for_each(|_| window(&pace, ALONE * (HELD_UP + 1)));
        assert_eq!(at_once(&pace).len(), FEWEST);
        (0..2).for_each(|_| window(&pace, ALONE));
        assert_eq!(at_once(&pace).len(), FEWEST + 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_fast_long_ago_is_forgotten() {
        let pace = Pace::new();
        window(&pace, ALONE);
        (0..2 * MEMORY).for_each(|_| window(&pace, ALONE * 10));
        assert!(pace.lock().limit > FEWEST);
    }
}
