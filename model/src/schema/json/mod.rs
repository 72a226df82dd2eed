//! JSON at the edge, both ways.

mod fast;
mod read;
mod write;
