//! Where names are defined, and what a name refers to.

use std::sync::Arc;

use super::super::node::{Json, Node};
use super::super::{define, short};
use super::{Builder, Definition, PRIMITIVES, Within, qualified};
use crate::schema::Shape;
use crate::schema::text::suggest;

impl<'a> Builder<'a> {
    /// Finds the definitions in a type, however deep.
    pub(super) fn collect(&mut self, within: &Within, node: &'a Node) {
        match &node.json {
            Json::List(branches) => branches.iter().for_each(|b| self.collect(within, b)),
            Json::Object(_) => match node.member("type").and_then(Node::text) {
                Some("record" | "enum") => self.collect_named(within, node),
                Some("array") => self.collect_member(within, node, "items"),
                Some("map") => self.collect_member(within, node, "values"),
                _ => self.collect_member(within, node, "type"),
            },
            _ => {}
        }
    }

    fn collect_member(&mut self, within: &Within, node: &'a Node, name: &str) {
        if let Some(inner) = node.member(name) {
            self.collect(within, inner);
        }
    }

    fn collect_named(&mut self, within: &Within, node: &'a Node) {
        // What has no usable name is reported when it is built.
        let Some((full_name, inner)) = self.names(within, node) else { return };
        if let Some(Node { json: Json::List(fields), .. }) = node.member("fields") {
            for field in fields {
                self.collect_member(&inner, field, "type");
            }
        }
        if let Some(first) = self.definitions.get(&full_name) {
            let message = format!("{full_name} is defined twice");
            let first = self.sources[first.within.file].file.display();
            let hint = format!("the first is in {first}; refer to it by its name");
            self.fail::<()>(within, node.at, message, Some(hint));
            return;
        }
        let definition = Definition { full_name: Arc::clone(&full_name), node, within: inner };
        self.definitions.insert(full_name, definition);
    }

    /// The full name of a definition, and the surroundings of its inside.
    pub(super) fn names(&self, within: &Within, node: &Node) -> Option<(Arc<str>, Within)> {
        let name = node.member("name")?.text()?;
        let namespace = match (name.rsplit_once('.'), node.member("namespace")) {
            (Some((namespace, _)), _) => namespace.into(),
            (None, Some(explicit)) => explicit.text()?.into(),
            (None, None) => Arc::clone(&within.namespace),
        };
        let full_name = qualified(&namespace, short(name));
        Some((full_name.into(), Within { file: within.file, namespace }))
    }

    /// A primitive, or a named type: of the same namespace first, then of these files, then of
    /// the folder, then shared.
    pub(super) fn reference(&mut self, within: &Within, node: &Node, name: &str) -> Option<Shape> {
        if let Some(primitive) = primitive(name) {
            return Some(primitive);
        }
        let same = qualified(&within.namespace, name);
        let full = if name.contains('.') { name } else { &same };
        let alike = || self.definitions.keys().find(|key| short(key) == name);
        if let Some(found) = self.definitions.get_key_value(full).map(|(k, _)| k).or_else(alike) {
            let found = Arc::clone(found);
            return self.finished(within, node.at, &found);
        }
        if let Some(shape) = self.outer.get_full(full).or_else(|| self.outer.get(name)) {
            return Some(shape);
        }
        let (message, hint) = self.unknown(name);
        self.fail(within, node.at, message, Some(hint))
    }

    fn unknown(&self, name: &str) -> (String, String) {
        let message = format!("there is no type {name:?}");
        let hint = match name {
            "float" => "use \"double\"".to_owned(),
            "fixed" => "use \"bytes\"".to_owned(),
            "record" | "enum" | "array" | "map" => {
                format!("nest it: {{ \"type\": {{ \"type\": {name:?}, … }} }}")
            }
            "timestamp-millis" | "date" | "uuid" | "decimal" => {
                format!("write {}", define::written(name))
            }
            _ => {
                let named = self.definitions.keys().map(|key| short(key));
                let outer = self.outer.iter().map(|(name, _)| name);
                let all: Vec<&str> = named.chain(outer).chain(PRIMITIVES).collect();
                suggest(name, &all)
            }
        };
        (message, hint)
    }
}

fn primitive(name: &str) -> Option<Shape> {
    Some(match name {
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "int" => Shape::Int,
        "long" => Shape::Long,
        "double" => Shape::Double,
        "string" => Shape::String,
        "bytes" => Shape::Bytes,
        _ => return None,
    })
}
