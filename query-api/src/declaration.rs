//! The YAML that would allow a question which no declared path answers.

use std::fmt::Write;

use model::expr::Type;
use model::{Direction, Placed, Rollup, Shape, ViewKind, ViewSource};

use crate::asking::Asking;
use crate::problems::is_column_name;

/// Parameters of other calls: no key or sort column may be called so.
const RESERVED: [&str; 3] = ["version", "at", "dry_run"];
/// Most characters of each part of a new view's name, which has 40 at most.
const MOST_OF_NAME: usize = 18;
/// More columns than anybody declares; what else was asked for is left out.
const MOST_COLUMNS: usize = 8;

/// What a new declaration has to offer.
struct Wanted<'a> {
    /// Columns that are compared by equality.
    key: Vec<&'a str>,
    /// The column of the range, and then the declared order.
    sort: Vec<String>,
    /// Columns that the view does not have yet.
    new: Vec<&'a str>,
}

/// The likely source of a column that the view does not have.
struct NewColumn {
    source: String,
    nullable: bool,
    exists: bool,
}

impl<'a> Asking<'a> {
    /// A view like this one that takes what was asked, ready to be pasted, and what to read of it.
    pub(crate) fn declaration(&self) -> String {
        let wanted = self.wanted();
        let name = self.new_name(&wanted);
        let mut yaml = format!("views:\n  {name}:\n");
        let mut line = |key: &str, value: String| {
            // Writing to a String can't fail.
            let _ = writeln!(yaml, "    {key}: {value}");
        };
        match &self.view.source {
            ViewSource::State => {}
            ViewSource::Each(each) => line("each", quoted(&each.source)),
            ViewSource::Events { of, each } => {
                let names: Vec<&str> =
                    of.iter().map(|index| &*self.aggregate.events[*index].name).collect();
                line("of", format!("[{}]", names.join(", ")));
                each.iter().for_each(|each| line("each", quoted(&each.source)));
            }
        }
        if !wanted.key.is_empty() {
            line("key", format!("[{}]", wanted.key.join(", ")));
        }
        if !wanted.sort.is_empty() {
            line("sort", format!("[{}]", wanted.sort.join(", ")));
        }
        if let Some(filter) = self.filter(&wanted) {
            line("where", quoted(&filter));
        }
        if let Some(allow) = &self.view.allow {
            line("allow", quoted(&allow.source));
        }
        if self.view.buckets > 1 {
            line("buckets", self.view.buckets.to_string());
        }
        self.members(&wanted).into_iter().for_each(|(key, members)| line(key, members));
        let unknown = wanted.new.iter().find(|name| !self.new_column(name).exists);
        let unknown = unknown.map(|name| format!(" (once the state has a field `{name}`)"));
        let unknown = unknown.unwrap_or_default();
        let what = match self.is_all_in(&wanted) {
            true => "This would allow it",
            false => "No declaration allows all of that; this one takes what can be",
        };
        format!("{what}{unknown}, at /views/{name}:\n{}", yaml.trim_end())
    }

    /// Whether the new view takes the whole question.
    fn is_all_in(&self, wanted: &Wanted<'_>) -> bool {
        let first = wanted.sort.first().map(|name| name.trim_start_matches('-'));
        let bounds = |side: char| {
            let operators = self.parameters.compared().filter_map(|(_, operator, ..)| operator);
            operators.filter(|operator| operator.starts_with(side)).count()
        };
        self.parameters.twice(&[]).is_none()
            && bounds('g').max(bounds('l')) <= 1
            && self.parameters.compared().all(|(name, operator, ..)| match operator {
                None => wanted.key.contains(&name),
                Some(_) => first == Some(name),
            })
    }

