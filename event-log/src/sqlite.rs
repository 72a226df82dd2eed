//! The SQLite log of the embedded default.
