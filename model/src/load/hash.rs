//! What states and rows depend on, as hashes: when one changes, what was stored under the old one
//! is made anew.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::definition::{EventDef, ViewDef};
use super::document::Text;
use super::schemas::Schemas;
use crate::domain::{IdKind, ViewKind};
use crate::schema::Shape;

/// Counted up whenever the same definition folds to other states or rows than before.
const ENGINE: &str = "foldline-engine-2";

/// Of everything that the folded states of an aggregate depend on.
pub(super) fn fold(
    aggregate: &str,
    id: IdKind,
    schemas: &Schemas,
    defs: &[EventDef<'_>],
) -> [u8; 32] {
    let mut text = Canonical::new("fold");
    text.line("aggregate", aggregate);
    text.line("id", &format!("{id:?}"));
    if let Some(state) = &schemas.state {
        text.line("state", &state.schema_json);
    }
    for event in &schemas.events {
        text.line("event", &event.name);
        for (number, _, parsed) in &event.versions {
            text.line(&number.to_string(), &parsed.schema_json);
        }
        let Some(def) = defs.iter().find(|def| def.name.text == event.name) else { continue };
        text.line("delete", &def.delete.to_string());
        text.sorted_pairs("fold", &def.fold);
        for (number, fields) in &def.upcast {
            text.line("upcast", number.text);
            text.sorted_pairs("set", fields);
        }
    }
    text.finish()
}

/// Of everything that a view's rows depend on, but for the states they are made from. Who may see
/// them is not among it.
pub(super) fn view(aggregate: &str, def: &ViewDef<'_>, kind: &ViewKind) -> [u8; 32] {
    let mut text = Canonical::new("view");
    text.line("aggregate", aggregate);
    text.line("name", def.name.text);
    for name in def.of.iter().flat_map(|(_, names)| names) {
        text.line("of", name.text);
    }
    text.option("each", def.each);
    text.option("where", def.filter);
    text.option("buckets", def.buckets);
    def.key.iter().for_each(|name| text.line("key", name.text));
    def.sort.iter().for_each(|name| text.line("sort", name.text));
    text.pairs("field", &def.fields);
    if let Some(rollup) = &def.rollup {
        text.pairs("group", &rollup.group);
        text.pairs("measure", &rollup.measures);
    }
    match kind {
        ViewKind::Rows(rows) => {
            rows.columns.iter().for_each(|c| text.line(&c.name, &shape_text(&c.shape)));
        }
        ViewKind::Rollup(rollup) => {
            rollup.group.iter().for_each(|c| text.line(&c.name, &shape_text(&c.shape)));
            rollup.measures.iter().for_each(|m| text.line(&m.name, &format!("{:?}", m.kind)));
        }
    }
    text.finish()
}

/// A text in which no two definitions look alike: every part is led by its length.
struct Canonical(String);

impl Canonical {
    fn new(kind: &str) -> Canonical {
        Canonical(format!("{ENGINE}\n{kind}\n"))
    }

    fn line(&mut self, name: &str, value: &str) {
        let value = value.trim();
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{}:{name} {}:{value}", name.len(), value.len());
    }

    fn option(&mut self, name: &str, value: Option<Text<'_>>) {
        if let Some(value) = value {
            self.line(name, value.text);
        }
    }

    fn pairs(&mut self, what: &str, pairs: &[(Text<'_>, Text<'_>)]) {
        for (name, value) in pairs {
            self.line(what, name.text);
            self.line("is", value.text);
        }
    }

    /// For mappings whose order means nothing.
    fn sorted_pairs(&mut self, what: &str, pairs: &[(Text<'_>, Text<'_>)]) {
        let mut pairs = pairs.to_vec();
        pairs.sort_by_key(|(name, _)| name.text);
        self.pairs(what, &pairs);
    }

    fn finish(self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

fn shape_text(shape: &Shape) -> String {
    match shape {
        Shape::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        Shape::Enum(symbols) => format!("enum({})", symbols.symbols.join(",")),
        Shape::Array(inner) => format!("array({})", shape_text(inner)),
        Shape::Map(inner) => format!("map({})", shape_text(inner)),
        Shape::Nullable { inner, .. } => format!("nullable({})", shape_text(inner)),
        Shape::Record(record) => {
            let fields =
                record.fields.iter().map(|f| format!("{}:{}", f.name, shape_text(&f.shape)));
            format!("record({})", fields.collect::<Vec<_>>().join(","))
        }
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}
