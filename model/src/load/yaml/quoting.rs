//! Hints for the mistakes that everybody makes once: expressions that YAML reads as something else.

use super::super::source::Source;
use super::{Node, Style};

/// What the line of a syntax error looks like it wanted to say.
pub(super) fn syntax_hint(source: &Source, byte: usize) -> Option<String> {
    let index = source.line_index(byte);
    // Parsers often notice a mistake only at the start of the line after it.
    let lines = [index, index.saturating_sub(1)];
    let hint = lines.into_iter().find_map(|index| line_hint(source.line(index).1));
    hint.or_else(|| {
        lines
            .into_iter()
            .any(|index| {
                source.line(index).1.starts_with('\t')
                    || source.line(index).1.trim_start_matches(' ').starts_with('\t')
            })
            .then(|| "indent with spaces: YAML allows no tabs there".to_owned())
    })
}

fn line_hint(line: &str) -> Option<String> {
    // An entry such as `- { rule: …` is in the same trouble as a value that starts with `{`.
    let entry = line.trim().trim_start_matches("- ").trim_start();
    let value = if entry.starts_with('{') { entry } else { value_of(line)? };
    let why = match value.chars().next()? {
        quote @ ('\'' | '"') => {
            let inner = &value[1..];
            let closed = inner.find(quote).is_some_and(|at| !inner[at + 1..].trim().is_empty());
            if !closed {
                return None;
            }
            format!("a value that starts with `{quote}` ends at the next one")
        }
        '{' => {
            "YAML reads `{ … }` as a mapping; in it `,`, `[`, `{` and `: ` end a value".to_owned()
        }
        '[' => "YAML reads `[ … ]` as a list".to_owned(),
        sign @ ('!' | '&' | '*' | '%' | '@' | '`' | '|' | '>') => {
            format!("a plain value can't start with `{sign}`")
        }
        _ if value.contains(": ") => "YAML takes `: ` in a plain value for a key".to_owned(),
        _ => return None,
    };
    Some(format!("{why}: put the whole expression in quotes, such as \"…\""))
}

/// What follows the line's first `key: `, if it has one.
fn value_of(line: &str) -> Option<&str> {
    let line = line.trim().trim_start_matches("- ").trim_start();
    let (key, value) = line.split_once(": ")?;
    (!key.contains(['"', '\''])).then(|| value.trim())
}

/// A hint for an expression that does not compile, where YAML cut it short.
pub(crate) fn expression_hint(source: &Source, node: &Node) -> Option<String> {
    let scalar = match &node.kind {
        super::Kind::Scalar(scalar) => scalar,
        super::Kind::Map(_) => {
            return Some(
                "YAML reads `{` as the start of a mapping: put the expression in quotes".into(),
            );
        }
        super::Kind::List(_) => {
            return Some(
                "YAML reads `[` as the start of a list: put the expression in quotes".into(),
            );
        }
    };
    if scalar.style != Style::Plain {
        return None;
    }
    let after = source.text.get(node.end..)?.lines().next()?.trim_start();
    if after.starts_with('#') {
        return Some("YAML ends a plain value at ` #`: put the expression in quotes".into());
    }
    if after.starts_with(',') && !balanced(&scalar.text) {
        return Some(
            "inside `{ … }` YAML ends a plain value at `,`: put the expression in quotes".into(),
        );
    }
    None
}

fn balanced(text: &str) -> bool {
    text.matches('(').count() == text.matches(')').count()
}
