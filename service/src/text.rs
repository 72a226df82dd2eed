//! Text in URLs: percent-encoded UTF-8.

use std::borrow::Cow;

/// Decodes percent-encoded UTF-8; with `plus`, `+` is a space (as in queries, not in paths).
/// `None` where an escape is malformed or the result is no UTF-8.
pub fn percent_decode(text: &str, plus: bool) -> Option<Cow<'_, str>> {
    let special = |b: u8| b == b'%' || (plus && b == b'+');
    if !text.bytes().any(special) {
        return Some(Cow::Borrowed(text));
    }
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => hex(bytes.next()?)? << 4 | hex(bytes.next()?)?,
            b'+' if plus => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_broken_ones_refused() {
        assert_eq!(percent_decode("a%2Fb+c", false).as_deref(), Some("a/b+c"));
        assert_eq!(percent_decode("a%2fb+c", true).as_deref(), Some("a/b c"));
        assert_eq!(percent_decode("%C3%A9", true).as_deref(), Some("é"));
        for broken in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert_eq!(percent_decode(broken, true), None, "{broken}");
        }
    }
}
