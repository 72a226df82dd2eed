//! Expressions: what compiles to which type, what it yields, what is refused and where.

#![allow(clippy::unwrap_used, reason = "a test may end where it fails")]

mod support;

mod events;
mod failures;
mod fitting;
mod oracle;
mod properties;
mod refusals;
mod values;
