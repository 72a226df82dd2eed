//! One suite for both engines: every case runs in one process on SQLite, and in three services on Kafka
//! and a CQL database, with equal answers. Eight domains that the product was not built for, and its own.

mod accounts;
mod flights;
mod goods;
mod loyalty;
mod notes;
mod sensors;
mod support;
mod tickets;
mod transcript;
mod trips;
