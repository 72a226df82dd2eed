//! Parser events become nodes. Whatever a model file has no use for is refused here: anchors,
//! tags, several documents, keys that are no text.

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, Span};

use super::super::report::Report;
use super::super::source::Source;
use super::quoting;
use super::{Kind, Node, Scalar, Style};

/// Deeper nesting than this has no meaning in any file of a folder.
const MAX_DEPTH: usize = 48;

/// The file's one document; `None` where it can't be read at all (then the report says why).
pub(crate) fn parse(source: &Source, report: &mut Report) -> Option<Node> {
    let mut options = Options::default();
    options.emit_unresolved_aliases = true;
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(&source.text, options);
    let mut builder = Builder { source, report, open: Vec::new(), root: None, documents: 0 };
    for event in parser {
        match event {
            Ok((event, span)) => builder.event(event, span)?,
            Err(error) => {
                let at = byte(source, error.marker());
                let message = format!("not valid YAML: {}", error.info());
                let hint = quoting::syntax_hint(source, at);
                report.push(source.place(at), message, hint);
                return None;
            }
        }
    }
    if builder.root.is_none() {
        builder.report.error(source.place(0), "the file is empty");
    }
    builder.root
}

struct Builder<'a> {
    source: &'a Source,
    report: &'a mut Report,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

/// A collection whose end has not come yet.
enum Open {
    List { start: usize, items: Vec<Node> },
    Map { start: usize, key: Option<Node>, pairs: Vec<(Node, Node)> },
}

impl Builder<'_> {
    /// Takes one event; `None` stops.
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        let start = byte(self.source, &span.start);
        let end = byte(self.source, &span.end);
        self.refuse_properties(&event, &span, start)?;
        match event {
            Event::DocumentStart(..) => return self.document(start),
            Event::Scalar(text, style, ..) => {
                let scalar = Scalar { text: text.into_owned(), style: style_of(style) };
                self.put(Node { start, end, kind: Kind::Scalar(scalar) });
            }
            Event::SequenceStart(..) => self.open.push(Open::List { start, items: Vec::new() }),
            Event::MappingStart(..) => {
                self.open.push(Open::Map { start, key: None, pairs: Vec::new() });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end),
            _ => {}
        }
        if self.open.len() <= MAX_DEPTH {
            return Some(());
        }
        self.report.error(self.source.place(start), "nested too deeply");
        None
    }

    fn document(&mut self, start: usize) -> Option<()> {
        self.documents += 1;
        if self.documents == 1 {
            return Some(());
        }
        let place = self.source.place(start);
        self.report.hinted(place, "a second YAML document in one file", "remove the `---`");
        None
    }

    fn refuse_properties(&mut self, event: &Event<'_>, span: &Span, start: usize) -> Option<()> {
        let (what, at, sign) = if let Some(tag) = span.tag_start() {
            ("a YAML tag", byte(self.source, &tag), '!')
        } else if matches!(event, Event::Alias(_) | Event::UnresolvedAlias(_)) {
            ("a YAML alias", start, '*')
        } else if event.anchor_id().is_some_and(|id| id != 0) {
            ("a YAML anchor", start, '&')
        } else {
            return Some(());
        };
        let message = format!("{what} has no meaning here");
        let hint = format!(
            "YAML takes a plain value that starts with `{sign}` as {what}: put the value in quotes"
        );
        self.report.hinted(self.source.place(at), message, hint);
        None
    }

    fn close(&mut self, end: usize) {
        let node = match self.open.pop() {
            Some(Open::List { start, items }) => Node { start, end, kind: Kind::List(items) },
            Some(Open::Map { start, pairs, .. }) => Node { start, end, kind: Kind::Map(pairs) },
            None => return,
        };
        self.put(node);
    }

    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { key: slot @ None, .. }) => *slot = Some(node),
            Some(Open::Map { key, pairs, .. }) => {
                let Some(key) = key.take() else { return };
                let place = key.place(self.source);
                let Some(name) = key.text() else {
                    let hint = "a value that starts with `{` or `[` needs quotes";
                    return self.report.hinted(place, "a key must be text", hint);
                };
                match pairs.iter().find(|(known, _)| known.text() == Some(name)) {
                    Some((first, _)) => {
                        let line = first.place(self.source).line;
                        let message = format!("`{name}` is there twice");
                        self.report.hinted(place, message, format!("it is in line {line} already"));
                    }
                    None => pairs.push((key, node)),
                }
            }
        }
    }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::SingleQuoted => Style::Single,
        ScalarStyle::DoubleQuoted => Style::Double,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
        _ => Style::Plain,
    }
}

/// The marker's byte, on a character's first.
fn byte(source: &Source, marker: &Marker) -> usize {
    let at = marker.byte_offset().unwrap_or(0).min(source.text.len());
    (0..=at).rev().find(|at| source.text.is_char_boundary(*at)).unwrap_or(0)
}
