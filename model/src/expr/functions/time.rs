//! Timestamps and durations, in whole milliseconds, UTC.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::Param::{Duration, Text, Time};
use super::{Gives, Signature, global, int_arg, method, text_arg, time_arg};
use crate::expr::EvalError;
use crate::expr::eval::failed;
use crate::expr::ir::Held;
use crate::value::Value;

type Made = Result<Value, EvalError>;

/// 0001-01-01 and the last millisecond of 9999, the years that RFC 3339 can write.
const FIRST: i64 = -62_135_596_800_000;
const LAST: i64 = 253_402_300_799_999;
const DAY_MS: i64 = 86_400_000;

pub(super) const TABLE: &[Signature] = &[
    global("day", &[Time], Gives::Text, |a| written(a, 10)),
    global("month", &[Time], Gives::Text, |a| written(a, 7)),
    global("hour", &[Time], Gives::Text, |a| written(a, 13)),
    global("date", &[Time], Gives::Date, date),
    method("getFullYear", &[Time], Gives::Int, |a| part(a, |t| t.year().into())),
    method("getFullYear", &[Time, Text], Gives::Int, |a| part(a, |t| t.year().into())),
    method("getMonth", &[Time], Gives::Int, |a| part(a, |t| i64::from(t.month()) - 1)),
    method("getMonth", &[Time, Text], Gives::Int, |a| part(a, |t| i64::from(t.month()) - 1)),
    method("getDate", &[Time], Gives::Int, |a| part(a, |t| t.day().into())),
    method("getDate", &[Time, Text], Gives::Int, |a| part(a, |t| t.day().into())),
    method("getDayOfMonth", &[Time], Gives::Int, |a| part(a, |t| i64::from(t.day()) - 1)),
    method("getDayOfMonth", &[Time, Text], Gives::Int, |a| part(a, |t| i64::from(t.day()) - 1)),
    method("getDayOfWeek", &[Time], Gives::Int, |a| part(a, day_of_week)),
    method("getDayOfWeek", &[Time, Text], Gives::Int, |a| part(a, day_of_week)),
    method("getDayOfYear", &[Time], Gives::Int, |a| part(a, day_of_year)),
    method("getDayOfYear", &[Time, Text], Gives::Int, |a| part(a, day_of_year)),
    method("getHours", &[Time], Gives::Int, |a| part(a, |t| t.hour().into())),
    method("getHours", &[Time, Text], Gives::Int, |a| part(a, |t| t.hour().into())),
    method("getMinutes", &[Time], Gives::Int, |a| part(a, |t| t.minute().into())),
    method("getMinutes", &[Time, Text], Gives::Int, |a| part(a, |t| t.minute().into())),
    method("getSeconds", &[Time], Gives::Int, |a| part(a, |t| t.second().into())),
    method("getSeconds", &[Time, Text], Gives::Int, |a| part(a, |t| t.second().into())),
    method("getMilliseconds", &[Time], Gives::Int, |a| part(a, |t| t.millisecond().into())),
    method("getMilliseconds", &[Time, Text], Gives::Int, |a| part(a, |t| t.millisecond().into())),
    method("getHours", &[Duration], Gives::Int, |a| whole(a, 3_600_000)),
    method("getMinutes", &[Duration], Gives::Int, |a| whole(a, 60_000)),
    method("getSeconds", &[Duration], Gives::Int, |a| whole(a, 1_000)),
    method("getMilliseconds", &[Duration], Gives::Int, |a| whole(a, 1)),
];

fn day_of_week(t: DateTime) -> i64 {
    t.weekday().to_sunday_zero_offset().into()
}

fn day_of_year(t: DateTime) -> i64 {
    i64::from(t.day_of_year()) - 1
}

/// A timestamp within the years 1 to 9999.
pub(super) fn checked_time(ms: Option<i64>) -> Made {
    match ms {
        Some(ms) if (FIRST..=LAST).contains(&ms) => Ok(Value::Timestamp(ms)),
        _ => failed("a timestamp is outside the years 1 to 9999"),
    }
}

