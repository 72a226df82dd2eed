//! `fold(state, event) -> state`, a pure function. Slots: `state event id time`.

use std::sync::Arc;

use crate::domain::Aggregate;
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

impl Aggregate {
    /// The state after an event (of the current version); `None` = deleted.
    pub fn fold(
        &self,
        _before: Option<&Value>,
        _event: usize,
        _data: &Value,
        _id: &Arc<str>,
        _time: i64,
    ) -> Result<Option<Value>, ExpressionFailed> {
        todo!("fold")
    }

    /// The Avro bytes of a state.
    pub fn encode_state(&self, state: &Value) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        self.state_shape.encode(state, &mut out);
        out
    }
}
