//! Fitting values to the place they are put in: what the types leave open is tested at run time
//! (ranges of Avro ints, places of decimals, forms of uuids, claims).

use std::borrow::Cow;
use std::sync::Arc;

use super::eval::failed;
use super::ir::Held;
use super::{EvalError, Type, compare};
use crate::schema::{EnumShape, RecordShape, Shape};
use crate::value::{Decimal, Value};

/// What is left to do at run time. Null always passes: types say where it may stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fit {
    /// Must be within 32 bits.
    Int32,
    /// Must be a uuid; becomes lower case.
    Uuid,
    /// An int or decimal gets these places and must have no more digits.
    Decimal { precision: u8, scale: u8 },
    /// A value out of the claims must fit this shape.
    Claim(Shape),
    /// The elements of a list or values of a map.
    Each(Box<Fit>),
}

/// Why a type does not fit, with what would be right.
pub(super) struct Misfit(pub Option<String>);

/// Plans the way from a type to a shape; `None` = values fit as they are.
pub(super) fn plan(from: &Type, to: &Shape) -> Result<Option<Fit>, Misfit> {
    let fits = Ok(None);
    match (from, to) {
        (Type::Never, _) => fits,
        (Type::Null, Shape::Null | Shape::Nullable { .. }) => fits,
        (Type::Nullable(from), Shape::Nullable { inner, .. }) => plan(from, inner),
        (Type::Dyn, to) if is_scalar(to) => Ok(Some(Fit::Claim(to.clone()))),
        (Type::Nullable(_) | Type::Null, _) => Err(Misfit(Some(
            "test it first, as in `x != null ? x : other`, or let the field be nullable".into(),
        ))),
        (from, Shape::Nullable { inner, .. }) => plan(from, inner),
        (Type::List(from), Shape::Array(to)) | (Type::Map(from), Shape::Map(to)) => {
            Ok(plan(from, to)?.map(|f| Fit::Each(Box::new(f))))
        }
        (Type::Record(from), Shape::Record(to)) => {
            same_record(from, to).then_some(None).ok_or(Misfit(
                (from.full_name == to.full_name)
                    .then(|| format!("two different records are called {}", from.full_name)),
            ))
        }
        _ => plan_scalar(from, to),
    }
}

fn plan_scalar(from: &Type, to: &Shape) -> Result<Option<Fit>, Misfit> {
    let fits = Ok(None);
    let misfit = |hint: &str| Err(Misfit(Some(hint.to_owned())));
    match (from, to) {
        (Type::Bool, Shape::Boolean)
        | (Type::Int, Shape::Long)
        | (Type::Double, Shape::Double)
        | (Type::Text | Type::Enum(_) | Type::Uuid, Shape::String)
        | (Type::Bytes, Shape::Bytes)
        | (Type::Uuid, Shape::Uuid)
        | (Type::Timestamp | Type::Date, Shape::Timestamp)
        | (Type::Date, Shape::Date) => fits,
        (Type::Int, Shape::Int) => Ok(Some(Fit::Int32)),
        (Type::Text, Shape::Uuid) => Ok(Some(Fit::Uuid)),
        (Type::Enum(from), Shape::Enum(to)) if within(from, to) => fits,
        (Type::Int | Type::Decimal(_), Shape::Decimal { precision, scale }) => {
            Ok(Some(Fit::Decimal { precision: *precision, scale: *scale }))
        }
        (Type::Int, Shape::Double) => misfit("write `double(x)`"),
        (Type::Double, Shape::Int | Shape::Long) => misfit("write `int(x)`"),
        (Type::Decimal(_), Shape::Int | Shape::Long) => misfit("write `int(x)`, which cuts"),
        (Type::Double, Shape::Decimal { .. }) => misfit("write a constant as `decimal('1.50')`"),
        (Type::Text, Shape::Decimal { .. }) => misfit("write `decimal('1.50')`"),
        (Type::Timestamp, Shape::Date) => misfit("write `date(t)`"),
        (Type::Text, Shape::Timestamp) => misfit("write `timestamp('2026-11-21T10:00:00Z')`"),
        (Type::Text, Shape::Date) => misfit("write `date(timestamp('2026-11-21T00:00:00Z'))`"),
        (Type::Text | Type::Enum(_), Shape::Enum(e)) => {
            Err(Misfit(Some(format!("write one of the symbols {}", listed(&e.symbols)))))
        }
        (_, Shape::String) => misfit("write `string(x)`"),
        _ => Err(Misfit(None)),
    }
}

