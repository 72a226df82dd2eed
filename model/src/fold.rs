//! `fold(state, event) -> state`, a pure function. Slots: `state event id time`.

use std::sync::Arc;

use crate::domain::{Aggregate, EventType, Fold};
use crate::expr::{Env, EvalError};
use crate::value::Value;

/// An expression of the model that failed at run time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {detail}")]
pub struct ExpressionFailed {
    /// Where in model.yaml, `orders/model.yaml:33`.
    pub place: Arc<str>,
    /// What happened.
    pub detail: String,
}

impl ExpressionFailed {
    /// A failure at a place that the loader recorded.
    pub(crate) fn at(place: &Arc<str>, error: EvalError) -> ExpressionFailed {
        ExpressionFailed { place: place.clone(), detail: error.0 }
    }
}

/// The environment of all expressions that may not call `new_id()`, which the checker holds.
pub(crate) struct NoIds;

impl Env for NoIds {
    fn new_id(&mut self) -> Arc<str> {
        Arc::from("")
    }
}

impl Aggregate {
    /// The state after an event (of the current version); `None` = deleted.
    ///
    /// Every expression sees the state before the event, so the order of the fields in `fold`
    /// means nothing. An event that folds nothing makes an aggregate exist all the same.
    pub fn fold(
        &self,
        before: Option<&Value>,
        event: usize,
        data: &Value,
        id: &Arc<str>,
        time: i64,
    ) -> Result<Option<Value>, ExpressionFailed> {
        let before = before.unwrap_or(&self.blank);
        let Some(kind) = self.events.get(event) else {
            let detail = "no such event type in this model".to_owned();
            return Err(ExpressionFailed { place: self.name.clone(), detail });
        };
        match &kind.fold {
            Fold::Delete => Ok(None),
            Fold::Set(fields) if fields.is_empty() => Ok(Some(before.clone())),
            Fold::Set(fields) => set_fields(self, kind, fields, before, data, id, time).map(Some),
        }
    }

    /// The Avro bytes of a state.
    pub fn encode_state(&self, state: &Value) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        self.state_shape.encode(state, &mut out);
        out
    }
}

fn set_fields(
    aggregate: &Aggregate,
    kind: &EventType,
    fields: &[(usize, crate::expr::Expr)],
    before: &Value,
    data: &Value,
    id: &Arc<str>,
    time: i64,
) -> Result<Value, ExpressionFailed> {
    let Value::Record(old) = before else {
        let detail = "the state before this event is no record".to_owned();
        return Err(ExpressionFailed { place: place(aggregate, kind), detail });
    };
    let frame = [before.clone(), data.clone(), Value::Text(id.clone()), Value::Timestamp(time)];
    let mut new = Vec::clone(old);
    for (field, expr) in fields {
        let value = expr.eval(&frame, &mut NoIds).map_err(|error| {
            let name = aggregate.state.fields.get(*field).map_or("?", |f| &f.name);
            let detail = format!("fold of {} into {name}: {}", kind.name, error.0);
            ExpressionFailed { place: place(aggregate, kind), detail }
        })?;
        if let Some(slot) = new.get_mut(*field) {
            *slot = value;
        }
    }
    Ok(Value::Record(Arc::new(new)))
}

fn place(aggregate: &Aggregate, kind: &EventType) -> Arc<str> {
    format!("{}/model.yaml, events.{}", aggregate.name, kind.name).into()
}
