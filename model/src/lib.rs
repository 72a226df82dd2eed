//! The model language: a folder of Avro schemas and YAML becomes checked, pure functions.
//!
//! Nothing here knows a clock, a network or a runtime: [`Model::load`] reads a folder once, and
//! everything after that is `decide`, `fold`, `rows` and the codecs between JSON, Avro and
//! [`Value`].

pub mod contract;
pub mod decide;
pub mod diagnostic;
pub mod domain;
pub mod editor;
pub mod event;
pub mod expr;
pub mod fold;
pub mod given;
pub mod load;
pub mod openapi;
pub mod rows;
pub mod schema;
mod summary;
pub mod value;

pub use diagnostic::{Diagnostic, Diagnostics, Place};
pub use domain::{
    Aggregate, Column, Command, Direction, Emit, EventType, IdKind, Measure, MeasureKind, Model,
    Occurrence, Placed, Rollup, RowView, Rule, View, ViewKind, ViewSource,
};
pub use schema::Shape;
pub use value::{Decimal, Value};
