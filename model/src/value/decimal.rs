//! Exact decimal numbers: integers with a decimal point at a known place.

use std::cmp::Ordering;
use std::fmt;

/// An exact decimal: `units * 10^-places`, at most 28 digits.
///
/// Equality is that of the parts, so `1.5` and `1.50` differ; [`Decimal::cmp_value`] compares
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    // Two halves instead of one i128 keep `Value` at 32 bytes (an i128 aligns to 16).
    high: i64,
    low: u64,
    places: u8,
}

/// Why a text is no decimal with at most the places asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalTextError {
    /// Not of the form `-12.50`.
    #[error("not a decimal number such as -12.50")]
    Syntax,
    /// More digits after the point than the places.
    #[error("more digits after the decimal point than {0}")]
    Places(u8),
    /// More than 28 digits in all.
    #[error("more than {} digits", Decimal::MAX_DIGITS)]
    Digits,
}

impl Decimal {
    /// The most digits that a decimal may have.
    pub const MAX_DIGITS: u32 = 28;

    /// `units * 10^-places`, or `None` when that has more than 28 digits.
    pub fn new(units: i128, places: u8) -> Option<Decimal> {
        (units.unsigned_abs() < 10_u128.pow(Self::MAX_DIGITS)
            && u32::from(places) <= Self::MAX_DIGITS)
            .then_some(Decimal { high: (units >> 64) as i64, low: units as u64, places })
    }

    /// A whole number with these places; `None` when that has more than 28 digits.
    pub fn from_int(number: i64, places: u8) -> Option<Decimal> {
        Decimal::new(i128::from(number).checked_mul(power(places)?)?, places)
    }

    /// The number without its decimal point.
    pub fn units(self) -> i128 {
        (i128::from(self.high) << 64) | i128::from(self.low)
    }

    /// How many digits stand after the decimal point.
    pub fn places(self) -> u8 {
        self.places
    }

    /// How many digits the units have; 1 for zero.
    pub fn digits(self) -> u32 {
        self.units().unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)
    }

    /// Reads `-12.5` with as many places as it has digits after the point.
    pub fn parse(text: &str) -> Result<Decimal, DecimalTextError> {
        let (negative, whole, fraction) = split(text).ok_or(DecimalTextError::Syntax)?;
        let places = u8::try_from(fraction.len()).map_err(|_| DecimalTextError::Digits)?;
        let mut units: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            units = units * 10 + i128::from(digit - b'0');
            if units >= 10_i128.pow(Self::MAX_DIGITS) {
                return Err(DecimalTextError::Digits);
            }
        }
        Decimal::new(if negative { -units } else { units }, places).ok_or(DecimalTextError::Digits)
    }

    /// Reads `-12.5` as a decimal with exactly these places; it may write fewer, not more.
    pub fn parse_with_places(text: &str, places: u8) -> Result<Decimal, DecimalTextError> {
        let (_, _, fraction) = split(text).ok_or(DecimalTextError::Syntax)?;
        if fraction.len() > usize::from(places) {
            return Err(DecimalTextError::Places(places));
        }
        Decimal::parse(text)?.rescale(places).ok_or(DecimalTextError::Digits)
    }

    /// The sum, with the larger places of both.
    pub fn checked_add(self, other: Decimal) -> Option<Decimal> {
        let (a, b, places) = align(self, other)?;
        Decimal::new(a.checked_add(b)?, places)
    }

    /// The difference, with the larger places of both.
    pub fn checked_sub(self, other: Decimal) -> Option<Decimal> {
        self.checked_add(other.negate())
    }

    /// The product, with the sum of the places.
    pub fn checked_mul(self, other: Decimal) -> Option<Decimal> {
        let units = self.units().checked_mul(other.units())?;
        Decimal::new(units, self.places.checked_add(other.places)?)
    }

    /// The number with the other sign.
    pub fn negate(self) -> Decimal {
        let units = -self.units();
        Decimal { high: (units >> 64) as i64, low: units as u64, places: self.places }
    }

    /// The same number with other places; `None` where digits would be lost or pass 28.
    pub fn rescale(self, places: u8) -> Option<Decimal> {
        if places >= self.places {
            let units = self.units().checked_mul(power(places - self.places)?)?;
            return Decimal::new(units, places);
        }
        let divisor = power(self.places - places)?;
        let units = self.units();
        (units % divisor == 0).then(|| Decimal::new(units / divisor, places))?
    }

    /// The nearest number with these places, a tie going to the even digit; `None` where it would
    /// have more than 28 digits.
    pub fn round(self, places: u8) -> Option<Decimal> {
        if places >= self.places {
            return self.rescale(places);
        }
        let divisor = power(self.places - places)?;
        let (quotient, rest) = (self.units() / divisor, self.units() % divisor);
        let up = match (rest.abs() * 2).cmp(&divisor) {
            Ordering::Less => false,
            Ordering::Equal => quotient % 2 != 0,
            Ordering::Greater => true,
        };
        let step = if up { self.units().signum() } else { 0 };
        Decimal::new(quotient + step, places)
    }

    /// The whole part, cut towards zero; `None` beyond 64 bits.
    pub fn to_int(self) -> Option<i64> {
        i64::try_from(self.units() / power(self.places)?).ok()
    }

    /// Compares as numbers, whatever the places.
    pub fn cmp_value(self, other: Decimal) -> Ordering {
        match align(self, other) {
            Some((a, b, _)) => a.cmp(&b),
            // Only the one with fewer places is scaled up; past 128 bits its size decides.
            None if self.places < other.places => self.units().cmp(&0),
            None => 0.cmp(&other.units()),
        }
    }
}