fn civil(ms: i64, offset: Offset) -> Result<DateTime, EvalError> {
    let outside = |_| EvalError("a timestamp is outside the years 1 to 9999".to_owned());
    Timestamp::from_millisecond(ms).map(|t| offset.to_datetime(t)).map_err(outside)
}

/// A part of a timestamp, in UTC or in a given fixed offset such as `+02:00`.
fn part(args: &[Held<'_>], take: fn(DateTime) -> i64) -> Made {
    let offset = if args.len() > 1 { zone(text_arg(args, 1)?)? } else { Offset::UTC };
    Ok(Value::Int(take(civil(time_arg(args, 0)?, offset)?)))
}

/// The fixed offset that a text names.
pub(in crate::expr) fn zone(text: &str) -> Result<Offset, EvalError> {
    let unknown = || EvalError(format!("'{text}' is no time zone: write 'UTC' or '+02:00'"));
    if matches!(text, "UTC" | "Z" | "GMT") {
        return Ok(Offset::UTC);
    }
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = digits.split_once(':').ok_or_else(unknown)?;
    let number = |t: &str| t.parse::<u8>().ok().filter(|_| t.len() == 2).map(i32::from);
    let (hours, minutes) = number(hours).zip(number(minutes)).ok_or_else(unknown)?;
    if hours > 14 || minutes > 59 {
        return Err(unknown());
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).map_err(|_| unknown())
}

fn whole(args: &[Held<'_>], unit: i64) -> Made {
    Ok(Value::Int(int_arg(args, 0)? / unit))
}

/// The first letters of `2026-11-21T14:…`.
fn written(args: &[Held<'_>], letters: usize) -> Made {
    let t = civil(time_arg(args, 0)?, Offset::UTC)?;
    let mut text = format!("{:04}-{:02}-{:02}T{:02}", t.year(), t.month(), t.day(), t.hour());
    text.truncate(letters);
    Ok(Value::Text(text.into()))
}

fn date(args: &[Held<'_>]) -> Made {
    let ms = time_arg(args, 0)?;
    checked_time(ms.checked_sub(ms.rem_euclid(DAY_MS)))
}

/// Whether a timestamp is a date.
pub(in crate::expr) fn is_midnight(ms: i64) -> bool {
    ms.rem_euclid(DAY_MS) == 0
}

/// Reads RFC 3339; digits beyond milliseconds are cut.
pub(in crate::expr) fn parse_time(text: &str) -> Made {
    let t: Timestamp = match text.parse() {
        Ok(t) if text.contains(['T', 't']) => t,
        _ => return failed(format!("'{text}' is no RFC 3339 timestamp")),
    };
    let ms = t.as_millisecond();
    let cut = i64::from(t.subsec_nanosecond() % 1_000_000 < 0);
    checked_time(ms.checked_sub(cut))
}

/// Writes RFC 3339 in UTC with no more digits than needed.
pub(in crate::expr) fn write_time(ms: i64) -> Result<String, EvalError> {
    let t = civil(ms, Offset::UTC)?;
    let fraction = match t.millisecond() {
        0 => String::new(),
        ms => format!(".{ms:03}").trim_end_matches('0').to_owned(),
    };
    Ok(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
        t.year(),
        t.month(),
        t.day(),
        t.hour(),
        t.minute(),
        t.second()
    ))
}

/// Reads `1h30m`, `1.5s`, `-250ms`.
pub(in crate::expr) fn parse_duration(text: &str) -> Made {
    let wrong = || EvalError(format!("'{text}' is no duration: write '90s', '1h30m' or '250ms'"));
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() && rest != "0" {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let tail = &rest[digits..];
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let unit = match &tail[..end] {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1_000.0,
            "ms" => 1.0,
            "us" | "µs" => 0.001,
            "ns" => 0.000_001,
            _ => return Err(wrong()),
        };
        total += number * unit;
        rest = &tail[end..];
    }
    if total.abs() > 315_576_000_000_000.0 {
        return failed("a duration is longer than 10,000 years");
    }
    Ok(Value::Int((sign * total) as i64))
}
