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
                true => Plan::Same(writer.clone()),
                false => Plan::Nullable { inner: Box::new(inner), null_first: *null_first },
            }
        }
        (Shape::Null, Shape::Nullable { .. }) => Plan::Same(writer.clone()),
        (Shape::Nullable { .. }, _) => {
            return refuse(path, "it may hold null, which the newer shape does not");
        }
        (writer, Shape::Nullable { inner, .. }) => resolve(writer, inner, path)?,
        (Shape::Int, Shape::Long) | (Shape::Uuid, Shape::String) => Plan::Same(writer.clone()),
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
                true => Plan::Same(writer.clone()),
                false => Plan::Rescale { writer: writer.clone(), scale: *to_s },
            }
        }
        (Shape::Enum(from), Shape::Enum(to)) => symbols(from, to, path)?,
        (Shape::Array(from), Shape::Array(to)) => match resolve(from, to, path)? {
            inner if is_same(&inner) => Plan::Same(writer.clone()),
            inner => Plan::Array(Box::new(inner)),
        },
        (Shape::Map(from), Shape::Map(to)) => match resolve(from, to, path)? {
            inner if is_same(&inner) => Plan::Same(writer.clone()),
            inner => Plan::Map(Box::new(inner)),
        },
        (Shape::Record(from), Shape::Record(to)) => record(from, to, writer, path)?,
        (writer, reader) if writer == reader => Plan::Same(writer.clone()),
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

fn symbols(from: &Arc<EnumShape>, to: &EnumShape, path: &str) -> Result<Plan, String> {
    check_names(&from.full_name, &to.full_name, &to.aliases, path)?;
    if from.symbols == to.symbols {
        return Ok(Plan::Same(Shape::Enum(Arc::clone(from))));
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
    writer: &Shape,
    path: &mut String,
) -> Result<Plan, String> {
    check_names(&from.full_name, &to.full_name, &to.aliases, path)?;
    let sources = sources(from, to);
    let mut blank = Vec::with_capacity(to.fields.len());
    for (field, source) in to.fields.iter().zip(&sources) {
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
        true => Plan::Same(writer.clone()),
        false => Plan::Record { fields, blank },
    })
}

/// The writer's field that each of the reader's is read from: by its name, else by an alias. A
/// field that another one has taken over by an alias is not there under its old name.
fn sources(from: &RecordShape, to: &RecordShape) -> Vec<Option<usize>> {
    let by_alias = |field: &FieldShape| match from.index_of(&field.name) {
        None => field.aliases.iter().find_map(|name| from.index_of(name)),
        Some(_) => None,
    };
    let renamed: Vec<Option<usize>> = to.fields.iter().map(by_alias).collect();
    let same_name = |field: &FieldShape| {
        from.index_of(&field.name).filter(|index| !renamed.contains(&Some(*index)))
    };
    to.fields
        .iter()
        .zip(&renamed)
        .map(|(field, alias)| alias.or_else(|| same_name(field)))
        .collect()
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
