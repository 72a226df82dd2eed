//! Query strings: names and values, decoded once, and the question that they ask of a view.

use model::{Column, Direction, Value, View};
use read_store::{PageRequest, Range};
use service::Problem;
use service::text::percent_decode;

use crate::problems;

/// Rows of a page, where the caller does not say.
pub const DEFAULT_LIMIT: usize = 50;
const MOST_ROWS: usize = 1_000;
const OPERATORS: [&str; 4] = ["gt", "gte", "lt", "lte"];
const OWN: [&str; 4] = ["limit", "cursor", "order", "fields"];

/// The parameters of a query string, in order.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Decodes a query string.
    pub fn parse(query: &str) -> Result<Parameters, Problem> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = percent_decode(name, true).zip(percent_decode(value, true));
            decoded.map(|(name, value)| (name.into_owned(), value.into_owned()))
        });
        let pairs: Option<Vec<_>> = pairs.collect();
        pairs.map(Parameters).ok_or_else(|| {
            Problem::new(400, "invalid-value", "a query string is percent-encoded UTF-8")
        })
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The columns that the parameters compare, declared or not.
    pub fn columns(&self) -> Vec<&str> {
        let compared = self.0.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
        compared.map(|(name, _)| split_operator(name).0).collect()
    }

    /// `limit`, if it is given.
    pub fn limit(&self) -> Result<Option<usize>, Problem> {
        let parsed = self.get("limit").map(|text| match text.parse() {
            Ok(limit) if (1..=MOST_ROWS).contains(&limit) => Ok(limit),
            _ => Err(problems::invalid_value("limit", "a whole number from 1 to 1000")),
        });
        parsed.transpose()
    }

    /// Refuses parameters other than these, and any but `id` that is given twice.
    pub fn refuse_others(&self, known: &[&str], described: &str) -> Result<(), Problem> {
        for (name, _) in &self.0 {
            if !known.contains(&name.as_str()) {
                let detail = format!("`{name}` is not a parameter here; there are {described}");
                return Err(problems::unsupported(detail));
            }
        }
        self.refuse_twice(&["id"])
    }

    fn refuse_twice(&self, but: &[&str]) -> Result<(), Problem> {
        let once = |name: &str| self.all(name).count() == 1 || but.contains(&name);
        match self.0.iter().find(|(name, _)| !once(name)) {
            Some((name, _)) => Err(problems::unsupported(format!("`{name}` is given twice"))),
            None => Ok(()),
        }
    }
}

/// What a view can be asked by: its columns and primary key.
pub struct Asking<'a> {
    /// The view, for messages.
    pub view: &'a View,
    /// The columns that key and clustering point into.
    pub columns: &'a [Column],
    /// The partition key.
    pub key: &'a [usize],
    /// The clustering order.
    pub clustering: &'a [(usize, Direction)],
    /// The names that `fields` may list, with their index in a row.
    pub shown: Vec<(&'a str, usize)>,
    /// The columns that the parameters compare, declared or not.
    pub names: Vec<&'a str>,
}

/// A comparison that a parameter asks for.
struct Comparison<'p> {
    column: usize,
    operator: Option<&'static str>,
    text: &'p str,
}

