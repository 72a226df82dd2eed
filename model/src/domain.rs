//! A checked domain: what `load` builds and everything else reads. Plain data, immutable.

mod event;
mod view;

use std::ops::Deref;
use std::sync::Arc;

pub use event::{EventType, EventVersion, Fold, Lift, UpcastField};
pub use view::{
    Column, Direction, Measure, MeasureKind, Rollup, RowView, View, ViewKind, ViewSource,
};

use crate::expr::Expr;
use crate::schema::{RecordShape, Shape};
use crate::value::Value;

/// An expression and where it is written, for run-time errors. Reads as its [`Expr`].
#[derive(Clone, Debug)]
pub struct Placed {
    /// The expression.
    pub expr: Expr,
    /// Its text, as written.
    pub source: Arc<str>,
    /// `orders/model.yaml:21`.
    pub place: Arc<str>,
}

impl Deref for Placed {
    type Target = Expr;

    fn deref(&self) -> &Expr {
        &self.expr
    }
}

/// All aggregates of a schemas folder.
#[derive(Clone, Debug)]
pub struct Model {
    /// In order of name.
    pub aggregates: Vec<Arc<Aggregate>>,
}

/// One aggregate type: its commands, events, state and views.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// `order`: names the topic and the tables.
    pub name: Arc<str>,
    /// `orders`: the URL collection.
    pub plural: Arc<str>,
    /// How ids look.
    pub id: IdKind,
    /// The state record.
    pub state: Arc<RecordShape>,
    /// `Shape::Record(state)`.
    pub state_shape: Shape,
    /// The record of defaults that the first fold starts from; fields without a default hold
    /// `Value::Null` until the first event sets them (the loader checks that it must).
    pub blank: Value,
    /// The commands, in file order.
    pub commands: Vec<Command>,
    /// The event types, in order of name.
    pub events: Vec<EventType>,
    /// The views, in file order.
    pub views: Vec<Arc<View>>,
    /// Who may read the state (`read:`); slots: `state id actor`.
    pub read: Option<Placed>,
    /// Hash of all that the folded states depend on: state schema, event schemas, folds, upcasts,
    /// and the version of the engine. A changed hash means states must be folded anew.
    pub fold_hash: [u8; 32],
}

/// How the ids of an aggregate look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// A uuid of any version in lower case; made by the server when absent.
    Uuid,
    /// 1..128 of `A-Z a-z 0-9 . _ ~ @ : -`, not `.` or `..`; always given by the client.
    Text,
}

/// When a command applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// Only where the aggregate does not exist (or was deleted).
    New,
    /// Only where it exists.
    Existing,
    /// Always; `state` is nullable.
    Any,
}

/// A command: what it takes, when it is refused, what it emits.
#[derive(Clone, Debug)]
pub struct Command {
    /// `place`: the last segment of its path.
    pub name: Arc<str>,
    /// The input record; an empty record where `input` is left out.
    pub input: Arc<RecordShape>,
    /// `Shape::Record(input)`.
    pub input_shape: Shape,
    /// `on:`.
    pub on: Occurrence,
    /// `allow:`; slots as [`crate::decide`] says.
    pub allow: Option<Placed>,
    /// Whether `allow` reads `state` (then it is tested after existence, else before).
    pub allow_reads_state: bool,
    /// The rules, in order.
    pub require: Vec<Rule>,
    /// The events, in order; at least one entry.
    pub emit: Vec<Emit>,
}

/// One `require` entry.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The condition that must hold.
    pub rule: Placed,
    /// Its text, as written.
    pub source: Arc<str>,
    /// Stable code that clients match on.
    pub code: Arc<str>,
    /// For people.
    pub message: Arc<str>,
    /// 422 or 409.
    pub status: u16,
}

/// One `emit` entry.
#[derive(Clone, Debug)]
pub struct Emit {
    /// Index into [`Aggregate::events`].
    pub event: usize,
    /// `when:`, tested per element under `each`.
    pub when: Option<Placed>,
    /// `each:`, a list.
    pub each: Option<Placed>,
    /// One expression or constant per field of the event, in wire order.
    pub fields: Vec<FieldSource>,
    /// `orders/model.yaml:21`: where it is written, for run-time errors.
    pub place: Arc<str>,
}

/// Where a field of an emitted event comes from.
#[derive(Clone, Debug)]
pub enum FieldSource {
    /// A `with` expression.
    Expr(Placed),
    /// The input's field at this index, whose type fits.
    Input(usize),
    /// The Avro default (null for nullable fields without one).
    Default(Value),
}

impl Model {
    /// The aggregate of this name.
    pub fn aggregate(&self, name: &str) -> Option<&Arc<Aggregate>> {
        self.aggregates.iter().find(|a| &*a.name == name)
    }

    /// The aggregate with this URL collection.
    pub fn by_plural(&self, plural: &str) -> Option<&Arc<Aggregate>> {
        self.aggregates.iter().find(|a| &*a.plural == plural)
    }

    /// The view of this (global) name and its aggregate.
    pub fn view(&self, name: &str) -> Option<(&Arc<Aggregate>, &Arc<View>)> {
        self.aggregates
            .iter()
            .find_map(|a| a.views.iter().find(|v| &*v.name == name).map(|v| (a, v)))
    }

    /// All views with their aggregates.
    pub fn views(&self) -> impl Iterator<Item = (&Arc<Aggregate>, &Arc<View>)> {
        self.aggregates.iter().flat_map(|a| a.views.iter().map(move |v| (a, v)))
    }
}

impl Aggregate {
    /// The command of this name.
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.commands.iter().find(|c| &*c.name == name)
    }

    /// The index and type of the event of this name.
    pub fn event(&self, name: &str) -> Option<(usize, &EventType)> {
        self.events.iter().enumerate().find(|(_, e)| &*e.name == name)
    }
}
