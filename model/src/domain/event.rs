//! Events: their versions, and what they do to the state.

use std::sync::Arc;

use super::Placed;
use crate::schema::{RecordShape, Resolution, Shape};
use crate::value::Value;

/// An event type in all its versions, and how it folds.
#[derive(Clone, Debug)]
pub struct EventType {
    /// `OrderPlaced`.
    pub name: Arc<str>,
    /// Released versions, ascending; the last is current.
    pub versions: Vec<EventVersion>,
    /// The current record.
    pub record: Arc<RecordShape>,
    /// `Shape::Record(record)`.
    pub shape: Shape,
    /// What it does to the state.
    pub fold: Fold,
}

/// What an event does to the state.
#[derive(Clone, Debug)]
pub enum Fold {
    /// Sets fields: `(index of the state's field, expression)`; none = the state stays (the
    /// aggregate exists all the same). Slots: `state event id time`.
    Set(Vec<(usize, Placed)>),
    /// `delete: true`.
    Delete,
}

/// One released version of an event.
#[derive(Clone, Debug)]
pub struct EventVersion {
    /// From the file name, from 1.
    pub number: u32,
    /// The schema id on the wire: positive, made from the schema's fingerprint, the same on every
    /// machine.
    pub schema_id: u32,
    /// Its record.
    pub shape: Shape,
    /// The schema as self-contained Avro JSON (named types inlined at first use).
    pub schema_json: Arc<str>,
    /// How data of this version becomes the current one.
    pub lift: Lift,
}

/// The way from one version to the current one.
#[derive(Clone, Debug)]
pub enum Lift {
    /// Avro resolution straight to the current version (identity for the current one).
    Resolve(Resolution),
    /// An upcast to the next version: for each field there, an expression over `event` (slot 0,
    /// this version) or, where `upcast` does not name it, a copy of the field at this index
    /// resolved by value, or a default. Then go on from the next version.
    Upcast(Vec<UpcastField>),
    /// Avro resolution to the next version, then go on from there (a later step has an upcast).
    Next(Resolution),
}

/// Where a field comes from in an upcast.
#[derive(Clone, Debug)]
pub enum UpcastField {
    /// Named in `upcast`.
    Expr(Placed),
    /// Copied from the field at this index, resolved by value.
    Copy(usize, Resolution),
    /// The new field's default.
    Default(Value),
}

impl EventType {
    /// The current version.
    pub fn current(&self) -> &EventVersion {
        // The loader refuses an event folder without versions.
        &self.versions[self.versions.len() - 1]
    }
}
