//! Faults on purpose: what the simulation must be able to find.
//!
//! Nothing is ever planted unless the feature `planted` is on and a simulated run asks for it on
//! its own thread.

#[cfg(feature = "planted")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

/// Plants this fault, and no other, for what runs on this thread from now on.
#[cfg(feature = "planted")]
pub fn plant(fault: Option<&'static str>) {
    PLANTED.set(fault);
}

/// Whether a fault is planted here.
#[cfg(feature = "planted")]
pub fn is(fault: &str) -> bool {
    PLANTED.get() == Some(fault)
}

/// Whether a fault is planted here: never.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub const fn is(_: &str) -> bool {
    false
}
