//! Five domains that the product was not built for, driven over HTTP from end to end.

mod accounts;
mod flights;
mod loyalty;
mod sensors;
mod support;
mod tickets;
