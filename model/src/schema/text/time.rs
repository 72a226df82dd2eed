//! Timestamps and dates as text: RFC 3339, in years 0001 to 9999.

use jiff::civil::Date;

use super::Misfit;

const SECOND: i64 = 1_000;
const DAY: i64 = 86_400 * SECOND;
/// 0001-01-01T00:00:00Z.
const FIRST: i64 = -719_162 * DAY;
/// 9999-12-31T23:59:59.999Z.
const LAST: i64 = 2_932_897 * DAY - 1;

/// Milliseconds since 1970 of `2026-11-21T10:00:00.5+01:00`.
pub(in crate::schema) fn parse_timestamp(text: &str) -> Result<i64, Misfit> {
    let malformed =
        || ("invalid-format", "must be an RFC 3339 time such as 2026-11-21T10:00:00Z".to_owned());
    let bytes = text.as_bytes();
    if bytes.len() < 20 || !matches!(bytes[10], b'T' | b't') {
        return Err(malformed());
    }
    let day = days(&bytes[..10]).ok_or_else(malformed)?;
    let clock = clock(&bytes[11..19]).ok_or_else(malformed)?;
    let mut rest = &bytes[19..];
    let mut millis = 0;
    if let Some(after) = rest.strip_prefix(b".") {
        let length = after.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, zone) = after.split_at(length);
        millis = fraction(digits).ok_or_else(malformed)??;
        rest = zone;
    }
    let offset = offset(rest).ok_or_else(malformed)?;
    let instant = day * DAY + (clock - offset) * SECOND + millis;
    match (FIRST..=LAST).contains(&instant) {
        true => Ok(instant),
        false => Err(("out-of-range", "must be from year 0001 to 9999".to_owned())),
    }
}

/// Milliseconds since 1970 of the midnight that starts `2026-11-21`.
pub(in crate::schema) fn parse_date(text: &str) -> Result<i64, Misfit> {
    days(text.as_bytes())
        .map(|day| day * DAY)
        .filter(|instant| *instant >= FIRST)
        .ok_or_else(|| ("invalid-format", "must be a date such as 2026-11-21".to_owned()))
}

