//! The caller as expressions see it: `actor.sub`, `actor.roles`, `actor.scopes`, `actor.claims`.

use std::sync::Arc;

use super::Actor;
use crate::value::Value;

/// The value of the `actor` slot.
pub(crate) fn actor_value(actor: &Actor) -> Value {
    Value::Record(Arc::new(vec![
        Value::Text(actor.sub.clone()),
        texts(&actor.roles),
        texts(&actor.scopes),
        claim(&actor.claims),
    ]))
}

fn texts(texts: &[Arc<str>]) -> Value {
    Value::List(Arc::new(texts.iter().cloned().map(Value::Text).collect()))
}

/// A JSON value; numbers beyond 64 bits become doubles.
fn claim(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => match n.as_i64() {
            Some(int) => Value::Int(int),
            None => n.as_f64().map_or(Value::Null, Value::Double),
        },
        serde_json::Value::String(s) => Value::Text(s.as_str().into()),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(claim).collect())),
        serde_json::Value::Object(members) => {
            let members = members.iter().map(|(k, v)| (Arc::from(k.as_str()), claim(v)));
            Value::Map(Arc::new(members.collect()))
        }
    }
}
