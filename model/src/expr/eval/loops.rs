//! Macros over lists and maps.

use std::sync::Arc;

use super::super::compare;
use super::super::ir::Loop;
use super::super::parse::LoopKind;
use super::{EvalError, Frame, Run, failed};
use crate::value::Value;

impl Run<'_> {
    pub(super) fn run_loop<'a>(
        &mut self,
        l: &'a Loop,
        frame: &Frame<'a>,
    ) -> Result<Value, EvalError> {
        let range = self.eval(&l.range, frame)?;
        match &*range {
            Value::List(items) => self.over(l, frame, items.iter()),
            Value::Map(map) => {
                let keys: Vec<Value> = map.keys().map(|k| Value::Text(Arc::clone(k))).collect();
                self.over(l, frame, keys.iter())
            }
            other => failed(format!("expected a list, found {}", compare::kind(other))),
        }
    }

    fn over<'b>(
        &mut self,
        l: &'b Loop,
        frame: &Frame<'b>,
        items: impl ExactSizeIterator<Item = &'b Value>,
    ) -> Result<Value, EvalError> {
        let mut inner = *frame;
        match l.kind {
            LoopKind::All => self.quantify(l, &mut inner, items, false).map(Value::Bool),
            LoopKind::Exists => self.quantify(l, &mut inner, items, true).map(Value::Bool),
            LoopKind::ExistsOne => {
                let mut found = 0;
                for item in items {
                    inner.locals[l.local] = item;
                    found += u32::from(self.truth(&l.body, &inner)?);
                }
                Ok(Value::Bool(found == 1))
            }
            LoopKind::Filter => {
                let mut kept = Vec::new();
                for item in items {
                    inner.locals[l.local] = item;
                    if self.truth(&l.body, &inner)? {
                        kept.push(item.clone());
                    }
                }
                Ok(Value::List(Arc::new(kept)))
            }
            LoopKind::Map => self.collect(l, &mut inner, items),
            LoopKind::SortBy => self.sort(l, &mut inner, items),
        }
    }

    /// `all` (decided by false) and `exists` (decided by true), absorbing errors as `&&` and `||`.
    fn quantify<'b>(
        &mut self,
        l: &'b Loop,
        inner: &mut Frame<'b>,
        items: impl Iterator<Item = &'b Value>,
        decisive: bool,
    ) -> Result<bool, EvalError> {
        let mut error = None;
        for item in items {
            inner.locals[l.local] = item;
            match self.truth(&l.body, inner) {
                Ok(value) if value == decisive => return Ok(decisive),
                Ok(_) => {}
                Err(e) if self.steps == 0 => return Err(e),
                Err(e) => error = error.or(Some(e)),
            }
        }
        error.map_or(Ok(!decisive), Err)
    }

    fn collect<'b>(
        &mut self,
        l: &'b Loop,
        inner: &mut Frame<'b>,
        items: impl ExactSizeIterator<Item = &'b Value>,
    ) -> Result<Value, EvalError> {
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            inner.locals[l.local] = item;
            if let Some(filter) = &l.filter
                && !self.truth(filter, inner)?
            {
                continue;
            }
            made.push(self.own(&l.body, inner)?);
        }
        Ok(Value::List(Arc::new(made)))
    }

    fn sort<'b>(
        &mut self,
        l: &'b Loop,
        inner: &mut Frame<'b>,
        items: impl ExactSizeIterator<Item = &'b Value>,
    ) -> Result<Value, EvalError> {
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            inner.locals[l.local] = item;
            keyed.push((self.own(&l.body, inner)?, item.clone()));
        }
        let sorted = compare::sorted(keyed, |(key, _)| key)?;
        Ok(Value::List(Arc::new(sorted.into_iter().map(|(_, item)| item).collect())))
    }
}
