//! What is measured of values: their order as keys, their memory, their number of elements.

use std::cmp::Ordering;
use std::mem::size_of;

use super::Value;

impl Value {
    /// The order of keys: text by code point, `false` before `true`, decimals by value. Values of
    /// different kinds, which a checked model never compares, are ordered by kind.
    pub fn cmp_key(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Int(a), Value::Int(b)) | (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
            (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
            // UTF-8 sorts by bytes as it does by code points.
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
            (Value::Decimal(a), Value::Decimal(b)) => a.cmp_value(*b),
            (Value::List(a), Value::List(b)) | (Value::Record(a), Value::Record(b)) => {
                cmp_all(a.iter(), b.iter())
            }
            (Value::Map(a), Value::Map(b)) => {
                a.keys().cmp(b.keys()).then_with(|| cmp_all(a.values(), b.values()))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// About how many bytes of memory it holds, for the bounds of caches. Shared parts count for
    /// every holder.
    pub fn approx_bytes(&self) -> usize {
        // An Arc's two counters, and the allocator's own cost.
        const SHARED: usize = 32;
        let inside = match self {
            Value::Null
            | Value::Bool(_)
            | Value::Int(_)
            | Value::Double(_)
            | Value::Decimal(_)
            | Value::Timestamp(_) => 0,
            Value::Text(text) => SHARED + text.len(),
            Value::Bytes(bytes) => SHARED + bytes.len(),
            Value::List(items) | Value::Record(items) => {
                2 * SHARED + items.iter().map(Value::approx_bytes).sum::<usize>()
            }
            Value::Map(entries) => {
                let entry = |(key, value): (&std::sync::Arc<str>, &Value)| {
                    2 * SHARED + key.len() + value.approx_bytes()
                };
                2 * SHARED + entries.iter().map(entry).sum::<usize>()
            }
        };
        size_of::<Value>() + inside
    }

    /// The most elements that any one array or map in it has.
    pub fn most_elements(&self) -> usize {
        match self {
            Value::List(items) => {
                items.iter().map(Value::most_elements).max().unwrap_or(0).max(items.len())
            }
            Value::Map(entries) => {
                entries.values().map(Value::most_elements).max().unwrap_or(0).max(entries.len())
            }
            Value::Record(fields) => fields.iter().map(Value::most_elements).max().unwrap_or(0),
            _ => 0,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Int(_) => 2,
            Value::Double(_) => 3,
            Value::Decimal(_) => 4,
            Value::Timestamp(_) => 5,
            Value::Text(_) => 6,
            Value::Bytes(_) => 7,
            Value::List(_) => 8,
            Value::Map(_) => 9,
            Value::Record(_) => 10,
        }
    }
}

fn cmp_all<'a>(
    a: impl IntoIterator<Item = &'a Value>,
    b: impl IntoIterator<Item = &'a Value>,
) -> Ordering {
    let mut b = b.into_iter();
    for left in a {
        match b.next().map(|right| left.cmp_key(right)) {
            Some(Ordering::Equal) => {}
            Some(order) => return order,
            None => return Ordering::Greater,
        }
    }
    if b.next().is_some() { Ordering::Less } else { Ordering::Equal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Decimal;

    #[test]
    fn a_value_is_at_most_32_bytes() {
        assert!(size_of::<Value>() <= 32);
    }

    #[test]
    fn keys_sort_by_code_point_and_by_number() {
        let text = |t: &str| Value::Text(t.into());
        assert_eq!(text("Z").cmp_key(&text("a")), Ordering::Less);
        // UTF-16 order would put the surrogates of the emoji first.
        assert_eq!(text("\u{ffee}").cmp_key(&text("😀")), Ordering::Less);
        let decimal = |t: &str| Value::Decimal(Decimal::parse(t).unwrap());
        assert_eq!(decimal("9.5").cmp_key(&decimal("10.25")), Ordering::Less);
        assert_eq!(Value::Bool(false).cmp_key(&Value::Bool(true)), Ordering::Less);
    }

    #[test]
    fn the_largest_array_is_found_at_any_depth() {
        let inner = Value::List(vec![Value::Null; 7].into());
        let outer = Value::Record(vec![Value::List(vec![inner.clone(), inner].into())].into());
        assert_eq!(outer.most_elements(), 7);
    }
}
