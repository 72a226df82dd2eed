//! From JSON to shapes: all definitions are collected first, so that files may refer to each other
//! in any order, then built from the top of each file down.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::node::{Json, Malformed, Node, line_column};
use super::{SchemaError, SchemaSource, Types};
use crate::schema::Shape;
use crate::schema::text::suggest;
use crate::value::Decimal;

/// The surroundings of a part of a schema.
#[derive(Clone, Debug)]
pub(super) struct Within {
    /// Which source.
    pub(super) file: usize,
    /// The namespace of names without one.
    pub(super) namespace: Arc<str>,
}

/// A named type as written.
#[derive(Clone)]
pub(super) struct Definition<'a> {
    pub(super) full_name: Arc<str>,
    pub(super) node: &'a Node,
    /// The surroundings of its inside.
    pub(super) within: Within,
}

/// How far a definition has come.
enum Progress {
    Building,
    Built(Option<Shape>),
}

mod names;

const PRIMITIVES: [&str; 7] = ["null", "boolean", "int", "long", "double", "string", "bytes"];
const COMPLEX: [&str; 4] = ["record", "enum", "array", "map"];

pub(super) struct Builder<'a> {
    outer: &'a Types,
    sources: &'a [SchemaSource],
    nodes: &'a [Result<Node, Malformed>],
    definitions: BTreeMap<Arc<str>, Definition<'a>>,
    progress: BTreeMap<Arc<str>, Progress>,
    /// In the order in which they were finished.
    built: Vec<Shape>,
    errors: Vec<SchemaError>,
}

/// Parses the JSON of each source.
pub(super) fn read(sources: &[SchemaSource]) -> Vec<Result<Node, Malformed>> {
    sources.iter().map(|source| Node::parse(&source.text)).collect()
}

