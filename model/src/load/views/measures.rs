//! The measures of a rollup: `count()` and `sum(…)`.

use super::super::compiler::Checker;
use super::super::definition::RollupDef;
use super::super::document::Text;
use super::super::yaml::expression_hint;
use super::Frame;
use crate::domain::{Measure, MeasureKind, Placed};
use crate::expr::{Type, Want};
use crate::schema::Shape;
use crate::value::Decimal;

impl Checker<'_, '_> {
    /// All measures; `None` where one is wrong.
    pub(super) fn measures(
        &mut self,
        frame: &Frame<'_>,
        def: &RollupDef<'_>,
    ) -> Option<Vec<Measure>> {
        let measures: Vec<_> = def
            .measures
            .iter()
            .map(|(name, text)| {
                let named = self.column_name(frame, *name, None, "measures");
                if def.group.iter().any(|(group, _)| group.text == name.text) {
                    let message = format!("`{}` is in `group` already", name.text);
                    self.hinted(name.node, message, "give the measure another name".to_owned());
                }
                let (kind, expr) = self.measure(frame, *text)?;
                named.then(|| Measure { name: name.text.into(), kind, expr })
            })
            .collect();
        measures.into_iter().collect()
    }

    fn measure(
        &mut self,
        frame: &Frame<'_>,
        text: Text<'_>,
    ) -> Option<(MeasureKind, Option<Placed>)> {
        let Some((function, from, inner)) = call(text.text) else {
            self.no_measure(text, "a measure is `count()` or `sum(…)`");
            return None;
        };
        match function {
            "count" if inner.trim().is_empty() => Some((MeasureKind::Count, None)),
            "count" => {
                self.no_measure(text, "`count()` takes nothing: say what counts in `where`");
                None
            }
            "sum" => self.sum(frame, text, from, inner),
            "min" | "max" => {
                let message =
                    format!("`{function}` as a measure is reserved: the language has it not yet");
                self.error(text.node, message);
                None
            }
            _ => {
                self.no_measure(text, "a measure is `count()` or `sum(…)`");
                None
            }
        }
    }

    fn no_measure(&mut self, text: Text<'_>, message: &str) {
        let hint = expression_hint(self.source, text.node)
            .unwrap_or_else(|| "write `count()` or `sum(state.total)`".to_owned());
        self.hinted(text.node, message, hint);
    }

    fn sum(
        &mut self,
        frame: &Frame<'_>,
        text: Text<'_>,
        from: usize,
        inner: &str,
    ) -> Option<(MeasureKind, Option<Placed>)> {
        let want = Want::Measure { double: frame.of_events };
        match self.attempt(inner, &frame.scope, &want, &frame.facts) {
            Ok(expr) => {
                let kind = match expr.ty() {
                    Type::Decimal(places) => MeasureKind::Decimal(*places),
                    Type::Double => MeasureKind::Double,
                    _ => MeasureKind::Int,
                };
                let place = self.place_text(text.node);
                Some((kind, Some(Placed { expr, source: inner.trim().into(), place })))
            }
            Err(mut errors) => {
                errors.iter_mut().for_each(|error| error.offset += from);
                self.expression_errors(text, errors);
                None
            }
        }
    }
}

/// `name(inner)` as the name, where the inner text starts, and the inner text; the closing
/// parenthesis must be the opening one's.
fn call(text: &str) -> Option<(&str, usize, &str)> {
    let end = text.trim_end();
    let open = end.find('(')?;
    let inner = end[open + 1..].strip_suffix(')')?;
    let name = end[..open].trim();
    let mut depth = 0_i32;
    let mut quote = None;
    for c in inner.chars() {
        match (quote, c) {
            (Some(q), _) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return None;
        }
    }
    Some((name, open + 1, inner))
}

/// The shape that a measure has as a field of `row`.
pub(super) fn shape(kind: MeasureKind) -> Shape {
    match kind {
        MeasureKind::Count | MeasureKind::Int => Shape::Long,
        MeasureKind::Decimal(scale) => {
            let precision = u8::try_from(Decimal::MAX_DIGITS).unwrap_or(u8::MAX);
            Shape::Decimal { precision, scale }
        }
        MeasureKind::Double => Shape::Double,
    }
}

#[cfg(test)]
mod tests {
    use super::call;

    #[test]
    fn a_measure_is_one_call_around_everything() {
        assert_eq!(call("count()"), Some(("count", 6, "")));
        assert_eq!(call(" sum(a * (b + 1)) "), Some(("sum", 5, "a * (b + 1)")));
        assert_eq!(call("sum(a) + sum(b)"), None);
        assert_eq!(call("sum(')')"), Some(("sum", 4, "')'")));
    }
}