    fn wanted(&self) -> Wanted<'a> {
        let (mut key, mut range) = (Vec::new(), None);
        for (name, operator, ..) in self.parameters.compared() {
            if !self.may_be_compared(name) || key.contains(&name) || key.len() == MOST_COLUMNS {
                continue;
            }
            match operator {
                None => key.push(name),
                Some(_) => range = range.or(Some(name)),
            }
        }
        let range = range.filter(|name| !key.contains(name));
        let declared = self.view.sort().iter();
        let declared =
            declared.map(|(index, way)| (&*self.view.columns()[*index].name, *way)).collect();
        let sort = sort(range, declared, &key);
        let asked = key.iter().copied().chain(range);
        let new = asked.filter(|name| *name != "id" && !self.has(name)).collect();
        Wanted { key, sort, new }
    }

    fn has(&self, name: &str) -> bool {
        self.shown.iter().any(|shown| *shown.name == *name)
    }

    /// Whether some declaration could have this column in a key or an order.
    fn may_be_compared(&self, name: &str) -> bool {
        let column = self.view.columns().iter().find(|column| *column.name == *name);
        let comparable = column.is_none_or(|column| {
            let ty = match &column.ty {
                Type::Nullable(inner) => inner,
                other => other,
            };
            !matches!(ty, Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Double)
        });
        // A measure is no column: sums move, so nothing is sorted by them. Nor is `id` a group.
        let rollup = matches!(self.view.kind, ViewKind::Rollup(_));
        let measure = rollup && column.is_none() && (self.has(name) || name == "id");
        is_column_name(name) && !RESERVED.contains(&name) && comparable && !measure
    }

    fn new_name(&self, wanted: &Wanted<'_>) -> String {
        let columns = match wanted.key.is_empty() {
            true => wanted.sort.iter().map(|name| name.trim_start_matches('-')).take(1).collect(),
            false => wanted.key.clone(),
        };
        let mut by = columns.join("-").replace('_', "-");
        if by.is_empty() {
            "all".clone_into(&mut by);
        }
        format!("{}-by-{}", part(&self.view.name), part(&by))
    }

    /// The view's condition, and that what becomes part of a key is there.
    fn filter(&self, wanted: &Wanted<'_>) -> Option<String> {
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.view.filter.as_ref().map(|filter| filter.source.to_string()));
        let sort = wanted.sort.iter().map(|name| name.trim_start_matches('-'));
        for name in wanted.key.iter().copied().chain(sort) {
            let column = self.view.columns().iter().find(|column| *column.name == *name);
            let nullable = column.filter(|column| matches!(column.ty, Type::Nullable(_)));
            parts.extend(nullable.map(|column| format!("{} != null", column.expr.source)));
        }
        let new = wanted.new.iter().map(|name| self.new_column(name));
        parts.extend(new.filter(|new| new.nullable).map(|new| format!("{} != null", new.source)));
        match parts.len() {
            0 | 1 => parts.pop(),
            _ => {
                Some(parts.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(" && "))
            }
        }
    }

    /// `fields`, or `group` and `measures`.
    fn members(&self, wanted: &Wanted<'_>) -> Vec<(&'static str, String)> {
        let columns = self.view.columns().iter().filter(|c| c.shown && &*c.name != "id");
        let mut members: Vec<String> =
            columns.map(|column| member(&column.name, &column.expr)).collect();
        let new = wanted.new.iter().map(|name| (name, self.new_column(name).source));
        members.extend(new.map(|(name, source)| format!("{name}: {source}")));
        let joined = format!("{{ {} }}", members.join(", "));
        match &self.view.kind {
            ViewKind::Rows(_) => vec![("fields", joined)],
            ViewKind::Rollup(rollup) => vec![("group", joined), ("measures", measures(rollup))],
        }
    }

    /// Where a new column comes from, whether it may be null there, and whether it is there at all.
    fn new_column(&self, name: &str) -> NewColumn {
        let list = match &self.view.source {
            ViewSource::State => None,
            ViewSource::Each(each) => Some(each),
            ViewSource::Events { each, .. } => each.as_ref(),
        };
        let element = list.and_then(|list| match list.ty() {
            Type::List(element) => Some(element),
            _ => None,
        });
        let event = match &self.view.source {
            ViewSource::Events { of, .. } => {
                of.first().map(|index| &self.aggregate.events[*index].record)
            }
            _ => None,
        };
        let element = match element.map(|element| &**element) {
            Some(Type::Record(record)) => Some(record),
            _ => None,
        };
        let records = [("it", element), ("event", event), ("state", Some(&self.aggregate.state))];
        let mut found = records.into_iter().filter_map(|(from, record)| {
            let record = record?;
            let shape = &record.fields[record.index_of(name)?].shape;
            let nullable = matches!(shape, Shape::Nullable { .. });
            Some(NewColumn { source: format!("{from}.{name}"), nullable, exists: true })
        });
        found.next().unwrap_or_else(|| NewColumn {
            source: format!("state.{name}"),
            nullable: false,
            exists: false,
        })
    }
}

/// The column of the range first, in its declared direction if it has one.
fn sort(range: Option<&str>, declared: Vec<(&str, Direction)>, key: &[&str]) -> Vec<String> {
    let way = |name: &str| declared.iter().find(|(known, _)| *known == name).map(|(_, way)| *way);
    let first = range.map(|name| (name, way(name).unwrap_or(Direction::Ascending)));
    let rest = declared.iter().copied().filter(|(name, _)| Some(*name) != range);
    let order = first.into_iter().chain(rest).filter(|(name, _)| !key.contains(name));
    order
        .map(|(name, way)| match way {
            Direction::Ascending => name.to_owned(),
            Direction::Descending => format!("-{name}"),
        })
        .collect()
}

fn measures(rollup: &Rollup) -> String {
    let measures = rollup.measures.iter().map(|measure| match &measure.expr {
        None => format!("{}: count()", measure.name),
        Some(sum) => format!("{}: {}", measure.name, quoted(&format!("sum({})", sum.source))),
    });
    format!("{{ {} }}", measures.collect::<Vec<_>>().join(", "))
}

fn member(name: &str, expr: &Placed) -> String {
    format!("{name}: {}", quoted(&expr.source))
}

/// Plain where nothing in it means anything to YAML, else in double quotes.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'(' | b')'));
    match plain {
        true => text.to_owned(),
        // JSON's texts are YAML's.
        false => serde_json::Value::from(text).to_string(),
    }
}

/// As much of a kebab-case name as there is room for; hyphens stay single and inside.
fn part(text: &str) -> String {
    let words = text.split('-').filter(|word| !word.is_empty());
    let mut out = words.collect::<Vec<_>>().join("-");
    out.truncate(MOST_OF_NAME);
    out.trim_end_matches('-').to_owned()
}
