//! The text form of a position: base64url without padding over
//!
//! ```text
//! version 1 | stream, 16 bytes | entries in ascending order | FNV-1a of all before, 4 bytes
//! entry: length of topic | topic, UTF-8 | number | offset, zigzag      (all LEB128)
//! ```
//!
//! Every position has exactly one text: whatever `read` accepts, `write` gives back unchanged.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use super::Position;

const VERSION: u8 = 1;
const CHECKSUM: usize = 4;
/// Longer texts are refused unread: no cluster has so many partitions.
const MAX_TEXT: usize = 64 * 1024;

pub(super) fn write(position: &Position) -> String {
    let mut out = Vec::with_capacity(21 + 16 * position.offsets.len());
    out.push(VERSION);
    out.extend_from_slice(position.stream.as_bytes());
    for ((topic, number), offset) in &position.offsets {
        write_number(&mut out, topic.len() as u64);
        out.extend_from_slice(topic.as_bytes());
        write_number(&mut out, u64::from(*number));
        write_number(&mut out, ((offset << 1) ^ (offset >> 63)) as u64);
    }
    let checksum = fnv1a(&out);
    out.extend_from_slice(&checksum.to_be_bytes());
    URL_SAFE_NO_PAD.encode(out)
}

pub(super) fn read(text: &str) -> Option<Position> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM)?)?;
    if fnv1a(body).to_be_bytes() != checksum {
        return None;
    }
    let (&version, body) = body.split_first()?;
    let (stream, mut rest) = body.split_first_chunk::<16>()?;
    if version != VERSION {
        return None;
    }
    let mut offsets = BTreeMap::new();
    while !rest.is_empty() {
        let (partition, offset) = read_entry(&mut rest)?;
        if offsets.last_key_value().is_some_and(|(last, _)| *last >= partition) {
            return None;
        }
        offsets.insert(partition, offset);
    }
    Some(Position { stream: Uuid::from_bytes(*stream), offsets })
}

fn read_entry(rest: &mut &[u8]) -> Option<((Arc<str>, u32), i64)> {
    let length = usize::try_from(read_number(rest)?).ok()?;
    let (topic, after) = rest.split_at_checked(length)?;
    *rest = after;
    let topic = std::str::from_utf8(topic).ok()?;
    let number = u32::try_from(read_number(rest)?).ok()?;
    let zigzag = read_number(rest)?;
    let offset = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
    Some(((topic.into(), number), offset))
}

fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Only the shortest form of a number is one.
fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        number |= part << shift;
        if byte < 0x80 {
            return (byte != 0 || shift == 0).then_some(number);
        }
    }
    None
}

fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn positions() -> impl Strategy<Value = Position> {
        let partition = ("[a-zé-]{0,12}".prop_map(Arc::from), any::<u32>());
        let offsets = prop::collection::btree_map(partition, any::<i64>(), 0..6);
        (any::<u128>(), offsets)
            .prop_map(|(stream, offsets)| Position { stream: Uuid::from_u128(stream), offsets })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_position_survives_its_text(position in positions()) {
            let text = position.to_text();
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(Position::parse(&text), Ok(position));
        }

        #[test]
        fn whatever_is_accepted_is_written_back_unchanged(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut body = vec![VERSION];
            body.extend_from_slice(&[7; 16]);
            body.extend_from_slice(&bytes);
            let checksum = fnv1a(&body);
            body.extend_from_slice(&checksum.to_be_bytes());
            let text = URL_SAFE_NO_PAD.encode(body);
            if let Ok(position) = Position::parse(&text) {
                prop_assert_eq!(position.to_text(), text);
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,80}") {
            let _ = Position::parse(&text);
        }

        #[test]
        fn a_changed_character_is_noticed(position in positions(), at in any::<prop::sample::Index>()) {
            let text = position.to_text();
            let mut changed = text.clone().into_bytes();
            let at = at.index(changed.len());
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII stays ASCII");
            prop_assert_eq!(Position::parse(&changed), Err(crate::position::InvalidPosition));
        }
    }

    #[test]
    fn one_partition_takes_less_than_fifty_characters() {
        let mut position = Position::start(Uuid::from_u128(u128::MAX));
        position.cover(&("log".into(), 0), 1_000_000_000);
        assert!(position.to_text().len() < 50, "{}", position.to_text());
    }

    #[test]
    fn only_the_partitions_that_count_are_compared() {
        let mut position = Position::start(Uuid::nil());
        position.cover(&("a".into(), 0), 5);
        position.cover(&("b".into(), 0), 9);
        let marks = BTreeMap::from([(("a".into(), 0), 5)]);
        assert!(position.is_covered_by(&marks, |(topic, _)| &**topic == "a"));
        assert!(!position.is_covered_by(&marks, |_| true));
        position.cover(&("a".into(), 0), 6);
        assert!(!position.is_covered_by(&marks, |(topic, _)| &**topic == "a"));
    }
}
