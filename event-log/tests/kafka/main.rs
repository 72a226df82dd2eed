//! The Kafka log against a real broker, whose address `FOLDLINE_TEST_KAFKA` gives.
#![cfg(feature = "kafka")]

mod appending;
mod damage;
mod membership;
mod reading;
mod refusing;
mod support;
