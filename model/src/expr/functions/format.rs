//! `text.format([…])`.