/// Appends `2026-11-21T10:00:00Z`, with no more digits of a second than needed.
pub(in crate::schema) fn write_timestamp(instant: i64, out: &mut Vec<u8>) {
    write_date(instant, out);
    let millis = instant.rem_euclid(DAY);
    let seconds = millis / SECOND;
    out.push(b'T');
    put(seconds / 3600, 2, out);
    out.push(b':');
    put(seconds / 60 % 60, 2, out);
    out.push(b':');
    put(seconds % 60, 2, out);
    let fraction = millis % SECOND;
    if fraction != 0 {
        out.push(b'.');
        put(fraction, 3, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.push(b'Z');
}

/// Appends the UTC date of an instant, `2026-11-21`.
pub(in crate::schema) fn write_date(instant: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(instant.div_euclid(DAY));
    if (0..=9999).contains(&year) {
        put(year, 4, out);
    } else {
        // ISO 8601's expanded years: no input has them, foreign data may.
        out.push(if year < 0 { b'-' } else { b'+' });
        put(year.abs(), 9, out);
    }
    out.push(b'-');
    put(month, 2, out);
    out.push(b'-');
    put(day, 2, out);
}

/// Appends a number with leading zeros.
fn put(number: i64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        out.push(b'0' + (number / 10_i64.pow(place) % 10) as u8);
    }
}

/// Year, month and day of a count of days since 1970, in the proleptic Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years are counted from March, so that the leap day is a year's last one; an era is the 400
    // years after which the calendar repeats.
    let from_era_start = days + 719_468;
    let era = from_era_start.div_euclid(146_097);
    let day_of_era = from_era_start.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970 of exactly `2026-11-21`.
fn days(text: &[u8]) -> Option<i64> {
    if text.len() != 10 || text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = i16::try_from(number(&text[..4])?).ok()?;
    let month = i8::try_from(number(&text[5..7])?).ok()?;
    let date = Date::new(year, month, i8::try_from(number(&text[8..])?).ok()?).ok()?;
    Some(i64::from(date.since(Date::new(1970, 1, 1).ok()?).ok()?.get_days()))
}

/// Seconds since midnight of exactly `10:00:00`.
fn clock(text: &[u8]) -> Option<i64> {
    let (hour, minute, second) = (number(&text[..2])?, number(&text[3..5])?, number(&text[6..])?);
    let valid = text[2] == b':' && text[5] == b':' && hour < 24 && minute < 60 && second < 60;
    valid.then_some(hour * 3600 + minute * 60 + second)
}

/// Seconds east of UTC of `Z` or `+01:00`.
fn offset(text: &[u8]) -> Option<i64> {
    let sign = match text {
        [b'Z' | b'z'] => return Some(0),
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hour, minute) = (number(&text[1..3])?, number(&text[4..])?);
    (hour < 24 && minute < 60).then_some(sign * (hour * 3600 + minute * 60))
}

/// Milliseconds of a second's digits; zeros after the third say nothing and are taken.
fn fraction(digits: &[u8]) -> Option<Result<i64, Misfit>> {
    let (kept, finer) = digits.split_at(digits.len().min(3));
    if digits.is_empty() {
        return None;
    }
    if finer.iter().any(|b| *b != b'0') {
        let message = "must be in whole milliseconds: at most 3 digits of a second".to_owned();
        return Some(Err(("too-precise", message)));
    }
    Some(Ok(number(kept)? * 10_i64.pow(3 - kept.len() as u32)))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| {
        digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(instant: i64) -> String {
        let mut out = Vec::new();
        write_timestamp(instant, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn any_offset_is_read_and_z_is_written() {
        for (text, normal) in [
            ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
            ("2026-11-21T10:00:00.500+01:00", "2026-11-21T09:00:00.5Z"),
            ("2026-02-28T23:30:00-00:45", "2026-03-01T00:15:00Z"),
            ("2024-02-29t12:00:00.120000z", "2024-02-29T12:00:00.12Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(written(parse_timestamp(text).unwrap()), normal);
        }
    }

    #[test]
    fn texts_that_are_no_time_are_refused_with_their_code() {
        for (text, code) in [
            ("", "invalid-format"),
            ("2026-11-21", "invalid-format"),
            ("2026-11-21 10:00:00Z", "invalid-format"),
            ("2026-11-21T10:00:00", "invalid-format"),
            ("2026-02-30T10:00:00Z", "invalid-format"),
            ("2026-11-21T24:00:00Z", "invalid-format"),
            ("2026-11-21T10:00:00.Z", "invalid-format"),
            ("2026-11-21T10:00:00+0100", "invalid-format"),
            ("2026-11-21T10:00:00Z ", "invalid-format"),
            ("2026-11-21T10:00:00.1234Z", "too-precise"),
            ("0001-01-01T00:00:00+00:01", "out-of-range"),
        ] {
            assert_eq!(parse_timestamp(text).unwrap_err().0, code, "{text}");
        }
    }

    #[test]
    fn instants_beyond_four_digit_years_are_still_written() {
        assert_eq!(written(LAST + 1), "+000010000-01-01T00:00:00Z");
        assert!(written(i64::MIN).starts_with("-292275055-"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn every_instant_reads_back_and_agrees_with_jiff(instant in FIRST..=LAST) {
            let text = written(instant);
            prop_assert_eq!(parse_timestamp(&text), Ok(instant));
            let oracle: jiff::Timestamp = text.parse().unwrap();
            prop_assert_eq!(oracle.as_millisecond(), instant);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9TZ:.+ -]{0,30}") {
            let _ = parse_timestamp(&text);
            let _ = parse_date(&text);
        }
    }
}
