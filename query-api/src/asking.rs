//! Questions to views: only what key and order answer without a search is asked of the store.

use model::{Aggregate, Direction, Value, View};
use read_store::{PageRequest, Range};
use service::Problem;

use crate::page::Shown;
use crate::parameters::{DEFAULT_LIMIT, Parameters, split_operator};
use crate::problems;

/// A question to a view, and what the view can be asked by.
pub struct Asking<'a> {
    /// The view's aggregate.
    pub aggregate: &'a Aggregate,
    /// The view.
    pub view: &'a View,
    /// What `fields` may list.
    pub shown: &'a [Shown],
    /// What is asked.
    pub parameters: &'a Parameters<'a>,
}

/// A comparison that a parameter asks for.
struct Comparison<'p> {
    column: usize,
    operator: Option<&'static str>,
    text: &'p str,
}

impl<'a> Asking<'a> {
    /// The question that the parameters ask, without its cursor; `limit` is the default where none
    /// is given.
    pub fn request(&self) -> Result<PageRequest, Problem> {
        if let Some(name) = self.parameters.twice(&[]) {
            return Err(self.unsupported(&format!("`{name}` is given twice")));
        }
        let asked = self.comparisons()?;
        let (key, rest): (Vec<_>, Vec<_>) =
            asked.into_iter().partition(|c| self.view.key().contains(&c.column));
        let (prefix, range) = self.clustering(rest)?;
        Ok(PageRequest {
            key: self.key_values(&key)?,
            prefix,
            range,
            reversed: self.reversed()?,
            after: None,
            limit: self.parameters.limit()?.unwrap_or(DEFAULT_LIMIT),
            columns: self.fields()?,
        })
    }

    fn comparisons(&self) -> Result<Vec<Comparison<'a>>, Problem> {
        let mut asked = Vec::new();
        for (column, operator, text, name) in self.parameters.compared() {
            let sort = self.view.sort().iter().map(|(index, _)| index);
            let mut known = self.view.key().iter().chain(sort).copied();
            let column = known.find(|index| *self.view.columns()[*index].name == *column);
            let column = column.ok_or_else(|| self.undeclared(name))?;
            asked.push(Comparison { column, operator, text });
        }
        Ok(asked)
    }

    fn name(&self, index: usize) -> &str {
        &self.view.columns()[index].name
    }

    fn key_values(&self, asked: &[Comparison<'_>]) -> Result<Vec<Value>, Problem> {
        let values = self.view.key().iter().map(|&index| {
            let mut same = asked.iter().filter(|c| c.column == index);
            match (same.next(), same.next()) {
                (Some(Comparison { operator: None, text, .. }), None) => self.value(index, text),
                (None, _) => Err(self.unsupported(&format!("`{}` is missing", self.name(index)))),
                _ => Err(self.unsupported(&format!(
                    "`{}` is part of the key: it takes one equality",
                    self.name(index)
                ))),
            }
        });
        values.collect()
    }

    /// Equalities on leading columns, then at most one range.
    fn clustering(&self, mut asked: Vec<Comparison<'_>>) -> Result<(Vec<Value>, Range), Problem> {
        let mut prefix = Vec::new();
        let mut order = self.view.sort().iter().map(|(index, _)| *index);
        let mut range = Range::default();
        for index in order.by_ref() {
            match asked.iter().position(|c| c.column == index && c.operator.is_none()) {
                Some(at) => prefix.push(self.value(index, asked.swap_remove(at).text)?),
                None => {
                    range = self.range(index, &mut asked)?;
                    break;
                }
            }
        }
        match asked.first() {
            None => Ok((prefix, range)),
            Some(left) => Err(self.unsupported(&format!(
                "`{}` can be asked for only after equalities on the columns sorted before it",
                self.name(left.column)
            ))),
        }
    }

    fn range(&self, index: usize, asked: &mut Vec<Comparison<'_>>) -> Result<Range, Problem> {
        let mut range = Range::default();
        let (here, rest) = std::mem::take(asked).into_iter().partition(|c| c.column == index);
        *asked = rest;
        let here: Vec<Comparison<'_>> = here;
        for Comparison { operator, text, .. } in here {
            let value = self.value(index, text)?;
            let (bound, included) = match operator {
                Some("gt") => (&mut range.lower, false),
                Some("gte") => (&mut range.lower, true),
                Some("lt") => (&mut range.upper, false),
                _ => (&mut range.upper, true),
            };
            if bound.replace((value, included)).is_some() {
                let name = self.name(index);
                return Err(self.unsupported(&format!("`{name}` has two bounds on one side")));
            }
        }
        Ok(range)
    }

    fn value(&self, index: usize, text: &str) -> Result<Value, Problem> {
        let column = &self.view.columns()[index];
        column.shape.from_text(text).map_err(|right| problems::invalid_value(&column.name, &right))
    }

    fn reversed(&self) -> Result<bool, Problem> {
        let wanted = match self.parameters.get("order") {
            None => return Ok(false),
            Some("asc") => Direction::Ascending,
            Some("desc") => Direction::Descending,
            Some(_) => return Err(problems::invalid_value("order", "asc or desc")),
        };
        Ok(self.view.clustering().first().is_some_and(|(_, declared)| *declared != wanted))
    }

    fn fields(&self) -> Result<Option<Vec<usize>>, Problem> {
        let Some(text) = self.parameters.get("fields") else { return Ok(None) };
        let mut columns = Vec::new();
        for name in text.split(',').map(str::trim) {
            let found = self.shown.iter().find(|shown| *shown.name == *name);
            let found = found.ok_or_else(|| {
                let known: Vec<&str> = self.shown.iter().map(|shown| &*shown.name).collect();
                problems::invalid_value("fields", &format!("the fields are {}", known.join(", ")))
            })?;
            columns.push(found.index);
        }
        columns.sort_unstable();
        columns.dedup();
        Ok(Some(columns))
    }

    fn undeclared(&self, name: &str) -> Problem {
        let (column, _) = split_operator(name);
        let exists = self.shown.iter().any(|shown| *shown.name == *column);
        let why = match exists {
            true => format!("`{column}` is a field, but not part of the key or sort order"),
            false => format!("`{name}` is not declared"),
        };
        self.unsupported(&why)
    }

    /// The problem, what is declared, and the YAML that would allow what was asked.
    fn unsupported(&self, why: &str) -> Problem {
        let key: Vec<&str> = self.view.key().iter().map(|index| self.name(*index)).collect();
        let sort = self.view.sort().iter().map(|(index, _)| self.name(*index));
        let sort: Vec<&str> = sort.collect();
        problems::unsupported(format!(
            "{why}. `{view}` is declared with key [{key}] and order [{sort}]; it takes every key column, \
             then equalities on leading columns of the order, then one range (.gt .gte .lt .lte), \
             and limit, cursor, order, fields. {yaml}",
            view = self.view.name,
            key = key.join(", "),
            sort = sort.join(", "),
            yaml = self.declaration(),
        ))
    }
}
