//! The hash that Java's clients choose partitions by, so that stock producers, joins and tools
//! meet our keys where they look for them.

const SEED: u32 = 0x9747_b28c;
const M: u32 = 0x5bd1_e995;

/// The partition of a key among `partitions`.
pub(super) fn partition(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

fn murmur2(data: &[u8]) -> u32 {
    // The length is mixed in as a 32-bit number, whatever it is.
    let mut hash = SEED ^ data.len() as u32;
    let mut words = data.chunks_exact(4);
    for word in words.by_ref() {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| (tail << 8) | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// What `org.apache.kafka.common.utils.Utils` of Kafka 4.1.1 answers.
    #[rstest]
    #[case("", 275_646_681, 9)]
    #[case("a", -1_563_381_124, 4)]
    #[case("21", -973_932_308, 0)]
    #[case("abc", 479_470_107, 3)]
    #[case("foobar", -790_332_482, 6)]
    #[case("order-42", 501_153_024, 0)]
    #[case("a-little-bit-long-string", -985_981_536, 8)]
    #[case("a-little-bit-longer-string", -1_486_304_829, 11)]
    #[case("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971, 5)]
    #[case("grün", 350_648_321, 5)]
    #[case("0190b6f2-7f5e-7b3a-8a0c-5a5f5a5f5a5f", -357_470_804, 0)]
    fn keys_lie_where_java_puts_them(#[case] key: &str, #[case] hash: i32, #[case] of_12: u32) {
        assert_eq!(murmur2(key.as_bytes()) as i32, hash);
        assert_eq!(partition(key.as_bytes(), 12), of_12);
    }
}
