//! Chance and time of a run: all of it from its seed, on its own thread.

use std::cell::{Cell, RefCell};
use std::fmt::Display;

use tokio::time::Instant;

/// Where the simulated clock begins: milliseconds since 1970.
const BEGINNING: i64 = 1_790_000_000_000;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
    static TRACE: RefCell<Trace> = const { RefCell::new(Trace { hash: 0, told: false, lines: 0 }) };
}

struct Trace {
    hash: u64,
    told: bool,
    lines: u64,
}

/// Begins a run on this thread. `told`: the trace is written to standard error too.
pub fn begin(seed: u64, told: bool) {
    STATE.set(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d);
    START.set(Some(Instant::now()));
    TRACE.set(Trace { hash: 0xcbf2_9ce4_8422_2325, told, lines: 0 });
}

/// The next random number (splitmix64).
pub fn random() -> u64 {
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A number below `bound`.
pub fn below(bound: u64) -> u64 {
    (random() >> 8) % bound.max(1)
}

/// Whether something happens that does so in this many of a hundred cases.
pub fn percent(cases: u64) -> bool {
    below(100) < cases
}

/// The simulated clock.
pub fn now() -> i64 {
    BEGINNING + elapsed_ms() as i64
}

/// Simulated milliseconds since the run began.
pub fn elapsed_ms() -> u64 {
    START.get().map_or(0, |start| start.elapsed().as_millis() as u64)
}

/// Notes what happened; the notes of a run make its fingerprint.
pub fn trace(what: impl Display) {
    let line = format!("{:>8} {what}", elapsed_ms());
    TRACE.with_borrow_mut(|trace| {
        for byte in line.bytes() {
            trace.hash = (trace.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        trace.lines += 1;
        if trace.told {
            tell(&line);
        }
    });
}

/// The fingerprint of all that was noted.
pub fn fingerprint() -> u64 {
    TRACE.with_borrow(|trace| trace.hash)
}

#[allow(clippy::print_stderr, reason = "a replay is read by somebody")]
fn tell(line: &str) {
    eprintln!("{line}");
}
