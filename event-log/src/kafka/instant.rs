//! Milliseconds since 1970 in the one text form that `ce_time` has here:
//! `2026-11-21T14:35:04.123Z`.

const DAY_MS: i64 = 86_400_000;
/// The last millisecond of the year 9999.
const LATEST: i64 = 253_402_300_799_999;

/// The text; times before 1970 or after 9999 are moved to the nearest that can be written.
pub(super) fn text(ms: i64) -> String {
    let ms = ms.clamp(0, LATEST);
    let (year, month, day) = date(ms / DAY_MS);
    let of_day = ms % DAY_MS;
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The milliseconds of exactly that form.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let shape = b"dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = text.len() == shape.len()
        && text.iter().zip(shape).all(|(byte, due)| match due {
            b'd' => byte.is_ascii_digit(),
            due => byte == due,
        });
    if !fits {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().fold(0, |n, digit| n * 10 + i64::from(digit - b'0'))
    };
    let (month, day) = (number(5, 7), number(8, 10));
    let of_day = ((number(11, 13) * 60 + number(14, 16)) * 60 + number(17, 19)) * 1_000;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && of_day < DAY_MS;
    in_range.then(|| days(number(0, 4), month, day) * DAY_MS + of_day + number(20, 23))
}

/// Days since 1970 of a date. Years are counted from March, so that a leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0, "1970-01-01T00:00:00.000Z")]
    #[case(951_782_400_000, "2000-02-29T00:00:00.000Z")]
    #[case(1_795_271_704_123, "2026-11-21T14:35:04.123Z")]
    #[case(4_107_542_399_999, "2100-02-28T23:59:59.999Z")]
    #[case(LATEST, "9999-12-31T23:59:59.999Z")]
    fn instants_are_written_as_the_calendar_has_them(#[case] ms: i64, #[case] due: &str) {
        assert_eq!(text(ms), due);
        assert_eq!(parse(due.as_bytes()), Some(ms));
    }

    #[rstest]
    #[case("2026-11-21T14:35:04Z")]
    #[case("2026-13-21T14:35:04.123Z")]
    #[case("2026-11-21T24:35:04.123Z")]
    #[case("2026-11-21 14:35:04.123Z")]
    #[case("")]
    fn another_form_is_refused(#[case] text: &str) {
        assert_eq!(parse(text.as_bytes()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn every_instant_comes_back(ms in 0..=LATEST) {
            prop_assert_eq!(parse(text(ms).as_bytes()), Some(ms));
        }
    }
}
