//! A checked domain: what `load` builds and everything else reads. Plain data, immutable.

use std::ops::Deref;
use std::sync::Arc;

use crate::expr::{Expr, Type};
use crate::schema::{RecordShape, Resolution, Shape};
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

/// What a view is made from.
#[derive(Clone, Debug)]
pub enum ViewSource {
    /// One row per state. Slots: `state id version`.
    State,
    /// One row per element of a list of the state. Slots: `state id version it index`.
    Each(Placed),
    /// One row per event of these types (indices into [`Aggregate::events`]), or per element of
    /// `each`. Slots: `event type time id version state` (and `it index`).
    Events {
        /// Indices into [`Aggregate::events`].
        of: Vec<usize>,
        /// `each:` over the event or state.
        each: Option<Placed>,
    },
}

/// A declared read model.
#[derive(Clone, Debug)]
pub struct View {
    /// Global name, kebab-case.
    pub name: Arc<str>,
    /// Name of its aggregate.
    pub aggregate: Arc<str>,
    /// What it is made from.
    pub source: ViewSource,
    /// `where:`, tested per row or contribution.
    pub filter: Option<Placed>,
    /// Per-row permission; slots: `row actor`, `row` being a record of [`View::row_shape`].
    pub allow: Option<Placed>,
    /// The record that `allow` sees as `row`: for a row view the declared fields and `id`, for a
    /// rollup its group columns and measures.
    pub row_shape: Arc<RecordShape>,
    /// Buckets per partition key, from 1.
    pub buckets: u32,
    /// Rows or rollup.
    pub kind: ViewKind,
    /// Hash of the definition (names, expressions, types, buckets), without the aggregate's
    /// `fold_hash`.
    pub hash: [u8; 32],
    /// `orders/model.yaml:40`, for run-time errors.
    pub place: Arc<str>,
}

/// The two kinds of view.
#[derive(Clone, Debug)]
pub enum ViewKind {
    /// One row per state, element or event.
    Rows(RowView),
    /// Sums and counts per group.
    Rollup(Rollup),
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// A typed column of a view.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in answers, queries and tables.
    pub name: Arc<str>,
    /// Its static type.
    pub ty: Type,
    /// Its shape (nullable where the type is): drives JSON and storage. Never nullable for
    /// partition and clustering columns.
    pub shape: Shape,
    /// Whether answers show it (`id` always; appended `version` and `index` are hidden).
    pub shown: bool,
    /// Its value; slots as [`ViewSource`] says. For the appended `id`, `version`, `index` it is
    /// those variables.
    pub expr: Placed,
}

/// Columns and primary key of a view of rows. A row is one value per column, in this order:
/// declared fields, then whichever of `id`, `version`, `index` the row needs and does not have.
#[derive(Clone, Debug)]
pub struct RowView {
    /// The columns.
    pub columns: Vec<Column>,
    /// Partition key: indices into `columns`; empty = one partition.
    pub key: Vec<usize>,
    /// Clustering order, the appended tie-breakers included: indices into `columns`.
    pub clustering: Vec<(usize, Direction)>,
    /// How many of `clustering` the author named in `sort`: only by those can be asked.
    pub sorted: usize,
}

/// Group columns and measures of a rollup.
#[derive(Clone, Debug)]
pub struct Rollup {
    /// The group columns, in the order written.
    pub group: Vec<Column>,
    /// Partition key: indices into `group`; empty = one partition.
    pub key: Vec<usize>,
    /// Clustering order of the other group columns.
    pub clustering: Vec<(usize, Direction)>,
    /// The measures.
    pub measures: Vec<Measure>,
}

/// One measure of a rollup.
#[derive(Clone, Debug)]
pub struct Measure {
    /// Its name in answers and tables.
    pub name: Arc<str>,
    /// How it adds up.
    pub kind: MeasureKind,
    /// The summed expression; `None` for `count()`. Slots as [`ViewSource`] says.
    pub expr: Option<Placed>,
}

/// How a measure adds up and shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MeasureKind {
    /// `count()`, shown as an integer.
    Count,
    /// `sum` of an integer, exact.
    Int,
    /// `sum` of a decimal with these places, exact.
    Decimal(u8),
    /// `sum` of a double (only over `of` events).
    Double,
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

impl View {
    /// The columns that key and clustering order point into.
    pub fn columns(&self) -> &[Column] {
        match &self.kind {
            ViewKind::Rows(rows) => &rows.columns,
            ViewKind::Rollup(rollup) => &rollup.group,
        }
    }

    /// The partition key: indices into [`View::columns`].
    pub fn key(&self) -> &[usize] {
        match &self.kind {
            ViewKind::Rows(rows) => &rows.key,
            ViewKind::Rollup(rollup) => &rollup.key,
        }
    }

    /// The clustering order with its tie-breakers: indices into [`View::columns`].
    pub fn clustering(&self) -> &[(usize, Direction)] {
        match &self.kind {
            ViewKind::Rows(rows) => &rows.clustering,
            ViewKind::Rollup(rollup) => &rollup.clustering,
        }
    }

    /// The leading part of the clustering order that a query may compare.
    pub fn sort(&self) -> &[(usize, Direction)] {
        match &self.kind {
            ViewKind::Rows(rows) => &rows.clustering[..rows.sorted.min(rows.clustering.len())],
            ViewKind::Rollup(rollup) => &rollup.clustering,
        }
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

impl EventType {
    /// The current version.
    pub fn current(&self) -> &EventVersion {
        // The loader refuses an event folder without versions.
        &self.versions[self.versions.len() - 1]
    }
}