impl fmt::Display for Decimal {
    /// Writes exactly `places` digits after the point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.units();
        let sign = if units < 0 { "-" } else { "" };
        let digits = units.unsigned_abs();
        match power(self.places) {
            Some(scale) if self.places > 0 => {
                let scale = scale.unsigned_abs();
                let width = usize::from(self.places);
                write!(f, "{sign}{}.{:0width$}", digits / scale, digits % scale)
            }
            _ => write!(f, "{sign}{digits}"),
        }
    }
}

/// `10^places`; `None` beyond 38 digits.
fn power(places: u8) -> Option<i128> {
    10_i128.checked_pow(u32::from(places))
}

/// Both units at the larger places.
fn align(a: Decimal, b: Decimal) -> Option<(i128, i128, u8)> {
    let places = a.places.max(b.places);
    let left = a.units().checked_mul(power(places - a.places)?)?;
    let right = b.units().checked_mul(power(places - b.places)?)?;
    Some((left, right, places))
}

/// Sign, digits before and digits after the point of `-12.50`; both sides of a point need one.
fn split(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    (!whole.is_empty() && digits(whole) && digits(fraction)).then_some((negative, whole, fraction))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dec(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn text_round_trips_with_exactly_its_places() {
        for text in ["0", "-1", "12.50", "-0.05", "0.00", "9999999999999999999999999999"] {
            assert_eq!(dec(text).to_string(), text);
        }
        assert_eq!(Decimal::parse_with_places("1.5", 3).unwrap().to_string(), "1.500");
    }

    #[test]
    fn malformed_and_too_long_texts_are_refused() {
        for text in ["", "-", ".5", "5.", "+1", "1e3", " 1", "1_0", "--1", "1.2.3", "٣"] {
            assert_eq!(Decimal::parse(text), Err(DecimalTextError::Syntax), "{text}");
        }
        assert_eq!(Decimal::parse("10000000000000000000000000000"), Err(DecimalTextError::Digits));
        assert_eq!(
            Decimal::parse(&format!("0.{}", "0".repeat(300))),
            Err(DecimalTextError::Digits)
        );
        assert_eq!(Decimal::parse_with_places("1.234", 2), Err(DecimalTextError::Places(2)));
    }

    #[test]
    fn rounding_goes_half_to_even() {
        for (from, to) in [
            ("0.125", "0.12"),
            ("0.135", "0.14"),
            ("-0.125", "-0.12"),
            ("-0.135", "-0.14"),
            ("0.1251", "0.13"),
            ("2.999", "3.00"),
        ] {
            assert_eq!(dec(from).round(2), Some(dec(to)), "{from}");
        }
        assert_eq!(dec("0.5").round(0), Some(dec("0")));
        assert_eq!(dec("1.5").round(0), Some(dec("2")));
    }

    #[test]
    fn results_over_28_digits_are_none() {
        let most = dec("9999999999999999999999999999");
        assert_eq!(most.checked_add(dec("1")), None);
        assert_eq!(most.checked_mul(dec("10")), None);
        assert_eq!(most.rescale(1), None);
        assert_eq!(most.negate().checked_sub(dec("1")), None);
        assert_eq!(Decimal::from_int(i64::MAX, 10), None);
    }

    #[test]
    fn to_int_cuts_towards_zero_and_rescale_is_exact() {
        assert_eq!(dec("1.99").to_int(), Some(1));
        assert_eq!(dec("-1.99").to_int(), Some(-1));
        assert_eq!(dec("9999999999999999999999999999").to_int(), None);
        assert_eq!(dec("1.50").rescale(1), Some(dec("1.5")));
        assert_eq!(dec("1.55").rescale(1), None);
    }

    #[test]
    fn numbers_too_far_apart_to_align_still_compare() {
        let large = dec("9999999999999999999999999999");
        let small = Decimal::new(-5, 28).unwrap();
        assert_eq!(large.cmp_value(small), Ordering::Greater);
        assert_eq!(small.cmp_value(large), Ordering::Less);
        assert_eq!(small.negate().cmp_value(large), Ordering::Less);
        assert_eq!(small.cmp_value(large.negate()), Ordering::Greater);
        assert_eq!(dec("1.5").cmp_value(dec("1.50")), Ordering::Equal);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn addition_and_comparison_agree_with_integers(
            a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000,
            p in 0_u8..6, q in 0_u8..6,
        ) {
            let (x, y) = (Decimal::new(a.into(), p).unwrap(), Decimal::new(b.into(), q).unwrap());
            let (wide_a, wide_b) = (
                i128::from(a) * 10_i128.pow(u32::from(6 - p)),
                i128::from(b) * 10_i128.pow(u32::from(6 - q)),
            );
            prop_assert_eq!(x.cmp_value(y), wide_a.cmp(&wide_b));
            prop_assert_eq!(
                x.checked_add(y).unwrap().rescale(6).unwrap().units(), wide_a + wide_b
            );
            prop_assert_eq!(x.checked_mul(y).unwrap().units(), i128::from(a) * i128::from(b));
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "\\PC{0,40}") {
            if let Ok(decimal) = Decimal::parse(&text) {
                prop_assert_eq!(Decimal::parse(&decimal.to_string()), Ok(decimal));
            }
        }
    }
}
