//! Deciding, folding and making rows, on small models written for the purpose.

#![allow(clippy::unwrap_used, reason = "helpers of tests; a failure is a failed test")]

mod deciding;
mod limits;
mod properties;
mod rows;
mod support;
mod wire;
