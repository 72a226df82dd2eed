//! Static types: what they are called, how they relate to Avro shapes, and how two meet.

use std::sync::Arc;

use super::Type;
use crate::schema::Shape;
use crate::value::Decimal;

impl Type {
    /// The type of values of a shape.
    pub fn of(shape: &Shape) -> Type {
        match shape {
            Shape::Null => Type::Null,
            Shape::Boolean => Type::Bool,
            Shape::Int | Shape::Long => Type::Int,
            Shape::Double => Type::Double,
            Shape::String => Type::Text,
            Shape::Bytes => Type::Bytes,
            Shape::Uuid => Type::Uuid,
            Shape::Timestamp => Type::Timestamp,
            Shape::Date => Type::Date,
            Shape::Decimal { scale, .. } => Type::Decimal(*scale),
            Shape::Enum(symbols) => Type::Enum(Arc::clone(symbols)),
            Shape::Array(inner) => Type::List(Arc::new(Type::of(inner))),
            Shape::Map(inner) => Type::Map(Arc::new(Type::of(inner))),
            Shape::Record(record) => Type::Record(Arc::clone(record)),
            Shape::Nullable { inner, .. } => Type::Nullable(Arc::new(Type::of(inner))),
        }
    }

    /// The Avro shape that a view column of this type gets (`Int` becomes `Long`, `Decimal(p)`
    /// precision 28); `None` where the type can't be a column (Actor, Dyn, Duration, the elements
    /// of `[]`).
    pub fn to_shape(&self) -> Option<Shape> {
        Some(match self {
            Type::Null => Shape::Null,
            Type::Bool => Shape::Boolean,
            Type::Int => Shape::Long,
            Type::Double => Shape::Double,
            Type::Text => Shape::String,
            Type::Enum(symbols) => Shape::Enum(Arc::clone(symbols)),
            Type::Uuid => Shape::Uuid,
            Type::Bytes => Shape::Bytes,
            Type::Timestamp => Shape::Timestamp,
            Type::Date => Shape::Date,
            Type::Decimal(scale) => {
                Shape::Decimal { precision: Decimal::MAX_DIGITS as u8, scale: *scale }
            }
            Type::List(inner) => Shape::Array(Arc::new(inner.to_shape()?)),
            Type::Map(inner) => Shape::Map(Arc::new(inner.to_shape()?)),
            Type::Record(record) => Shape::Record(Arc::clone(record)),
            Type::Nullable(inner) => {
                Shape::Nullable { inner: Arc::new(inner.to_shape()?), null_first: true }
            }
            Type::Never | Type::Duration | Type::Actor | Type::Dyn => return None,
        })
    }

    /// As people call it, with its article: `a text`, `a nullable int`.
    pub(super) fn describe(&self) -> String {
        match self {
            Type::Null => "null".into(),
            Type::Int | Type::Enum(_) | Type::Actor => format!("an {}", self.name()),
            _ => format!("a {}", self.name()),
        }
    }

    /// As people call it, without an article.
    pub(super) fn name(&self) -> String {
        match self {
            Type::Null => "null".into(),
            Type::Bool => "boolean".into(),
            Type::Int => "int".into(),
            Type::Double => "double".into(),
            Type::Text => "text".into(),
            Type::Enum(symbols) => format!("enum {}", short(&symbols.full_name)),
            Type::Uuid => "uuid".into(),
            Type::Bytes => "bytes value".into(),
            Type::Timestamp => "timestamp".into(),
            Type::Date => "date".into(),
            Type::Duration => "duration".into(),
            Type::Decimal(places) => format!("decimal with {places} places"),
            Type::List(inner) if **inner == Type::Never => "empty list".into(),
            Type::List(inner) => format!("list of {}", inner.name()),
            Type::Map(inner) if **inner == Type::Never => "empty map".into(),
            Type::Map(inner) => format!("map of {}", inner.name()),
            Type::Record(record) => format!("record {}", record.name()),
            Type::Actor => "actor".into(),
            Type::Dyn => "claim".into(),
            Type::Never => "value of no type".into(),
            Type::Nullable(inner) => format!("nullable {}", inner.name()),
        }
    }

    /// Whether values of this type are text at run time.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Type::Text | Type::Enum(_) | Type::Uuid)
    }

    /// Whether values of this type are timestamps at run time.
    pub(super) fn is_time(&self) -> bool {
        matches!(self, Type::Timestamp | Type::Date)
    }

    /// Whether `<` orders values of this type.
    pub(super) fn is_ordered(&self) -> bool {
        self.is_text()
            || self.is_time()
            || matches!(
                self,
                Type::Bool
                    | Type::Int
                    | Type::Double
                    | Type::Bytes
                    | Type::Decimal(_)
                    | Type::Duration
                    | Type::Dyn
                    | Type::Never
            )
    }

    /// The type without null.
    pub(super) fn not_null(&self) -> Type {
        match self {
            Type::Nullable(inner) => (**inner).clone(),
            other => other.clone(),
        }
    }

    /// The type with null.
    pub(super) fn or_null(self) -> Type {
        match self {
            Type::Null | Type::Nullable(_) | Type::Dyn => self,
            other => Type::Nullable(Arc::new(other)),
        }
    }
}

/// The smallest type that values of both have, if there is one.
pub(super) fn join(a: &Type, b: &Type) -> Option<Type> {
    use Type::{Date, Decimal, Dyn, Enum, Int, List, Map, Never, Null, Nullable, Record};
    Some(match (a, b) {
        _ if a == b => a.clone(),
        (Never, other) | (other, Never) => other.clone(),
        (Dyn, _) | (_, Dyn) => Dyn,
        (Null, other) | (other, Null) => other.clone().or_null(),
        (Nullable(x), y) => join(x, &y.not_null())?.or_null(),
        (x, Nullable(y)) => join(x, y)?.or_null(),
        (Enum(x), Enum(y)) if x.full_name == y.full_name => a.clone(),
        (x, y) if x.is_text() && y.is_text() => Type::Text,
        (Date, y) | (y, Date) if y.is_time() => Type::Timestamp,
        (Decimal(x), Decimal(y)) => Decimal(*x.max(y)),
        (Decimal(p), Int) | (Int, Decimal(p)) => Decimal(*p),
        (List(x), List(y)) => List(Arc::new(join(x, y)?)),
        (Map(x), Map(y)) => Map(Arc::new(join(x, y)?)),
        (Record(x), Record(y)) if x.full_name == y.full_name => a.clone(),
        _ => return None,
    })
}

/// A full name without its namespace.
pub(super) fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}

/// The candidate that was most likely meant, for "did you mean".
pub(super) fn nearest<'a>(
    wrong: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let most = 1 + wrong.chars().count() / 4;
    candidates
        .map(|c| (distance(&wrong.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(d, _)| *d <= most)
        .min_by_key(|(d, _)| *d)
        .map(|(_, c)| c)
}

/// How many letters must be changed, added, dropped or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 8 || a.len() > 64 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}
