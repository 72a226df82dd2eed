//! Reading mappings with known keys: what is unknown is refused with the likely name, what is
//! reserved with "not yet".

use super::report::Report;
use super::source::Source;
use super::suggest::did_you_mean;
use super::yaml::{Kind, Node};

/// A scalar and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    /// Its text, trimmed of nothing.
    pub(crate) text: &'a str,
    /// Where it was read.
    pub(crate) node: &'a Node,
}

/// Reads nodes of one file, reporting what does not fit.
pub(crate) struct Reader<'a, 'r> {
    /// The file.
    pub(crate) source: &'a Source,
    /// Where errors go.
    pub(crate) report: &'r mut Report,
}

/// The keys of one mapping that its place knows.
pub(crate) struct Fields<'a> {
    pairs: &'a [(Node, Node)],
}

impl<'a> Fields<'a> {
    /// The value under a key; nothing where it is absent or null.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        self.raw(key).filter(|value| !value.is_null())
    }

    /// The value under a key, even a null.
    pub(crate) fn raw(&self, key: &str) -> Option<&'a Node> {
        self.pairs.iter().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// The key itself.
    pub(crate) fn key(&self, key: &str) -> Option<&'a Node> {
        self.pairs.iter().find(|(k, _)| k.text() == Some(key)).map(|(k, _)| k)
    }
}

impl<'a> Reader<'a, '_> {
    /// Reports an error at a node.
    pub(crate) fn error(&mut self, at: &Node, message: impl Into<String>) {
        self.report.error(at.place(self.source), message);
    }

    /// Reports an error at a node, and what would be right.
    pub(crate) fn hinted(
        &mut self,
        at: &Node,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.report.hinted(at.place(self.source), message, hint);
    }

    /// A mapping with a fixed set of keys. `later` are keys of the language to come.
    pub(crate) fn fields(
        &mut self,
        node: &'a Node,
        what: &str,
        known: &[&str],
        later: &[&str],
    ) -> Fields<'a> {
        let pairs = self.pairs(node, what);
        for (key, _) in pairs {
            let name = key.text().unwrap_or_default();
            if later.contains(&name) {
                let message = format!("`{name}` is reserved: the language has it not yet");
                self.error(key, message);
            } else if !known.contains(&name) {
                let hint = did_you_mean(name, known.iter().copied());
                let message = format!("{what} has no key `{name}`");
                self.report.push(key.place(self.source), message, hint);
            }
        }
        Fields { pairs }
    }

    /// A mapping with free keys; a null is an empty one.
    pub(crate) fn pairs(&mut self, node: &'a Node, what: &str) -> &'a [(Node, Node)] {
        match &node.kind {
            Kind::Map(pairs) => pairs,
            Kind::Scalar(_) if node.is_null() => &[],
            _ => {
                self.error(node, format!("{what} must be a mapping of keys to values"));
                &[]
            }
        }
    }

    /// A list; a null is an empty one.
    pub(crate) fn list(&mut self, node: &'a Node, what: &str) -> &'a [Node] {
        match &node.kind {
            Kind::List(items) => items,
            Kind::Scalar(_) if node.is_null() => &[],
            _ => {
                let hint =
                    format!("write `{what}: [ … ]`, or each on a line of its own after `- `");
                self.hinted(node, format!("`{what}` must be a list"), hint);
                &[]
            }
        }
    }

    /// A scalar.
    pub(crate) fn text(&mut self, node: &'a Node, what: &str) -> Option<Text<'a>> {
        match node.text() {
            Some(text) => Some(Text { text, node }),
            None => {
                let hint = super::yaml::expression_hint(self.source, node);
                let message = format!("`{what}` must be a single value");
                self.report.push(node.place(self.source), message, hint);
                None
            }
        }
    }

    /// A list of scalars.
    pub(crate) fn texts(&mut self, node: &'a Node, what: &str) -> Vec<Text<'a>> {
        let items = self.list(node, what);
        items.iter().filter_map(|item| self.text(item, what)).collect()
    }

    /// A mapping of free keys to scalars.
    pub(crate) fn text_pairs(&mut self, node: &'a Node, what: &str) -> Vec<(Text<'a>, Text<'a>)> {
        let pairs = self.pairs(node, &format!("`{what}`"));
        pairs
            .iter()
            .filter_map(|(key, value)| {
                let name = Text { text: key.text()?, node: key };
                self.text(value, name.text).map(|value| (name, value))
            })
            .collect()
    }
}
