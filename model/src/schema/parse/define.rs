//! Records, enums and logical types out of their JSON.

use std::sync::Arc;

use super::builder::{Builder, Definition, MOST_DIGITS, Within, qualified};
use super::fit::fit;
use super::node::{Json, Node};
use crate::schema::text::suggest;
use crate::schema::{EnumShape, FieldShape, RecordShape, Shape};

const RECORD: [&str; 7] = ["type", "name", "namespace", "doc", "aliases", "fields", "logicalType"];
const ENUM: [&str; 8] =
    ["type", "name", "namespace", "doc", "aliases", "symbols", "default", "logicalType"];
const FIELD: [&str; 6] = ["name", "type", "doc", "default", "aliases", "order"];
const LOGICAL: [&str; 4] = ["timestamp-millis", "date", "uuid", "decimal"];

impl<'a> Builder<'a> {
    /// Builds a record or enum.
    pub(super) fn define(&mut self, definition: &Definition<'a>) -> Option<Shape> {
        let Definition { full_name, node, within } = definition;
        if !full_name.split('.').all(is_name) {
            let message = format!("{full_name:?} is no Avro name");
            return self.fail(within, node.at, message, Some(name_hint()));
        }
        let aliases = self.aliases(within, node);
        let aliases = aliases
            .into_iter()
            .map(|alias| match alias.contains('.') {
                true => alias,
                false => qualified(&within.namespace, &alias).into(),
            })
            .collect();
        match node.member("type").and_then(Node::text) {
            Some("enum") => self.define_enum(definition, aliases),
            _ => self.define_record(definition, aliases),
        }
    }

    fn define_enum(
        &mut self,
        definition: &Definition<'a>,
        aliases: Vec<Arc<str>>,
    ) -> Option<Shape> {
        let Definition { full_name, node, within } = definition;
        self.check_members(within, node, &ENUM);
        let Some(Node { json: Json::List(items), .. }) = node.member("symbols") else {
            return self.fail(within, node.at, "an enum needs \"symbols\": [\"…\"]", None);
        };
        let mut symbols: Vec<Arc<str>> = Vec::new();
        for item in items {
            match item.text() {
                Some(name) if symbols.iter().any(|s| **s == *name) => {
                    self.fail::<()>(
                        within,
                        item.at,
                        format!("symbol {name:?} is there twice"),
                        None,
                    );
                }
                Some(name) if is_name(name) => symbols.push(name.into()),
                _ => {
                    let message = format!("{} is no symbol", item.described());
                    self.fail::<()>(within, item.at, message, Some(name_hint()));
                }
            }
        }
        if symbols.is_empty() {
            return self.fail(within, node.at, "an enum needs a symbol", None);
        }
        let default = match node.member("default") {
            None => None,
            Some(default) => {
                let found = symbols.iter().position(|s| Some(&**s) == default.text());
                if found.is_none() {
                    let known: Vec<&str> = symbols.iter().map(|s| &**s).collect();
                    let message = format!("the default {} is no symbol", default.described());
                    let hint = suggest(default.text().unwrap_or(""), &known);
                    self.fail::<()>(within, default.at, message, Some(hint));
                }
                found
            }
        };
        let doc = doc(node);
        let full_name = Arc::clone(full_name);
        Some(Shape::Enum(Arc::new(EnumShape { full_name, aliases, symbols, default, doc })))
    }

    fn define_record(
        &mut self,
        definition: &Definition<'a>,
        aliases: Vec<Arc<str>>,
    ) -> Option<Shape> {
        let Definition { full_name, node, within } = definition;
        self.check_members(within, node, &RECORD);
        let Some(Node { json: Json::List(items), .. }) = node.member("fields") else {
            return self.fail(within, node.at, "a record needs \"fields\": […]", None);
        };
        let mut fields: Vec<FieldShape> = Vec::with_capacity(items.len());
        let mut whole = true;
        for item in items {
            match self.field(within, item) {
                Some(field) if fields.iter().any(|f| f.name == field.name) => {
                    let message = format!("field {:?} is there twice", field.name);
                    self.fail::<()>(within, item.at, message, None);
                }
                Some(field) => fields.push(field),
                None => whole = false,
            }
        }
        let (full_name, doc) = (Arc::clone(full_name), doc(node));
        // A record that lacks a broken field would only cause misleading errors elsewhere.
        whole.then(|| Shape::Record(Arc::new(RecordShape { full_name, aliases, fields, doc })))
    }

