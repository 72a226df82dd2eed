//! One suite for both engines: every case runs in one process on SQLite, and in three services on Kafka
//! and a CQL database, with equal answers. Five domains that the product was not built for, and its own.

mod accounts;
mod flights;
mod loyalty;
mod sensors;
mod support;
mod tickets;
mod transcript;
