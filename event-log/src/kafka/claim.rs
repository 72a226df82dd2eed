//! The record that starts an owner's interval, as it stands in a topic: an Avro datum without a
//! key.
//!
//! ```text
//! claim       string   its id, a UUID
//! stream      string   the stream's id, a UUID
//! generation  long     1; for a stream that is moved to other topics
//! partitions  long     how many the topic has
//! hash        string   what chooses the partition of a key: murmur2
//! owner       string   where the owner answers (a URL), or empty
//! ```

use std::sync::Arc;

use uuid::Uuid;

use crate::record::{Claim, ClaimId};

/// The schema of a claim.
pub const SCHEMA: &str = r#"{"type":"record","name":"Claim","namespace":"foldline","fields":[{"name":"claim","type":"string"},{"name":"stream","type":"string"},{"name":"generation","type":"long"},{"name":"partitions","type":"long"},{"name":"hash","type":"string"},{"name":"owner","type":"string"}]}"#;

/// What chooses the partition of a key.
pub(super) const HASH: &str = "murmur2";
const GENERATION: i64 = 1;
/// Longer texts than this are no claim of ours.
const MAX_TEXT: usize = 2_048;

/// A claim with what else its record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRecord {
    /// The claim.
    pub claim: Claim,
    /// How many partitions its topic has.
    pub partitions: u32,
}

/// The datum of a claim.
pub fn encode(record: &ClaimRecord) -> Vec<u8> {
    let Claim { id, stream, owner } = &record.claim;
    let mut out = Vec::with_capacity(96 + owner.len());
    put_text(&mut out, &id.0.to_string());
    put_text(&mut out, &stream.to_string());
    put_long(&mut out, GENERATION);
    put_long(&mut out, i64::from(record.partitions));
    put_text(&mut out, HASH);
    put_text(&mut out, owner);
    out
}

/// The claim in a datum; `None` where it is anything else.
pub fn decode(datum: &[u8]) -> Option<ClaimRecord> {
    let mut rest = datum;
    let id = Uuid::parse_str(take_text(&mut rest)?).ok().filter(|id| !id.is_nil())?;
    let stream = Uuid::parse_str(take_text(&mut rest)?).ok()?;
    let _generation = take_long(&mut rest)?;
    let partitions = u32::try_from(take_long(&mut rest)?).ok()?;
    let hash = take_text(&mut rest)?;
    let owner: Arc<str> = take_text(&mut rest)?.into();
    let whole = rest.is_empty() && hash == HASH;
    whole.then_some(ClaimRecord { claim: Claim { id: ClaimId(id), stream, owner }, partitions })
}

fn put_long(out: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_long(out, text.len() as i64);
    out.extend_from_slice(text.as_bytes());
}

fn take_long(rest: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(take_long(rest)?).ok().filter(|length| *length <= MAX_TEXT)?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> ClaimRecord {
        let claim = Claim {
            id: ClaimId(Uuid::from_u128(0x0190_b6f2_7f5e_7b3a_8a0c_5a5f_5a5f_5a5f)),
            stream: Uuid::from_u128(0x11),
            owner: "http://a:8080".into(),
        };
        ClaimRecord { claim, partitions: 12 }
    }

    #[test]
    fn the_bytes_of_a_claim_stay_as_they_were() {
        let golden = b"\x480190b6f2-7f5e-7b3a-8a0c-5a5f5a5f5a5f\
            \x4800000000-0000-0000-0000-000000000011\x02\x18\x0emurmur2\x1ahttp://a:8080";
        assert_eq!(encode(&sample()), golden);
        assert_eq!(decode(golden), Some(sample()));
    }

    #[test]
    fn what_is_cut_or_longer_is_no_claim() {
        let whole = encode(&sample());
        for end in 0..whole.len() {
            assert_eq!(decode(&whole[..end]), None);
        }
        assert_eq!(decode(&[whole.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn a_length_that_promises_gigabytes_is_refused() {
        let mut datum = Vec::new();
        put_long(&mut datum, 1 << 40);
        assert_eq!(decode(&datum), None);
        assert_eq!(decode(&[0xff; 32]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn numbers_come_back(value: i64) {
            let mut out = Vec::new();
            put_long(&mut out, value);
            prop_assert_eq!(take_long(&mut out.as_slice()), Some(value));
        }

        #[test]
        fn any_bytes_are_taken_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes);
        }
    }
}