fn is_scalar(shape: &Shape) -> bool {
    match shape {
        Shape::Nullable { inner, .. } => is_scalar(inner),
        Shape::Boolean
        | Shape::Int
        | Shape::Long
        | Shape::Double
        | Shape::String
        | Shape::Uuid
        | Shape::Enum(_) => true,
        _ => false,
    }
}

/// `'a', 'b', 'c'`.
pub(super) fn listed(names: &[Arc<str>]) -> String {
    names.iter().map(|n| format!("'{n}'")).collect::<Vec<_>>().join(", ")
}

/// Whether each symbol of one enum is one of the other's.
fn within(from: &EnumShape, to: &EnumShape) -> bool {
    from.symbols.iter().all(|s| to.symbols.contains(s))
}

/// Whether two records have one name and one layout.
pub(super) fn same_record(a: &Arc<RecordShape>, b: &Arc<RecordShape>) -> bool {
    Arc::ptr_eq(a, b)
        || (a.full_name == b.full_name
            && a.fields.len() == b.fields.len()
            && a.fields
                .iter()
                .zip(&b.fields)
                .all(|(x, y)| x.name == y.name && same_shape(&x.shape, &y.shape)))
}

fn same_shape(a: &Shape, b: &Shape) -> bool {
    match (a, b) {
        (Shape::Record(a), Shape::Record(b)) => same_record(a, b),
        (Shape::Enum(a), Shape::Enum(b)) => a.symbols == b.symbols,
        (Shape::Array(a), Shape::Array(b)) | (Shape::Map(a), Shape::Map(b)) => same_shape(a, b),
        (Shape::Nullable { inner: a, .. }, Shape::Nullable { inner: b, .. }) => same_shape(a, b),
        _ => a == b,
    }
}

/// Plans the way from a type to one that it was joined into.
pub(super) fn align(from: &Type, to: &Type) -> Option<Fit> {
    match (from, to) {
        (_, _) if from == to => None,
        (Type::Int | Type::Decimal(_), Type::Decimal(scale)) => {
            Some(Fit::Decimal { precision: Decimal::MAX_DIGITS as u8, scale: *scale })
        }
        (Type::Nullable(from), Type::Nullable(to)) => align(from, to),
        (from, Type::Nullable(to)) => align(from, to),
        (Type::List(from), Type::List(to)) | (Type::Map(from), Type::Map(to)) => {
            align(from, to).map(|f| Fit::Each(Box::new(f)))
        }
        _ => None,
    }
}

/// Carries a plan out.
pub(super) fn apply<'a>(fit: &Fit, value: Held<'a>) -> Result<Held<'a>, EvalError> {
    Ok(match change(fit, &value)? {
        Some(changed) => Cow::Owned(changed),
        None => value,
    })
}