impl Asking<'_> {
    /// The question that parameters ask, without its cursor; `limit` is the default where none is
    /// given.
    pub fn request(&self, parameters: &Parameters) -> Result<PageRequest, Problem> {
        parameters.refuse_twice(&[])?;
        let asked = self.comparisons(parameters)?;
        let (key, rest): (Vec<_>, Vec<_>) =
            asked.into_iter().partition(|c| self.key.contains(&c.column));
        let (prefix, range) = self.clustering(rest)?;
        Ok(PageRequest {
            key: self.key_values(&key)?,
            prefix,
            range,
            reversed: self.reversed(parameters)?,
            after: None,
            limit: parameters.limit()?.unwrap_or(DEFAULT_LIMIT),
            columns: self.fields(parameters)?,
        })
    }

    fn comparisons<'p>(&self, parameters: &'p Parameters) -> Result<Vec<Comparison<'p>>, Problem> {
        let mut asked = Vec::new();
        for (name, text) in &parameters.0 {
            if OWN.contains(&name.as_str()) {
                continue;
            }
            let (column, operator) = split_operator(name);
            let known = self.key.iter().chain(self.clustering.iter().map(|(index, _)| index));
            let column = known.copied().find(|&index| {
                let found = &self.columns[index];
                &*found.name == column && found.shown
            });
            let column = column.ok_or_else(|| self.undeclared(name))?;
            asked.push(Comparison { column, operator, text });
        }
        Ok(asked)
    }

    fn key_values(&self, asked: &[Comparison<'_>]) -> Result<Vec<Value>, Problem> {
        let values = self.key.iter().map(|&index| {
            let mut same = asked.iter().filter(|c| c.column == index);
            match (same.next(), same.next()) {
                (Some(Comparison { operator: None, text, .. }), None) => self.value(index, text),
                (None, _) => {
                    let name = &self.columns[index].name;
                    Err(self.unsupported(&format!("`{name}` is needed: {name}=…")))
                }
                _ => Err(self.unsupported(&format!(
                    "`{}` is part of the key: it takes one equality",
                    self.columns[index].name
                ))),
            }
        });
        values.collect()
    }

    /// Equalities on leading columns, then at most one range.
    fn clustering(&self, mut asked: Vec<Comparison<'_>>) -> Result<(Vec<Value>, Range), Problem> {
        let mut prefix = Vec::new();
        let mut order = self.clustering.iter().map(|(index, _)| *index);
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
                self.columns[left.column].name
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
                let name = &self.columns[index].name;
                return Err(self.unsupported(&format!("`{name}` has two bounds on one side")));
            }
        }
        Ok(range)
    }

    fn value(&self, index: usize, text: &str) -> Result<Value, Problem> {
        let column = &self.columns[index];
        column.shape.from_text(text).map_err(|right| problems::invalid_value(&column.name, &right))
    }

    fn reversed(&self, parameters: &Parameters) -> Result<bool, Problem> {
        let wanted = match parameters.get("order") {
            None => return Ok(false),
            Some("asc") => Direction::Ascending,
            Some("desc") => Direction::Descending,
            Some(_) => return Err(problems::invalid_value("order", "asc or desc")),
        };
        Ok(self.clustering.first().is_some_and(|(_, declared)| *declared != wanted))
    }

    fn fields(&self, parameters: &Parameters) -> Result<Option<Vec<usize>>, Problem> {
        let Some(text) = parameters.get("fields") else { return Ok(None) };
        let mut columns = Vec::new();
        for name in text.split(',').map(str::trim) {
            let found = self.shown.iter().find(|(shown, _)| *shown == name);
            let (_, index) = found.ok_or_else(|| {
                let known: Vec<&str> = self.shown.iter().map(|(name, _)| *name).collect();
                problems::invalid_value("fields", &format!("the fields are {}", known.join(", ")))
            })?;
            columns.push(*index);
        }
        columns.sort_unstable();
        columns.dedup();
        Ok(Some(columns))
    }

    fn undeclared(&self, name: &str) -> Problem {
        let (column, _) = split_operator(name);
        let exists = self.shown.iter().any(|(shown, _)| *shown == column);
        let why = match exists {
            true => format!("`{column}` is a field, but not part of the key or sort order"),
            false => format!("`{name}` is not declared"),
        };
        self.unsupported(&why)
    }

    /// The problem, what is declared, and the YAML that would allow what was asked.
    fn unsupported(&self, why: &str) -> Problem {
        let names = |indices: &mut dyn Iterator<Item = usize>| {
            let names: Vec<&str> = indices.map(|index| &*self.columns[index].name).collect();
            names.join(", ")
        };
        let key = names(&mut self.key.iter().copied());
        let shown = |index: &usize| self.columns[*index].shown;
        let sort = names(&mut self.clustering.iter().map(|(index, _)| *index).filter(shown));
        problems::unsupported(format!(
            "{why}. `{view}` is declared with key [{key}] and order [{sort}]; it takes every key column, \
             then equalities on leading columns of the order, then one range (.gt .gte .lt .lte), \
             and limit, cursor, order, fields. This declaration would allow it:\n{yaml}",
            view = self.view.name,
            yaml = self.declaration(self.view),
        ))
    }
}

/// A name split at its last dot, if what follows is an operator.
fn split_operator(name: &str) -> (&str, Option<&'static str>) {
    let split = name.rsplit_once('.').and_then(|(column, operator)| {
        OPERATORS.into_iter().find(|known| *known == operator).map(|known| (column, known))
    });
    match split {
        Some((column, operator)) => (column, Some(operator)),
        None => (name, None),
    }
}
