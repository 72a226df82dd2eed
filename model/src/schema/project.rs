//! Which parts of a value an answer shows.

use super::Shape;

/// Which parts of a value an answer shows: the dotted paths of `fields=a,b.c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Projection {
    /// The fields of the record, by position, in the order of its shape.
    pub(super) fields: Vec<Picked>,
}

/// One field that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Picked {
    /// Its position in the record.
    pub(super) index: usize,
    /// Which of its own fields; `None` = all of it.
    pub(super) inside: Option<Projection>,
}

impl Projection {
    /// Parses `a,b.c` against a shape; `Err` names the unknown field and the likely one. A path
    /// goes through records, nullable ones too, and into the items of arrays and maps.
    pub fn parse(shape: &Shape, fields: &str) -> Result<Projection, String> {
        let mut projection = Projection { fields: Vec::new() };
        for path in fields.split(',') {
            projection.add(shape, path.trim(), path.trim())?;
        }
        Ok(projection)
    }

    fn add(&mut self, shape: &Shape, rest: &str, path: &str) -> Result<(), String> {
        let Shape::Record(record) = record_of(shape) else {
            return Err(format!("{path:?} names a field of something that has none"));
        };
        let (name, after) = match rest.split_once('.') {
            Some((name, after)) => (name, Some(after)),
            None => (rest, None),
        };
        let Some(index) = record.index_of(name) else {
            let known: Vec<&str> = record.fields.iter().map(|f| &*f.name).collect();
            return Err(format!(
                "there is no field {name:?} in {:?}; {}",
                record.name(),
                super::text::suggest(name, &known)
            ));
        };
        let slot = match self.fields.binary_search_by_key(&index, |p| p.index) {
            Ok(slot) => slot,
            Err(slot) => {
                let inside = after.map(|_| Projection { fields: Vec::new() });
                self.fields.insert(slot, Picked { index, inside });
                slot
            }
        };
        let picked = &mut self.fields[slot];
        match (after, &mut picked.inside) {
            (None, inside) => {
                *inside = None;
                Ok(())
            }
            (Some(after), Some(inside)) => inside.add(&record.fields[index].shape, after, path),
            // The whole field is shown already; the path is only checked.
            (Some(after), None) => {
                Projection { fields: Vec::new() }.add(&record.fields[index].shape, after, path)
            }
        }
    }
}

/// The shape whose fields a path goes on with.
fn record_of(shape: &Shape) -> &Shape {
    match shape {
        Shape::Nullable { inner, .. } => record_of(inner),
        Shape::Array(item) | Shape::Map(item) => record_of(item),
        other => other,
    }
}
