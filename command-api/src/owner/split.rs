//! A map that grows a little at a time.
//!
//! A hash map that doubles moves all it has at once: with some 50,000 states that is tens of
//! milliseconds in which its owner answers nobody, and all owners get there together. Many small
//! maps double one after the other.

use std::collections::HashMap;
use std::sync::Arc;

const PARTS: usize = 64;

/// A map by id, in parts; it holds none before the first entry.
pub(super) struct Split<V>(Vec<HashMap<Arc<str>, V>>);

impl<V> Default for Split<V> {
    fn default() -> Split<V> {
        Split(Vec::new())
    }
}

impl<V> Split<V> {
    pub fn get_mut(&mut self, id: &str) -> Option<&mut V> {
        self.0.get_mut(part(id))?.get_mut(id)
    }

    /// Puts a value in, in place of one that was there.
    pub fn insert(&mut self, id: Arc<str>, value: V) -> &mut V {
        if self.0.is_empty() {
            self.0.resize_with(PARTS, HashMap::new);
        }
        let part = part(&id);
        self.0[part].entry(id).insert_entry(value).into_mut()
    }

    pub fn remove(&mut self, id: &str) {
        if let Some(part) = self.0.get_mut(part(id)) {
            part.remove(id);
        }
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Where an id belongs: FNV-1a (Fowler, Noll and Vo) and a step of SplitMix64 (Steele, Lea and Flood
/// 2014), since the first leaves ids that differ at their ends close together. Ids that were chosen to
/// meet in one part make it no worse than one map.
fn part(id: &str) -> usize {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ((hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as usize % PARTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_until_it_is_taken_out() {
        let mut split = Split::default();
        assert_eq!(split.get_mut("7"), None);
        split.remove("7");
        for n in 0..1_000 {
            *split.insert(n.to_string().into(), n) += 1;
        }
        assert!((0..1_000).all(|n| split.get_mut(&n.to_string()) == Some(&mut (n + 1))));
        assert_eq!(*split.insert("7".into(), 0), 0);
        split.remove("7");
        assert_eq!(split.get_mut("7"), None);
        split.clear();
        assert_eq!(split.get_mut("8"), None);
    }

    #[test]
    fn no_part_holds_much_more_than_its_share() {
        let mut split = Split::default();
        for n in 0..64_000_u128 {
            let id = uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + n);
            split.insert(id.to_string().into(), ());
        }
        let largest = split.0.iter().map(HashMap::len).max();
        assert!(largest < Some(1_500), "{largest:?} of 64,000");
    }
}