/// The fitted value; `None` where the value fits as it is.
fn change(fit: &Fit, value: &Value) -> Result<Option<Value>, EvalError> {
    match (fit, value) {
        (Fit::Claim(shape), value) => claim(shape, value),
        (_, Value::Null) => Ok(None),
        (Fit::Int32, Value::Int(i)) => match i32::try_from(*i) {
            Ok(_) => Ok(None),
            Err(_) => failed(format!("{i} does not fit an Avro int")),
        },
        (Fit::Uuid, Value::Text(text)) => match uuid(text) {
            Some(lower) => Ok((*lower != **text).then(|| Value::Text(lower.into()))),
            None => failed("a text that is not a uuid stands where a uuid must"),
        },
        (Fit::Decimal { precision, scale }, value) => decimal(*precision, *scale, value),
        (Fit::Each(fit), Value::List(items)) => {
            let mut made: Option<Vec<Value>> = None;
            for (i, item) in items.iter().enumerate() {
                if let Some(changed) = change(fit, item)? {
                    made.get_or_insert_with(|| items.to_vec())[i] = changed;
                }
            }
            Ok(made.map(|m| Value::List(Arc::new(m))))
        }
        (Fit::Each(fit), Value::Map(map)) => {
            let mut made = None;
            for (key, item) in map.iter() {
                if let Some(changed) = change(fit, item)? {
                    made.get_or_insert_with(|| (**map).clone()).insert(Arc::clone(key), changed);
                }
            }
            Ok(made.map(|m| Value::Map(Arc::new(m))))
        }
        (_, other) => failed(format!("{} does not fit here", compare::kind(other))),
    }
}

/// The lower-case hyphenated form of a uuid.
pub(super) fn uuid(text: &str) -> Option<String> {
    let hyphenated = text.len() == 36;
    let parsed = hyphenated.then(|| uuid::Uuid::try_parse(text).ok()).flatten()?;
    Some(parsed.as_hyphenated().to_string())
}

fn decimal(precision: u8, scale: u8, value: &Value) -> Result<Option<Value>, EvalError> {
    let units = match value {
        Value::Decimal(d) => rescaled(*d, scale)?,
        // An int has 19 digits and a scale at most 28: this is far from overflow.
        Value::Int(i) => i128::from(*i).saturating_mul(10_i128.pow(u32::from(scale.min(28)))),
        other => return failed(format!("{} does not fit a decimal", compare::kind(other))),
    };
    if units.unsigned_abs() >= 10_u128.pow(u32::from(precision)) {
        return failed(format!("a decimal has more than {precision} digits"));
    }
    if matches!(value, Value::Decimal(d) if d.places() == scale) {
        return Ok(None);
    }
    match Decimal::new(units, scale) {
        Some(d) => Ok(Some(Value::Decimal(d))),
        None => failed("a decimal has more than 28 digits"),
    }
}

/// The units at another number of places; an error where digits would be lost.
pub(super) fn rescaled(d: Decimal, scale: u8) -> Result<i128, EvalError> {
    if scale >= d.places() {
        let factor = 10_i128.pow(u32::from(scale - d.places()));
        return d
            .units()
            .checked_mul(factor)
            .ok_or_else(|| EvalError("a decimal has more than 28 digits".to_owned()));
    }
    let factor = 10_i128.pow(u32::from(d.places() - scale));
    if d.units() % factor != 0 {
        return failed(format!("a decimal has more than {scale} places"));
    }
    Ok(d.units() / factor)
}

fn claim(shape: &Shape, value: &Value) -> Result<Option<Value>, EvalError> {
    match (shape, value) {
        (Shape::Nullable { .. }, Value::Null) => Ok(None),
        (Shape::Nullable { inner, .. }, value) => claim(inner, value),
        (Shape::Boolean, Value::Bool(_))
        | (Shape::Long, Value::Int(_))
        | (Shape::Double, Value::Double(_))
        | (Shape::String, Value::Text(_)) => Ok(None),
        (Shape::Int, Value::Int(_)) => change(&Fit::Int32, value),
        (Shape::Double, Value::Int(i)) => Ok(Some(Value::Double(*i as f64))),
        (Shape::Uuid, Value::Text(_)) => change(&Fit::Uuid, value),
        (Shape::Enum(e), Value::Text(t)) if e.symbols.contains(t) => Ok(None),
        (_, other) => {
            let found = compare::kind(other);
            let wanted = Type::of(shape).describe();
            failed(format!("a claim is {found}, where {wanted} must stand"))
        }
    }
}