impl<'a> Builder<'a> {
    /// Collects what the sources define.
    pub(super) fn new(
        outer: &'a Types,
        sources: &'a [SchemaSource],
        nodes: &'a [Result<Node, Malformed>],
    ) -> Builder<'a> {
        let mut builder = Builder {
            outer,
            sources,
            nodes,
            definitions: BTreeMap::new(),
            progress: BTreeMap::new(),
            built: Vec::new(),
            errors: Vec::new(),
        };
        for (file, node) in nodes.iter().enumerate() {
            match node {
                Ok(node) => builder.collect(&builder.outside(file), node),
                Err(malformed) => builder.errors.push(SchemaError {
                    file: sources[file].file.clone(),
                    line: malformed.line,
                    column: malformed.column,
                    message: format!("this is no JSON: {}", malformed.message),
                    hint: None,
                }),
            }
        }
        builder
    }

    /// Builds the type at the top of a file, which must be of one of these kinds.
    pub(super) fn top(&mut self, file: usize, kinds: &[&str]) -> Option<Shape> {
        let Ok(node) = &self.nodes[file] else { return None };
        let within = self.outside(file);
        let kind = node.member("type").and_then(Node::text).unwrap_or("");
        if !kinds.contains(&kind) {
            let wanted = kinds.join(" or ");
            let message = format!("a file here holds one {wanted} at its top");
            let hint = "start with { \"type\": \"record\", \"name\": …, \"fields\": […] }";
            return self.fail(&within, node.at, message, Some(hint.to_owned()));
        }
        self.shape(&within, node)
    }

    /// All named types that were built, and all errors in the order of files and places.
    pub(super) fn finish(mut self) -> (Vec<Shape>, Vec<SchemaError>) {
        self.errors.sort();
        self.errors.dedup();
        (self.built, self.errors)
    }

    /// Reports an error.
    pub(super) fn fail<T>(
        &mut self,
        within: &Within,
        at: usize,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> Option<T> {
        let source = &self.sources[within.file];
        let (line, column) = line_column(&source.text, at);
        let (file, message) = (source.file.clone(), message.into());
        self.errors.push(SchemaError { file, line, column, message, hint });
        None
    }

    fn outside(&self, file: usize) -> Within {
        Within { file, namespace: self.sources[file].namespace.as_str().into() }
    }

    /// Builds a type of any kind.
    pub(super) fn shape(&mut self, within: &Within, node: &'a Node) -> Option<Shape> {
        match &node.json {
            Json::Text(name) => self.reference(within, node, name),
            Json::List(branches) => self.union(within, node, branches),
            Json::Object(_) => self.object(within, node),
            _ => {
                let message = format!("{} is no Avro type", node.described());
                self.fail(within, node.at, message, Some(known_types()))
            }
        }
    }

    fn union(&mut self, within: &Within, node: &'a Node, branches: &'a [Node]) -> Option<Shape> {
        let is_null = |node: &Node| {
            node.text() == Some("null") || node.member("type").and_then(Node::text) == Some("null")
        };
        let (null_first, inner) = match branches {
            [null, inner] if is_null(null) && !is_null(inner) => (true, inner),
            [inner, null] if is_null(null) && !is_null(inner) => (false, inner),
            _ => {
                let message = "a union must have two branches, and one of them must be null";
                let hint = "write [\"null\", …]".to_owned();
                return self.fail(within, node.at, message, Some(hint));
            }
        };
        if let Json::List(_) = inner.json {
            return self.fail(within, inner.at, "a union can't hold a union", None);
        }
        let inner = Arc::new(self.shape(within, inner)?);
        Some(Shape::Nullable { inner, null_first })
    }

    fn object(&mut self, within: &Within, node: &'a Node) -> Option<Shape> {
        let Some(kind) = node.member("type") else {
            let hint = Some(known_types());
            return self.fail(within, node.at, "a type needs the member \"type\"", hint);
        };
        let logical = node.member("logicalType");
        let shape = match kind.text() {
            Some("record" | "enum") => self.named(within, node),
            Some("array") => self.container(within, node, "items"),
            Some("map") => self.container(within, node, "values"),
            _ => self.shape(within, kind),
        }?;
        match logical {
            Some(logical) => self.logical(within, node, logical, &shape),
            None => Some(shape),
        }
    }

    fn container(&mut self, within: &Within, node: &'a Node, member: &str) -> Option<Shape> {
        let kind = if member == "items" { "array" } else { "map" };
        self.check_members(within, node, &["type", member, "default", "logicalType"]);
        let Some(inner) = node.member(member) else {
            return self.fail(within, node.at, format!("this {kind} needs {member:?}"), None);
        };
        let shape = Arc::new(self.shape(within, inner)?);
        if member == "values" {
            return Some(Shape::Map(shape));
        }
        if shape.takes_no_bytes() {
            let message = "the items of an array must take up space: null and records without \
                           fields can't be items";
            return self.fail(within, inner.at, message, None);
        }
        Some(Shape::Array(shape))
    }

    /// A definition, built once however often it is met.
    fn named(&mut self, within: &Within, node: &'a Node) -> Option<Shape> {
        match self.names(within, node) {
            Some((full_name, _)) => self.finished(within, node.at, &full_name),
            None => {
                let message = "a record or enum needs a \"name\"";
                self.fail(within, node.at, message, None)
            }
        }
    }

    fn finished(&mut self, within: &Within, at: usize, full_name: &str) -> Option<Shape> {
        let definition = self.definitions.get(full_name)?.clone();
        match self.progress.get(full_name) {
            Some(Progress::Built(shape)) => return shape.clone(),
            Some(Progress::Building) => {
                let message = format!("{full_name} contains itself");
                let hint = "records can't be recursive: keep the ids of the inner ones instead";
                return self.fail(within, at, message, Some(hint.to_owned()));
            }
            None => {}
        }
        self.progress.insert(Arc::clone(&definition.full_name), Progress::Building);
        let shape = self.define(&definition);
        self.built.extend(shape.clone());
        self.progress.insert(definition.full_name, Progress::Built(shape.clone()));
        shape
    }

    /// Refuses members that look like a slip of a known one; others are metadata, as in Avro.
    pub(super) fn check_members(&mut self, within: &Within, node: &Node, known: &[&str]) {
        for (i, member) in node.members().iter().enumerate() {
            let name = member.name.as_str();
            let message = format!("unknown member {name:?}");
            let hint = suggest(name, known);
            if node.members()[..i].iter().any(|m| m.name == name) {
                self.fail::<()>(within, member.at, format!("{name:?} stands here twice"), None);
            } else if !known.contains(&name) && hint.starts_with("did you mean") {
                self.fail::<()>(within, member.at, message, Some(hint));
            }
        }
    }
}

/// `namespace.name`, or the name alone.
pub(super) fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn known_types() -> String {
    format!("known are {}, {}", PRIMITIVES.join(", "), COMPLEX.join(", "))
}

/// The most digits of a decimal, as a schema says it.
pub(super) const MOST_DIGITS: i64 = Decimal::MAX_DIGITS as i64;
