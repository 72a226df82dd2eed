//! Patterns: `matches` and `format`, whose first argument is read at load.

use std::sync::Arc;

use super::super::calls::Call;
use super::super::{Checked, Checker, folded};
use super::made;
use crate::expr::Type;
use crate::expr::functions::format;
use crate::expr::ir::Ir;

impl Checker<'_> {
    pub(super) fn matches(&mut self, call: &Call<'_>) -> Checked {
        let (of, pattern) = (self.present(call.args[0]), self.present(call.args[1]));
        let (of, pattern) = (of?, pattern?);
        if !of.ty.is_text() && of.ty != Type::Dyn {
            return self.unfit(call, "a text", &of.ty, None);
        }
        let Some(text) = pattern.ir.constant_text() else {
            let hint = "write the pattern as a constant: `x.matches('^[a-z]+$')`".to_owned();
            return self.report(call.args[1].start(), "the pattern must be constant", Some(hint));
        };
        match regex::RegexBuilder::new(text).size_limit(1 << 20).build() {
            Ok(regex) => Some(folded(Ir::Matches(Box::new(of.ir), Arc::new(regex)), Type::Bool)),
            Err(error) => {
                let last = error.to_string();
                let why = last.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let message = format!("the pattern is no regular expression: {why}");
                self.report(call.args[1].start(), message, None)
            }
        }
    }

    /// `'%s: %d'.format([name, count])`: the list is read as arguments, so its elements may have
    /// different types.
    pub(super) fn format(&mut self, call: &Call<'_>) -> Checked {
        let pattern = self.present(call.args[0])?;
        let crate::expr::parse::Kind::List(values) = &call.args[1].kind else {
            let hint = "write the values in brackets: `'%s'.format([x])`".to_owned();
            return self.report(call.args[1].start(), "the values must be a list", Some(hint));
        };
        let letters = match pattern.ir.constant_text().map(|text| format::clauses(text)) {
            Some(Ok(letters)) => letters,
            Some(Err(message)) => return self.report(call.args[0].start(), message, None),
            None => {
                return self.report(call.args[0].start(), "the pattern must be constant", None);
            }
        };
        if letters.len() != values.len() {
            let message =
                format!("the pattern has {} clauses for {} values", letters.len(), values.len());
            return self.report(call.args[1].at, message, None);
        }
        let mut args = vec![pattern.ir];
        for (letter, node) in letters.into_iter().zip(values) {
            let value = self.present(node)?;
            if !format::writes(letter, &value.ty) {
                let message = format!("`%{letter}` can't write {}", value.ty.describe());
                return self.report(node.start(), message, None);
            }
            args.push(value.ir);
        }
        made("format", format::format, args, Type::Text)
    }
}
