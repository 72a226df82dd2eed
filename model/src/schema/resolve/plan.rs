//! Whether and how one shape reads another, decided once.

use std::sync::Arc;

use super::{Plan, Step};
use crate::schema::{EnumShape, FieldShape, RecordShape, Shape};
use crate::value::Value;

/// Compiles a plan; `path` is the dotted path of the field that is looked at, for errors.
pub(super) fn resolve(writer: &Shape, reader: &Shape, path: &mut String) -> Result<Plan, String> {
    Ok(match (writer, reader) {
        (Shape::Nullable { inner: from, null_first }, Shape::Nullable { inner: to, .. }) => {
            let inner = resolve(from, to, path)?;
            let same_order =
                matches!(reader, Shape::Nullable { null_first: other, .. } if other == null_first);
            match same_order && is_same(&inner) {
                true => Plan::Same(reader.clone()),
                false => Plan::Nullable { inner: Box::new(inner), null_first: *null_first },
            }
        }
        (Shape::Null, Shape::Nullable { .. }) => Plan::Same(Shape::Null),
        (Shape::Nullable { .. }, _) => {
            return refuse(path, "it may hold null, which the newer shape does not");
        }
        (writer, Shape::Nullable { inner, .. }) => resolve(writer, inner, path)?,
        (Shape::Int, Shape::Long) | (Shape::Uuid, Shape::String) => Plan::Same(reader.clone()),
        (Shape::Int | Shape::Long, Shape::Double) => Plan::Widen(writer.clone()),
        (Shape::String, Shape::Bytes) => Plan::ToBytes,
        (Shape::Bytes, Shape::String) => Plan::ToText,
        (
            Shape::Decimal { precision: p, scale: s },
            Shape::Decimal { precision: to_p, scale: to_s },
        ) => {
            if to_s < s || to_p - to_s < p - s {
                return refuse(
                    path,
                    &format!("decimal({p},{s}) has numbers that decimal({to_p},{to_s}) can't hold"),
                );
            }
            match to_s == s {
                true => Plan::Same(reader.clone()),
                false => Plan::Rescale { writer: writer.clone(), scale: *to_s },
            }
        }
        (Shape::Enum(from), Shape::Enum(to)) => symbols(from, to, path)?,
        (Shape::Array(from), Shape::Array(to)) => match resolve(from, to, path)? {
            inner if is_same(&inner) => Plan::Same(reader.clone()),
            inner => Plan::Array(Box::new(inner)),
        },
        (Shape::Map(from), Shape::Map(to)) => match resolve(from, to, path)? {
            inner if is_same(&inner) => Plan::Same(reader.clone()),
            inner => Plan::Map(Box::new(inner)),
        },
        (Shape::Record(from), Shape::Record(to)) => record(from, to, reader, path)?,
        (writer, reader) if writer == reader => Plan::Same(reader.clone()),
        (writer, reader) => {
            let message = format!("{} can't be read as {}", writer.kind(), reader.kind());
            return refuse(path, &message);
        }
    })
}

fn is_same(plan: &Plan) -> bool {
    matches!(plan, Plan::Same(_))
}

fn refuse<T>(path: &str, message: &str) -> Result<T, String> {
    match path {
        "" => Err(message.to_owned()),
        path => Err(format!("{path}: {message}")),
    }
}

fn symbols(from: &EnumShape, to: &Arc<EnumShape>, path: &str) -> Result<Plan, String> {
    check_names(&from.full_name, &to.full_name, &to.aliases, path)?;
    if from.symbols == to.symbols {
        return Ok(Plan::Same(Shape::Enum(Arc::clone(to))));
    }
    let default = to.default.map(|index| &to.symbols[index]);
    let mut symbols = Vec::with_capacity(from.symbols.len());
    for written in &from.symbols {
        match to.symbols.iter().find(|symbol| *symbol == written).or(default) {
            Some(read) => symbols.push((Arc::clone(written), Arc::clone(read))),
            None => {
                let message = format!(
                    "{:?} has the symbol {written:?}, which the reader has not, nor a default",
                    short(&from.full_name)
                );
                return refuse(path, &message);
            }
        }
    }
    Ok(Plan::Enum(symbols))
}

fn record(
    from: &RecordShape,
    to: &RecordShape,
    reader: &Shape,
    path: &mut String,
) -> Result<Plan, String> {
    check_names(&from.full_name, &to.full_name, &to.aliases, path)?;
    let mut sources = Vec::with_capacity(to.fields.len());
    let mut blank = Vec::with_capacity(to.fields.len());
    for field in &to.fields {
        let source = source_of(field, from);
        match (source, &field.default) {
            (Some(_), _) => blank.push(Value::Null),
            (None, Some(default)) => blank.push(default.clone()),
            (None, None) => {
                let message = format!(
                    "the field {:?} is new and has no default to read old data",
                    field.name
                );
                return refuse(path, &message);
            }
        }
        sources.push(source);
    }
    let mut fields = Vec::with_capacity(from.fields.len());
    for (index, field) in from.fields.iter().enumerate() {
        let Some(target) = sources.iter().position(|source| *source == Some(index)) else {
            fields.push(Step::Skip(field.shape.clone()));
            continue;
        };
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(&field.name);
        let plan = resolve(&field.shape, &to.fields[target].shape, path)?;
        path.truncate(length);
        fields.push(Step::Keep(target, plan));
    }
    let unchanged = fields.len() == to.fields.len()
        && fields.iter().enumerate().all(
            |(index, step)| matches!(step, Step::Keep(target, plan) if *target == index && is_same(plan)),
        );
    Ok(match unchanged {
        true => Plan::Same(reader.clone()),
        false => Plan::Record { fields, blank },
    })
}

/// The writer's field that a reader's field is read from: by its name, else by an alias.
fn source_of(field: &FieldShape, from: &RecordShape) -> Option<usize> {
    from.index_of(&field.name).or_else(|| field.aliases.iter().find_map(|name| from.index_of(name)))
}

/// Named types match by their short names, as Avro says, or by an alias of the reader's.
fn check_names(from: &str, to: &str, aliases: &[Arc<str>], path: &str) -> Result<(), String> {
    let matches = short(from) == short(to)
        || aliases.iter().any(|alias| **alias == *from || short(alias) == short(from));
    match matches {
        true => Ok(()),
        false => refuse(
            path,
            &format!("{:?} can't be read as {:?}: give that the alias", short(from), short(to)),
        ),
    }
}

fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}
