//! From a byte of a scalar's text back to the byte of the file that it came from.

use super::super::source::Source;
use super::{Node, Scalar, Style};

/// The file's byte behind `offset` of the scalar's text.
pub(super) fn locate(source: &Source, node: &Node, scalar: &Scalar, offset: usize) -> usize {
    let from = match scalar.style {
        Style::Plain => node.start,
        Style::Single | Style::Double => node.start + 1,
        Style::Literal | Style::Folded => content_start(source, node),
    };
    let end = node.end.clamp(from, source.text.len());
    let Some(written) = source.text.get(from..end) else { return node.start };
    let indent = match scalar.style {
        Style::Literal | Style::Folded => indentation(written),
        _ => usize::MAX,
    };
    let mut walk =
        Walk { written, at: skip_indent(written, 0, indent), indent, style: scalar.style };
    let mut done = 0;
    while done < offset && walk.at < written.len() {
        let (read, made) = walk.step(&scalar.text[done.min(scalar.text.len())..]);
        if done + made > offset {
            break;
        }
        walk.at += read;
        done += made;
    }
    from + walk.at.min(written.len())
}

/// Block scalars are walked by lines: their first one begins before its indentation.
fn content_start(source: &Source, node: &Node) -> usize {
    source.text[..node.start].rfind('\n').map_or(0, |at| at + 1)
}

fn indentation(written: &str) -> usize {
    let line = written.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    line.len() - line.trim_start_matches(' ').len()
}

fn skip_indent(written: &str, at: usize, indent: usize) -> usize {
    if indent == usize::MAX {
        return at;
    }
    let spaces = written[at..].bytes().take(indent).take_while(|byte| *byte == b' ').count();
    at + spaces
}

struct Walk<'a> {
    written: &'a str,
    at: usize,
    indent: usize,
    style: Style,
}

impl Walk<'_> {
    /// How many bytes of the file are read next, and how many of the text they make.
    fn step(&self, text: &str) -> (usize, usize) {
        let rest = &self.written[self.at..];
        let made = text.chars().next().map_or(1, char::len_utf8);
        if let Some(read) = self.line_break(rest) {
            let breaks = rest[..read].matches('\n').count();
            return match self.style {
                Style::Literal => (read, 1),
                _ => (read, breaks.saturating_sub(1).max(1)),
            };
        }
        let read = match self.style {
            Style::Single if rest.starts_with("''") => 2,
            Style::Double if rest.starts_with('\\') => return (escape(rest), made),
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        (read, made)
    }

    /// The length of a line break with the blanks around it, if one comes next.
    fn line_break(&self, rest: &str) -> Option<usize> {
        if self.style == Style::Literal {
            let read = if rest.starts_with("\r\n") { 2 } else { 1 };
            return rest.starts_with(['\n', '\r']).then(|| skip_indent(rest, read, self.indent));
        }
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if !rest[blanks..].starts_with(['\n', '\r']) {
            return None;
        }
        let read = rest.len() - rest.trim_start().len();
        if self.indent == usize::MAX {
            return Some(read);
        }
        // A folded block keeps what is indented further than the block itself.
        let last = rest[..read].rfind('\n')?;
        Some(skip_indent(rest, last + 1, self.indent))
    }
}

/// The length of an escape in double quotes.
fn escape(rest: &str) -> usize {
    let mut chars = rest.chars();
    chars.next();
    let read = match chars.next() {
        Some('x') => 4,
        Some('u') => 6,
        Some('U') => 10,
        Some(other) => 1 + other.len_utf8(),
        None => 1,
    };
    (read..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len())
}
