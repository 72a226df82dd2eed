//! A YAML file as a tree of nodes that know where they stand, so that every later error can name
//! its line and column.

mod build;
mod offset;
mod quoting;

pub(crate) use build::parse;
pub(crate) use quoting::expression_hint;

use super::source::Source;
use crate::diagnostic::Place;

/// A value and the bytes it was read from.
#[derive(Debug)]
pub(crate) struct Node {
    /// First byte.
    pub(crate) start: usize,
    /// The byte after the last.
    pub(crate) end: usize,
    /// What it is.
    pub(crate) kind: Kind,
}

/// The three kinds of YAML values.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Text, of whatever style; what it means depends on where it stands.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping; keys are scalars and differ.
    Map(Vec<(Node, Node)>),
}

/// A scalar's text.
#[derive(Debug)]
pub(crate) struct Scalar {
    /// After unescaping and folding.
    pub(crate) text: String,
    /// How it was written.
    pub(crate) style: Style,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`.
    Single,
    /// `"…"`.
    Double,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

impl Node {
    /// Where it starts.
    pub(crate) fn place(&self, source: &Source) -> Place {
        source.place(self.start)
    }

    /// The scalar's text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether nothing was written (or `null`, or `~`), as after a bare `commands:`.
    pub(crate) fn is_null(&self) -> bool {
        match &self.kind {
            Kind::Scalar(Scalar { text, style: Style::Plain }) => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// Where a byte of the scalar's text stands in the file.
    pub(crate) fn place_at(&self, source: &Source, offset: usize) -> Place {
        match &self.kind {
            Kind::Scalar(scalar) => source.place(offset::locate(source, self, scalar, offset)),
            _ => self.place(source),
        }
    }
}
