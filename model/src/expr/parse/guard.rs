//! Bounds on what is parsed: the parser is recursive and takes a lot of stack per level.

use crate::expr::ExprError;

/// Longest text of one expression in bytes.
const MAX_SOURCE: usize = 16 * 1024;
/// Deepest nesting of brackets.
pub(super) const MAX_BRACKETS: u16 = 64;
/// Longest run of operators that nest without brackets.
const MAX_CHAIN: usize = 256;
/// Enough for the deepest text that passes, several times over; only what is used is ever mapped.
const STACK_BYTES: usize = 128 * 1024 * 1024;

/// What nests no deeper than this, as nearly every expression, is parsed on the caller's stack.
const SHALLOW: Depth = Depth { brackets: 3, chain: 24 };

/// How deep a text nests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Depth {
    brackets: usize,
    chain: usize,
}

/// Measures a text; refuses what would use up the parser's stack, or holds nothing.
pub(super) fn measure(source: &str) -> Result<Depth, ExprError> {
    let fail = |offset: usize, message: String, hint: &str| {
        Err(ExprError { offset, message, hint: Some(hint.to_owned()) })
    };
    if source.trim().is_empty() {
        return fail(0, "the expression is empty".into(), "write a CEL expression, or `null`");
    }
    if source.len() > MAX_SOURCE {
        let message = format!("the expression is longer than {MAX_SOURCE} bytes");
        return fail(0, message, "split it");
    }
    depth_of(source).or_else(|at| fail(at, "the expression nests too deep".into(), "split it"))
}

/// How deep brackets and chains of operators nest, or where that is too deep. What stands in
/// quotes does not count.
fn depth_of(source: &str) -> Result<Depth, usize> {
    let bytes = source.as_bytes();
    let (mut depth, mut chain, mut at) = (0usize, 0usize, 0usize);
    let mut most = Depth::default();
    while at < bytes.len() {
        match bytes[at] {
            b'\'' | b'"' => {
                at = after_text(bytes, at);
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b'<' | b'>' | b'=' | b'?' | b'!' => {
                chain += 1;
            }
            // Logic is balanced by the parser, and elements stand side by side.
            b'&' | b'|' | b',' => chain = 0,
            _ => {}
        }
        most = Depth { brackets: most.brackets.max(depth), chain: most.chain.max(chain) };
        if depth > usize::from(MAX_BRACKETS) || chain > MAX_CHAIN {
            return Err(at);
        }
        at += 1;
    }
    Ok(most)
}

/// The byte after the text whose first quote stands at a byte.
fn after_text(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let raw = at > 0 && matches!(bytes[at - 1], b'r' | b'R');
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let closing: &[u8] = if triple { &[quote; 3] } else { &[quote] };
    let mut at = at + closing.len();
    while at < bytes.len() {
        if bytes[at..].starts_with(closing) {
            return at + closing.len();
        }
        // A text of one line that is never closed ends with its line.
        if !triple && bytes[at] == b'\n' {
            return at;
        }
        at += if bytes[at] == b'\\' && !raw { 2 } else { 1 };
    }
    bytes.len()
}

/// Runs the parser where its depth can do no harm, whatever stack the caller has left.
pub(super) fn on_enough_stack<T: Send>(
    depth: Depth,
    work: impl FnOnce() -> Result<T, ExprError> + Send,
) -> Result<T, ExprError> {
    if depth.brackets <= SHALLOW.brackets && depth.chain <= SHALLOW.chain {
        return work();
    }
    let failed = |message: &str| ExprError { offset: 0, message: message.to_owned(), hint: None };
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, work)
            .map_err(|_| failed("no thread is left to read the expression"))?
            .join()
            .unwrap_or_else(|_| Err(failed("not a CEL expression")))
    })
}
