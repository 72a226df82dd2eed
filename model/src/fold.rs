//! `fold(state, event) -> state`, a pure function. Slots: `state event id time`.

use std::sync::Arc;

use crate::domain::{Aggregate, Fold, Placed};
use crate::expr::Env;
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

impl Placed {
    /// Evaluates; what fails names the place in model.yaml.
    pub(crate) fn eval_in(
        &self,
        frame: &[Value],
        env: &mut dyn Env,
    ) -> Result<Value, ExpressionFailed> {
        self.expr.eval(frame, env).map_err(|error| self.failed(error.0))
    }

    /// A failure here.
    pub(crate) fn failed(&self, detail: impl Into<String>) -> ExpressionFailed {
        ExpressionFailed { place: self.place.clone(), detail: detail.into() }
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
            Fold::Set(fields) => set_fields(fields, before, data, id, time).map(Some),
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
    fields: &[(usize, Placed)],
    before: &Value,
    data: &Value,
    id: &Arc<str>,
    time: i64,
) -> Result<Value, ExpressionFailed> {
    let mut new = match before {
        Value::Record(old) => Vec::clone(old),
        _ => Vec::new(),
    };
    let frame = [before.clone(), data.clone(), Value::Text(id.clone()), Value::Timestamp(time)];
    for (field, expr) in fields {
        let value = expr.eval_in(&frame, &mut NoIds)?;
        if let Some(slot) = new.get_mut(*field) {
            *slot = value;
        }
    }
    Ok(Value::Record(Arc::new(new)))
}
