//! Cursors: where a page ended, as opaque text that fits only the question that it came from.
//!
//! Layout before base64url: 8 bytes of a hash of the question, then for a view each clustering
//! value as a length (u16, big-endian) and its Avro bytes, for a history the version (u64).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Column, Direction, Value};
use read_store::PageRequest;
use service::Problem;

use crate::problems;

/// A view's clustering columns with their values in a row.
pub type Clustering<'a> = &'a [(usize, Direction)];

/// What a page of a view is asked with, as far as a cursor depends on it.
pub struct Question<'a> {
    /// The view's definition.
    pub view: &'a [u8; 32],
    /// The fold that its rows come from.
    pub fold: &'a [u8; 32],
    /// Key, prefix, range and order, as [`asked`] writes them.
    pub asked: String,
}

impl Question<'_> {
    fn hash(&self) -> u64 {
        hash(&[self.view, self.fold, self.asked.as_bytes()])
    }
}

/// What a page request asks, whatever its limit and fields.
pub fn asked(request: &PageRequest) -> String {
    let PageRequest { key, prefix, range, reversed, .. } = request;
    format!("{key:?} {prefix:?} {range:?} {reversed}")
}

/// The cursor of a view's page that ended with this row.
pub fn write(
    question: &Question<'_>,
    columns: &[Column],
    order: Clustering<'_>,
    row: &[Value],
) -> String {
    let mut bytes = question.hash().to_be_bytes().to_vec();
    for (index, _) in order {
        let mut value = Vec::new();
        columns[*index].shape.encode(&row[*index], &mut value);
        // Texts in clustering columns are at most 1 KiB, so a length always fits.
        bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&value);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The clustering values in a cursor of this very question.
pub fn read(
    question: &Question<'_>,
    columns: &[Column],
    order: Clustering<'_>,
    text: &str,
) -> Result<Vec<Value>, Problem> {
    let values = decode(text).and_then(|bytes| {
        let mut rest = bytes.strip_prefix(&question.hash().to_be_bytes()[..])?;
        let mut values = Vec::with_capacity(order.len());
        for (index, _) in order {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (value, after) =
                after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            values.push(columns[*index].shape.decode(value).ok()?);
            rest = after;
        }
        rest.is_empty().then_some(values)
    });
    values.ok_or_else(problems::invalid_cursor)
}

/// The cursor of a history's page that ended with this version.
pub fn write_version(aggregate: &str, id: &str, version: u64) -> String {
    let mut bytes = hash(&[aggregate.as_bytes(), id.as_bytes()]).to_be_bytes().to_vec();
    bytes.extend_from_slice(&version.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The version in a cursor of this very history.
pub fn read_version(aggregate: &str, id: &str, text: &str) -> Result<u64, Problem> {
    let version = decode(text).and_then(|bytes| {
        let of = hash(&[aggregate.as_bytes(), id.as_bytes()]);
        let rest = bytes.strip_prefix(&of.to_be_bytes()[..])?;
        let version = u64::from_be_bytes(rest.try_into().ok()?);
        // No store counts further, so none is asked for more.
        i64::try_from(version).is_ok().then_some(version)
    });
    version.ok_or_else(problems::invalid_cursor)
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// FNV-1a, the same in every build, so that a cursor outlives an upgrade. It only tells questions
/// apart: a made-up cursor shows nothing that a query could not ask for.
fn hash(parts: &[&[u8]]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    parts.iter().fold(0xcbf2_9ce4_8422_2325, |hash, part| {
        let length = (part.len() as u64).to_be_bytes();
        part.iter().copied().chain(length).fold(hash, step)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_history_cursor_fits_its_history_only() {
        let text = write_version("order", "a", 7);
        assert_eq!(read_version("order", "a", &text).unwrap(), 7);
        assert_eq!(read_version("order", "b", &text).unwrap_err().code, "invalid-cursor");
    }

    #[test]
    fn a_history_cursor_past_what_any_store_counts_is_invalid() {
        let last = i64::MAX as u64;
        let read = |version| read_version("order", "a", &write_version("order", "a", version));
        assert_eq!(read(last).unwrap(), last);
        for version in [last + 1, u64::MAX] {
            assert_eq!(read(version).unwrap_err().code, "invalid-cursor", "{version}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_an_invalid_cursor(text in ".*") {
            let question = Question { view: &[1; 32], fold: &[2; 32], asked: String::new() };
            prop_assert_eq!(read(&question, &[], &[], &text).unwrap_err().status, 400);
            prop_assert_eq!(read_version("order", "a", &text).unwrap_err().status, 400);
        }
    }
}
