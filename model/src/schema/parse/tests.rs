//! Tests of the schema parser.