    fn field(&mut self, within: &Within, node: &'a Node) -> Option<FieldShape> {
        if !matches!(node.json, Json::Object(_)) {
            let message = format!("{} is no field", node.described());
            let hint = "write { \"name\": …, \"type\": … }".to_owned();
            return self.fail(within, node.at, message, Some(hint));
        }
        self.check_field_members(within, node);
        let name = match node.member("name") {
            Some(name) if name.text().is_some_and(is_name) => name.text().unwrap_or(""),
            Some(name) => {
                let message = format!("{} is no field name", name.described());
                return self.fail(within, name.at, message, Some(name_hint()));
            }
            None => return self.fail(within, node.at, "a field needs a \"name\"", None),
        };
        let Some(ty) = node.member("type") else {
            return self.fail(within, node.at, format!("field {name:?} needs a \"type\""), None);
        };
        let aliases = self.aliases(within, node);
        let shape = self.shape(within, ty)?;
        let default = match node.member("default") {
            None => None,
            Some(default) => match fit(&shape, default) {
                Ok(value) => Some(value),
                Err(misfit) => {
                    let message =
                        format!("the default of {name:?} does not fit: {}", misfit.message);
                    return self.fail(within, misfit.at, message, misfit.hint);
                }
            },
        };
        Some(FieldShape { name: name.into(), aliases, shape, default, doc: doc(node) })
    }

    /// A field's own members, and those of its type that were put beside it by mistake.
    fn check_field_members(&mut self, within: &Within, node: &Node) {
        const OF_TYPES: [&str; 6] =
            ["logicalType", "precision", "scale", "items", "values", "symbols"];
        self.check_members(within, node, &FIELD);
        for member in node.members().iter().filter(|m| OF_TYPES.contains(&m.name.as_str())) {
            let message = format!("{:?} belongs to a type, not to a field", member.name);
            let hint = "nest it: { \"name\": …, \"type\": { \"type\": …, … } }".to_owned();
            self.fail::<()>(within, member.at, message, Some(hint));
        }
    }

    /// Aliases as written.
    fn aliases(&mut self, within: &Within, node: &Node) -> Vec<Arc<str>> {
        let Some(written) = node.member("aliases") else { return Vec::new() };
        let Json::List(items) = &written.json else {
            self.fail::<()>(within, written.at, "\"aliases\" is an array of names", None);
            return Vec::new();
        };
        let mut aliases = Vec::with_capacity(items.len());
        for item in items {
            match item.text() {
                Some(name) if name.split('.').all(is_name) => aliases.push(name.into()),
                _ => {
                    let message = format!("{} is no name", item.described());
                    self.fail::<()>(within, item.at, message, Some(name_hint()));
                }
            }
        }
        aliases
    }

    /// The shape that a logical type makes of its base.
    pub(super) fn logical(
        &mut self,
        within: &Within,
        node: &Node,
        logical: &Node,
        base: &Shape,
    ) -> Option<Shape> {
        let known = ["type", "logicalType", "precision", "scale"];
        self.check_members(within, node, &known);
        match (logical.text(), base) {
            (Some("timestamp-millis"), Shape::Long) => Some(Shape::Timestamp),
            (Some("date"), Shape::Int) => Some(Shape::Date),
            (Some("uuid"), Shape::String) => Some(Shape::Uuid),
            (Some("decimal"), Shape::Bytes) => self.decimal(within, node),
            (Some(name), _) if LOGICAL.contains(&name) => {
                let message = format!("logical type {name:?} can't be on {}", base.kind());
                let hint = Some(format!("write {}", written(name)));
                self.fail(within, logical.at, message, hint)
            }
            _ => {
                let message = format!("unknown logical type {}", logical.described());
                let hint = Some(suggest(logical.text().unwrap_or(""), &LOGICAL));
                self.fail(within, logical.at, message, hint)
            }
        }
    }

    fn decimal(&mut self, within: &Within, node: &Node) -> Option<Shape> {
        let number = |name: &str| {
            node.member(name).map(|node| match &node.json {
                Json::Number(number) => (node.at, number.as_i64()),
                _ => (node.at, None),
            })
        };
        let (at, precision) = number("precision").unwrap_or((node.at, None));
        let Some(precision) = precision.filter(|p| (1..=MOST_DIGITS).contains(p)) else {
            let message = format!("a decimal needs a \"precision\" from 1 to {MOST_DIGITS}");
            return self.fail(within, at, message, None);
        };
        let (at, scale) = number("scale").unwrap_or((node.at, Some(0)));
        let Some(scale) = scale.filter(|s| (0..=precision).contains(s)) else {
            let message = format!("a \"scale\" is from 0 to the precision, here {precision}");
            return self.fail(within, at, message, None);
        };
        // Both are at most 28.
        Some(Shape::Decimal { precision: precision as u8, scale: scale as u8 })
    }
}

/// How a logical type is written.
pub(super) fn written(name: &str) -> &'static str {
    match name {
        "timestamp-millis" => r#"{ "type": "long", "logicalType": "timestamp-millis" }"#,
        "date" => r#"{ "type": "int", "logicalType": "date" }"#,
        "uuid" => r#"{ "type": "string", "logicalType": "uuid" }"#,
        _ => r#"{ "type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2 }"#,
    }
}

fn doc(node: &Node) -> Option<Arc<str>> {
    node.member("doc").and_then(Node::text).map(Into::into)
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn name_hint() -> String {
    "a name is letters, digits and _, and starts with no digit".to_owned()
}
