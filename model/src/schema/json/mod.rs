//! JSON at the edge, both ways.

mod fast;
mod overflow;
mod read;
mod write;
