//! The caller as a value: `sub`, `roles`, `scopes`, and `claims` made from JSON.

use std::sync::Arc;

use crate::value::Value;

/// The run-time value of an `actor` slot.
pub fn actor_value(
    sub: &Arc<str>,
    roles: &[Arc<str>],
    scopes: &[Arc<str>],
    claims: &serde_json::Value,
) -> Value {
    let texts = |texts: &[Arc<str>]| {
        Value::List(Arc::new(texts.iter().map(|t| Value::Text(Arc::clone(t))).collect()))
    };
    let sub = Value::Text(Arc::clone(sub));
    Value::Record(Arc::new(vec![sub, texts(roles), texts(scopes), claim(claims)]))
}

fn claim(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => Value::Int(i),
            (None, Some(d)) => Value::Double(d),
            (None, None) => Value::Null,
        },
        serde_json::Value::String(s) => Value::Text(s.as_str().into()),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(claim).collect())),
        serde_json::Value::Object(map) => {
            let entries = map.iter().map(|(k, v)| (k.as_str().into(), claim(v)));
            Value::Map(Arc::new(entries.collect()))
        }
    }
}
