//! The parser's complaints in words for people.

use super::read::unreadable;
use crate::expr::ExprError;

/// The first error only: what follows it is mostly about the same mistake.
pub(super) fn syntax_error(source: &str, errors: &cel::ParseErrors) -> ExprError {
    let Some(error) = errors.errors.first() else { return unreadable(0) };
    let offset = offset_of(source, error.pos);
    let text = in_short(error.msg.trim_start_matches("Syntax error: "));
    let message = format!("not a CEL expression: {text}");
    ExprError { offset, message, hint: hint_for(source, offset) }
}

/// The parser's words without its list of every token that it would have taken.
fn in_short(message: &str) -> String {
    const UNEXPECTED: [&str; 3] =
        ["mismatched input '", "extraneous input '", "token recognition error at: '"];
    let Some(rest) = UNEXPECTED.iter().find_map(|start| message.strip_prefix(start)) else {
        return message.to_owned();
    };
    let input = rest.split_once("' expecting").map_or(rest.trim_end_matches('\''), |(i, _)| i);
    match input.trim() {
        "<EOF>" => "it ends where more is expected".to_owned(),
        input => format!("`{input}` is not expected here"),
    }
}

/// A word about the mistakes that people make who come from other languages.
fn hint_for(source: &str, offset: usize) -> Option<String> {
    let rest = source.get(offset..)?;
    let before = source.get(..offset)?.trim_end();
    let hint = if rest.starts_with('=') {
        "compare with `==`"
    } else if rest.starts_with("and ") {
        "write `&&`"
    } else if rest.starts_with("or ") {
        "write `||`"
    } else if before.ends_with("not") {
        "write `!`"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// The byte offset of a line and column (in characters), both from 1.
fn offset_of(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line).unwrap_or(1).max(1) - 1;
    let column = usize::try_from(column).unwrap_or(1).max(1) - 1;
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = source.get(start..).unwrap_or("");
    start + rest.char_indices().nth(column).map_or(rest.len(), |(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::in_short;

    #[test]
    fn a_syntax_error_is_told_without_the_list_of_tokens() {
        let ended = "mismatched input '<EOF>' expecting {'[', '{'}";
        assert_eq!(in_short(ended), "it ends where more is expected");
        let word = "extraneous input 'and' expecting {<EOF>, '=='}";
        assert_eq!(in_short(word), "`and` is not expected here");
        assert_eq!(in_short("token recognition error at: '= '"), "`=` is not expected here");
        assert_eq!(in_short("something else"), "something else");
    }
}
