//! Values on their way into a statement, in the wire form of CQL.

use std::sync::Arc;

use bytes::Bytes;
use scylla::errors::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::{CellWriter, RowWriter};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    /// Written as null: hides what was there.
    Null,
    /// Not written: leaves what was there.
    Unset,
    Bool(bool),
    Tiny(i8),
    Int(i32),
    Big(i64),
    Double(f64),
    Text(Arc<str>),
    String(String),
    Blob(Bytes),
    Shared(Arc<[u8]>),
    Uuid(uuid::Uuid),
    Varint(i128),
    Decimal(i128, u8),
}

impl Bound {
    pub(super) fn text(text: &str) -> Bound {
        Bound::String(text.to_owned())
    }

    /// Counts are stored as signed integers.
    pub(super) fn count(count: u64) -> Bound {
        Bound::Big(i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// How many bytes it takes at most.
    pub(super) fn size(&self) -> usize {
        match self {
            Bound::Text(text) => text.len(),
            Bound::String(text) => text.len(),
            Bound::Blob(blob) => blob.len(),
            Bound::Shared(blob) => blob.len(),
            _ => 20,
        }
    }

    /// Calls `take` with the wire form; with `None` for null and unset.
    pub(super) fn with_bytes<T>(&self, take: impl FnOnce(Option<&[u8]>) -> T) -> T {
        match self {
            Bound::Null | Bound::Unset => take(None),
            Bound::Bool(value) => take(Some(&[u8::from(*value)])),
            Bound::Tiny(value) => take(Some(&value.to_be_bytes())),
            Bound::Int(value) => take(Some(&value.to_be_bytes())),
            Bound::Big(value) => take(Some(&value.to_be_bytes())),
            Bound::Double(value) => take(Some(&value.to_be_bytes())),
            Bound::Text(text) => take(Some(text.as_bytes())),
            Bound::String(text) => take(Some(text.as_bytes())),
            Bound::Blob(blob) => take(Some(blob)),
            Bound::Shared(blob) => take(Some(blob)),
            Bound::Uuid(uuid) => take(Some(uuid.as_bytes())),
            Bound::Varint(number) => take(Some(shortest(&number.to_be_bytes()))),
            Bound::Decimal(units, places) => {
                let mut bytes = [0; 20];
                let units = units.to_be_bytes();
                let units = shortest(&units);
                bytes[..4].copy_from_slice(&i32::from(*places).to_be_bytes());
                bytes[4..4 + units.len()].copy_from_slice(units);
                take(Some(&bytes[..4 + units.len()]))
            }
        }
    }

    fn write(&self, cell: CellWriter<'_>) -> Result<(), SerializationError> {
        match self {
            Bound::Null => {
                cell.set_null();
            }
            Bound::Unset => {
                cell.set_unset();
            }
            value => {
                let written = value.with_bytes(|bytes| cell.set_value(bytes.unwrap_or_default()));
                written.map_err(SerializationError::new)?;
            }
        }
        Ok(())
    }
}

/// A number in as few bytes as hold it with its sign: equal numbers are equal bytes, as a key
/// needs.
fn shortest(bytes: &[u8; 16]) -> &[u8] {
    let spare = bytes.windows(2).take_while(|pair| {
        (pair[0] == 0 && pair[1] < 0x80) || (pair[0] == 0xff && pair[1] >= 0x80)
    });
    &bytes[spare.count()..]
}

/// The opposite of the shortest form; `None` for more than 128 bits, or nothing.
pub(super) fn read_varint(bytes: &[u8]) -> Option<i128> {
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    let sign = if bytes[0] < 0x80 { 0 } else { 0xff };
    let mut whole = [sign; 16];
    whole[16 - bytes.len()..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(whole))
}

/// All values of one statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Values(pub(super) Vec<Bound>);

impl Values {
    pub(super) fn size(&self) -> usize {
        self.0.iter().map(Bound::size).sum()
    }
}

/// More or fewer values than the statement takes.
#[derive(Debug, thiserror::Error)]
#[error("{found} values for a statement of {wanted}")]
struct Count {
    found: usize,
    wanted: usize,
}

impl SerializeRow for Values {
    fn serialize(
        &self,
        context: &RowSerializationContext<'_>,
        writer: &mut RowWriter<'_>,
    ) -> Result<(), SerializationError> {
        let (found, wanted) = (self.0.len(), context.columns().len());
        if found != wanted {
            return Err(SerializationError::new(Count { found, wanted }));
        }
        self.0.iter().try_for_each(|value| value.write(writer.make_cell_writer()))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_number_survives_in_its_shortest_form(
            number in prop_oneof![any::<i128>(), (-300_i128..300), any::<i64>().prop_map(i128::from)],
        ) {
            let bytes = number.to_be_bytes();
            let short = shortest(&bytes);
            prop_assert_eq!(read_varint(short), Some(number));
            prop_assert!(short.len() == 1 || read_varint(&short[1..]) != Some(number));
        }
    }

    #[test]
    fn small_numbers_take_one_byte() {
        for number in [0, 1, 127, -1, -128_i128] {
            assert_eq!(shortest(&number.to_be_bytes()).len(), 1, "{number}");
        }
        assert_eq!(shortest(&128_i128.to_be_bytes()), [0, 128]);
        assert_eq!(read_varint(&[]), None);
        assert_eq!(read_varint(&[0; 17]), None);
    }
}
