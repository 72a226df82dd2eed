//! The typed columns of a view, and what may be a key.

use std::collections::HashSet;

use super::super::compiler::Checker;
use super::super::document::Text;
use super::super::names::{RESERVED_COLUMNS, is_field};
use super::super::suggest::did_you_mean;
use super::Frame;
use crate::domain::{Column, Placed};
use crate::expr::{Type, Want};
use crate::schema::Shape;

impl Checker<'_, '_> {
    /// The declared columns; `None` where one is wrong.
    pub(super) fn columns(
        &mut self,
        frame: &Frame<'_>,
        declared: &[(Text<'_>, Text<'_>)],
        what: &str,
    ) -> Option<Vec<Column>> {
        let columns: Vec<_> = declared
            .iter()
            .map(|(name, text)| {
                let named = self.column_name(frame, *name, Some(*text), what);
                let expr = self.compile(*text, &frame.scope, &Want::Any, &frame.facts)?;
                let shape = expr.ty().to_shape().filter(|shape| !matches!(shape, Shape::Null));
                if shape.is_none() {
                    let message = format!("column `{}` has a type that can't be stored", name.text);
                    let hint = "give it a value of one of Avro's types".to_owned();
                    self.hinted(text.node, message, hint);
                }
                let ty = expr.ty().clone();
                named.then_some(())?;
                Some(Column { name: name.text.into(), ty, shape: shape?, shown: true, expr })
            })
            .collect();
        columns.into_iter().collect()
    }

    /// Whether a column or measure may have this name.
    pub(super) fn column_name(
        &mut self,
        frame: &Frame<'_>,
        name: Text<'_>,
        value: Option<Text<'_>>,
        what: &str,
    ) -> bool {
        let itself = value.is_some_and(|value| value.text.trim() == name.text);
        let problem = if !is_field(name.text) {
            let message = format!("`{}` in `{what}` is no field name", name.text);
            (message, "lower case letters, digits and `_`, such as `placed_at`")
        } else if name.text == "id" {
            let message = "a field can't be named `id`".to_owned();
            (message, "every row shows the aggregate's id under that name already")
        } else if frame.of_events && matches!(name.text, "version" | "index") && !itself {
            let message = format!("in a view of events `{}` is that value itself", name.text);
            (message, "give the field another name")
        } else {
            return true;
        };
        self.hinted(name.node, problem.0, problem.1.to_owned());
        false
    }

    /// Checks `key` and `sort` against the columns; false where something is wrong.
    pub(super) fn named_columns(&mut self, frame: &Frame<'_>, columns: &[Column]) -> bool {
        let errors = self.report.len();
        let rollup = frame.def.rollup.is_some();
        // All groups of a rollup cluster, so its order may name those of the key too.
        let again = |name| rollup && frame.def.key.iter().any(|key| key.text == name);
        let key = frame.def.key.iter().map(|name| (*name, name.text));
        let sort = frame.def.sort.iter().map(|name| (*name, bare(name.text)));
        let mut seen: HashSet<&str> = HashSet::new();
        let mut sorted: HashSet<&str> = HashSet::new();
        let named = key.map(|(text, name)| (text, name, seen.insert(name)));
        let named: Vec<_> = named.collect();
        let sort = sort.map(|(text, name)| {
            (text, name, sorted.insert(name) && (again(name) || !seen.contains(name)))
        });
        for (text, name, is_new) in named.into_iter().chain(sort) {
            if !is_new {
                self.error(text.node, format!("column `{name}` is in `key` and `sort` twice"));
                continue;
            }
            match columns.iter().find(|column| &*column.name == name) {
                Some(column) => self.key_type(text, column),
                None if name == "id" && !rollup => {}
                None => {
                    let what = if rollup { "group" } else { "fields" };
                    let known = columns.iter().map(|column| &*column.name);
                    let hint = did_you_mean(name, known);
                    self.hinted(text.node, format!("`{name}` is no column of `{what}`"), hint);
                }
            }
        }
        self.report.len() == errors
    }

    /// Whether a column may be part of a key, a sort or a group.
    pub(super) fn key_type(&mut self, at: Text<'_>, column: &Column) {
        let name = &column.name;
        if RESERVED_COLUMNS.contains(&&**name) {
            let message = format!("a key or sort column can't be named `{name}`");
            let hint = format!("queries have a parameter of that name: call it `the_{name}`, say");
            return self.hinted(at.node, message, hint);
        }
        match &column.ty {
            Type::Nullable(_) | Type::Null => {
                let message = format!("`{name}` may be null, so it can be no key, sort or group");
                let value = column.expr.paths().first().map_or("state.field", |path| path);
                let hint = format!("leave such rows out: `where: \"{value} != null\"`");
                self.hinted(at.node, message, hint);
            }
            Type::Bool
            | Type::Int
            | Type::Text
            | Type::Enum(_)
            | Type::Uuid
            | Type::Timestamp
            | Type::Date
            | Type::Decimal(_) => {}
            _ => {
                let message = format!("`{name}` has a type that can be no key, sort or group");
                let hint =
                    "boolean, int, long, string, enum, date, timestamp, uuid and decimal can";
                self.hinted(at.node, message, hint.to_owned());
            }
        }
    }
}

/// A sort column without its direction.
pub(super) fn bare(sort: &str) -> &str {
    sort.strip_prefix('-').unwrap_or(sort).trim_start()
}

/// A column that tells rows apart and that nobody declared. Only `id` is shown.
pub(super) fn appended(variable: &str, expr: Placed, columns: &[Column]) -> Column {
    let taken = columns.iter().any(|column| &*column.name == variable);
    // No declared field can have a `$`.
    let name = if taken { format!("${variable}") } else { variable.to_owned() };
    let shape = match expr.ty() {
        Type::Uuid => Shape::Uuid,
        Type::Text => Shape::String,
        _ => Shape::Long,
    };
    Column { name: name.into(), ty: expr.ty().clone(), shape, shown: variable == "id", expr }
}
