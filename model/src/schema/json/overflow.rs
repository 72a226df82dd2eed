//! Numbers that no double holds, such as `1e400`: JSON allows them, the parser does not.
//!
//! They are marked in the text before it is parsed again, so that each is refused at its place
//! like any other value that does not fit.

/// How the parser's message begins.
pub(super) const REFUSED: &str = "number out of range";
/// Stands for such a number; only texts that hold one are looked at for it.
pub(super) const MARK: &str = "\u{0}foldline: no double holds this number\u{0}";

/// The text with each such number marked.
pub(super) fn marked(body: &[u8]) -> Vec<u8> {
    let mark = serde_json::Value::from(MARK).to_string();
    let mut out = Vec::with_capacity(body.len() + mark.len());
    let mut rest = body;
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' => text_length(rest),
            b'-' | b'0'..=b'9' => number_length(rest),
            _ => 1,
        };
        let (token, after) = rest.split_at(length);
        out.extend_from_slice(if is_too_large(token) { mark.as_bytes() } else { token });
        rest = after;
    }
    out
}

/// Bytes of a text, its quotes included; all that is left where it has no end.
fn text_length(text: &[u8]) -> usize {
    let mut escaped = true;
    let end = text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 1)
}

fn number_length(text: &[u8]) -> usize {
    let part = |b: &u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    text.iter().position(|byte| !part(byte)).unwrap_or(text.len())
}

fn is_too_large(token: &[u8]) -> bool {
    let number = std::str::from_utf8(token).ok().and_then(|text| text.parse::<f64>().ok());
    token[0] != b'"' && number.is_some_and(f64::is_infinite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_outside_texts_are_marked() {
        let body = r#"{"1e400":"a\"1e400\\","b":[-1e400,1e4,12E+999],"inf":0}"#;
        let expected = r#"{"1e400":"a\"1e400\\","b":[#,1e4,#],"inf":0}"#;
        let mark = serde_json::Value::from(MARK).to_string();
        let found = String::from_utf8(marked(body.as_bytes())).unwrap();
        assert_eq!(found.replace(&mark, "#"), expected);
    }
}
