//! `each`: the list whose elements become `it`. What is known of every element by `when` or `where`
//! may be needed to read the list at all, so it guards the list too.

use super::compiler::Checker;
use super::document::Text;
use crate::domain::Placed;
use crate::expr::{Scope, Want};

impl Checker<'_, '_> {
    /// Compiles `each`. `condition` is the entry's `when` or the view's `where`: its conjuncts that
    /// do not read the element are known to be true of the list as well.
    pub(super) fn each(
        &mut self,
        each: Option<Text<'_>>,
        condition: Option<Text<'_>>,
        scope: &Scope,
    ) -> Option<Placed> {
        let each = each?;
        let placed = |expr| {
            let place = self.place_text(each.node);
            Placed { expr, source: each.text.trim().into(), place }
        };
        let plain = match self.attempt(each.text, scope, &Want::List, &[]) {
            Ok(expr) => return Some(placed(expr)),
            Err(errors) => errors,
        };
        let guard = condition.and_then(|condition| self.guard(condition.text, scope));
        let Some(guard) = guard else {
            self.expression_errors(each, plain);
            return None;
        };
        // No element of a list passes where the guard is false, so the list may as well be empty.
        let guarded = format!("({guard}) ? ({}) : []", each.text);
        match self.attempt(&guarded, scope, &Want::List, &[]) {
            Ok(expr) => Some(placed(expr)),
            Err(_) => {
                self.expression_errors(each, plain);
                None
            }
        }
    }

    /// The conjuncts that compile without the element.
    fn guard(&self, condition: &str, scope: &Scope) -> Option<String> {
        let mut kept: Vec<&str> = Vec::new();
        for part in conjuncts(condition) {
            if self.attempt(part, scope, &Want::Bool, &kept).is_ok() {
                kept.push(part);
            }
        }
        (!kept.is_empty()).then(|| kept.join(" && "))
    }
}

/// The parts of a text between the `&&` that stand outside of parentheses and quotes. A text with
/// `||` or `?` out there is one part.
pub(super) fn conjuncts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut quote, mut start) = (0_i32, None, 0);
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let here = bytes[at];
        match (quote, here) {
            (Some(_), b'\\') => at += 1,
            (Some(open), _) if open == here => quote = None,
            (Some(_), _) => {}
            (None, b'\'' | b'"') => quote = Some(here),
            (None, b'(' | b'[' | b'{') => depth += 1,
            (None, b')' | b']' | b'}') => depth -= 1,
            (None, b'?') if depth == 0 => return vec![text],
            (None, b'|') if depth == 0 => return vec![text],
            (None, b'&') if depth == 0 && bytes.get(at + 1) == Some(&b'&') => {
                parts.push(text[start..at].trim());
                at += 1;
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    parts.push(text[start..].trim());
    parts
}

#[cfg(test)]
mod tests {
    use super::conjuncts;

    #[test]
    fn conjuncts_are_split_outside_of_parentheses_and_quotes() {
        assert_eq!(
            conjuncts("a != null && b(x && y) && c == '&&'"),
            ["a != null", "b(x && y)", "c == '&&'"]
        );
        assert_eq!(conjuncts("a && b || c"), ["a && b || c"]);
        assert_eq!(conjuncts("a && b ? c : d"), ["a && b ? c : d"]);
    }
}
