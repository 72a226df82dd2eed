//! Decimals as text: plain for reading, of fixed width where their order counts.

/// Digits of a sortable decimal: the most that a decimal has.
const DIGITS: usize = model::Decimal::MAX_DIGITS as usize;

/// `-12.50`: exactly `scale` digits after the point, no point for none.
pub(super) fn plain(units: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let mut text = format!("{:0width$}", units.unsigned_abs(), width = scale + 1);
    if scale > 0 {
        text.insert(text.len() - scale, '.');
    }
    if units < 0 {
        text.insert(0, '-');
    }
    text
}

pub(super) fn read_plain(text: &str, scale: u8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let mut units = 0_i128;
    let point = digits.len().checked_sub(usize::from(scale) + 1)?;
    for (at, digit) in digits.bytes().enumerate() {
        if at == point && scale > 0 {
            if digit != b'.' {
                return None;
            }
            continue;
        }
        let digit = i128::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        // Counted downwards, since the lowest number has no positive counterpart.
        units = units.checked_mul(10)?.checked_sub(digit)?;
    }
    if negative { Some(units) } else { units.checked_neg() }
}

/// All 28 digits with the point among them. A negative number is `-` and the nines' complement of
/// its digits: `-` stands before the digits, and the larger the amount the smaller its complement.
pub(super) fn sortable(units: i128, scale: u8) -> String {
    let digits = format!("{:0width$}", units.unsigned_abs(), width = DIGITS);
    let mut text = String::with_capacity(DIGITS + 2);
    if units < 0 {
        text.push('-');
    }
    for (at, digit) in digits.bytes().enumerate() {
        if at == DIGITS - usize::from(scale) {
            text.push('.');
        }
        text.push(char::from(if units < 0 { b'9' - (digit - b'0') } else { digit }));
    }
    text
}

pub(super) fn read_sortable(text: &str, scale: u8) -> Option<i128> {
    let digits = text.strip_prefix('-');
    let mut units = 0_i128;
    let mut read = 0;
    for (at, digit) in digits.unwrap_or(text).bytes().enumerate() {
        if digit == b'.' && at == DIGITS - usize::from(scale) {
            continue;
        }
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        let digit = if digits.is_some() { 9 - digit } else { digit };
        units = units.checked_mul(10)?.checked_add(i128::from(digit))?;
        read += 1;
    }
    (read == DIGITS).then_some(if digits.is_some() { -units } else { units })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: i128 = 10_i128.pow(28) - 1;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_plain_decimal_survives(units in any::<i128>(), scale in 0_u8..=28) {
            prop_assert_eq!(read_plain(&plain(units, scale), scale), Some(units));
        }

        #[test]
        fn a_sortable_decimal_survives(units in -LIMIT..=LIMIT, scale in 0_u8..=28) {
            prop_assert_eq!(read_sortable(&sortable(units, scale), scale), Some(units));
        }

        #[test]
        fn sortable_decimals_order_by_value(
            one in prop_oneof![-LIMIT..=LIMIT, -20_i128..20],
            two in prop_oneof![-LIMIT..=LIMIT, -20_i128..20],
            scale in 0_u8..=28,
        ) {
            prop_assert_eq!(sortable(one, scale).cmp(&sortable(two, scale)), one.cmp(&two));
        }

        #[test]
        fn other_text_is_no_decimal(text in ".{0,32}", scale in 0_u8..=28) {
            if let Some(units) = read_plain(&text, scale) {
                prop_assert!(text.ends_with(&plain(units.abs(), scale)) || text.contains('0'));
            }
            let _ = read_sortable(&text, scale);
        }
    }

    #[test]
    fn decimals_are_written_with_exactly_their_places() {
        assert_eq!(plain(-1250, 2), "-12.50");
        assert_eq!(plain(5, 3), "0.005");
        assert_eq!(plain(7, 0), "7");
        assert_eq!(sortable(1250, 2), "00000000000000000000000012.50");
        assert_eq!(sortable(-1250, 2), "-99999999999999999999999987.49");
    }
}
