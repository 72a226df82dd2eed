//! JSON at the edge, both ways.

mod read;
mod write;
