//! Dates and times as monty has them and as text.

use std::time::Duration;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike};
use monty_types::{MontyDate, MontyDateTime, MontyObject, MontyTime, MontyTimeDelta};

use crate::value::{TimeDelta, Value};

const MICROS: i128 = 1_000_000;
const DAY: i128 = 86_400 * MICROS;

/// The value of one of monty's dates and times.
pub(super) fn to_value(object: &MontyObject) -> Option<Value> {
    match object {
        MontyObject::DateTime(at) => {
            let day = format!("{:04}-{:02}-{:02}", at.year, at.month, at.day);
            let time = time_text(at.hour, at.minute, at.second, at.microsecond, at.offset_seconds);
            format!("{day}T{time}").parse().ok().map(Value::DateTime)
        }
        MontyObject::Date(day) => {
            format!("{:04}-{:02}-{:02}", day.year, day.month, day.day).parse().ok().map(Value::Date)
        }
        MontyObject::Time(at) => time_text(at.hour, at.minute, at.second, at.microsecond, at.offset_seconds)
            .parse()
            .ok()
            .map(Value::Time),
        MontyObject::TimeDelta(length) => Some(Value::TimeDelta(from_delta(length))),
        _ => None,
    }
}

fn time_text(hour: u8, minute: u8, second: u8, micros: u32, offset: Option<i32>) -> String {
    let mut text = format!("{hour:02}:{minute:02}:{second:02}");
    if micros > 0 {
        text.push_str(&format!(".{micros:06}"));
    }
    if let Some(offset) = offset {
        let sign = if offset < 0 { '-' } else { '+' };
        let minutes = offset.abs() / 60;
        text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
    }
    text
}

fn from_delta(length: &MontyTimeDelta) -> TimeDelta {
    let micros =
        i128::from(length.days) * DAY + i128::from(length.seconds) * MICROS + i128::from(length.microseconds);
    let whole = micros.unsigned_abs();
    let seconds = u64::try_from(whole / MICROS.unsigned_abs()).unwrap_or(u64::MAX);
    let magnitude = TimeDelta::from(Duration::new(seconds, (whole % MICROS.unsigned_abs()) as u32 * 1000));
    if micros < 0 { magnitude.negated() } else { magnitude }
}

/// A point in time; none if monty would lose a part of it.
pub(super) fn datetime(text: &str) -> Option<MontyObject> {
    let text = text.replace(' ', "T");
    let (at, offset) = match DateTime::<FixedOffset>::parse_from_rfc3339(&with_seconds(&text)) {
        Ok(at) => (at.naive_local(), Some(at.offset().local_minus_utc())),
        Err(_) => (NaiveDateTime::parse_from_str(&with_seconds(&text), "%Y-%m-%dT%H:%M:%S%.f").ok()?, None),
    };
    of_naive(at, offset, None).map(MontyObject::DateTime)
}

/// A point in time as a clock in a zone shows it; none if monty has no such year or would lose a part of it.
pub(in crate::flow::engine::monty) fn of_naive(
    at: NaiveDateTime,
    offset: Option<i32>,
    zone: Option<String>,
) -> Option<MontyDateTime> {
    let object = MontyDateTime {
        year: at.year(),
        month: at.month() as u8,
        day: at.day() as u8,
        hour: at.hour() as u8,
        minute: at.minute() as u8,
        second: at.second() as u8,
        microsecond: micros_of(at.nanosecond())?,
        offset_seconds: offset,
        timezone_name: zone,
    };
    (1..=9999).contains(&at.year()).then_some(object)
}

/// The text with `:00` where it has no seconds.
fn with_seconds(text: &str) -> String {
    let time = text.find('T').map_or(0, |at| at + 1);
    let bytes = text.as_bytes();
    match bytes.get(time + 5) {
        Some(b':') => text.to_owned(),
        _ if text.is_char_boundary(time + 5) && bytes.len() >= time + 5 => {
            format!("{}:00{}", &text[..time + 5], &text[time + 5..])
        }
        _ => text.to_owned(),
    }
}

/// Microseconds, if these are whole ones and no leap second.
fn micros_of(nanos: u32) -> Option<u32> {
    (nanos.is_multiple_of(1000) && nanos < 1_000_000_000).then_some(nanos / 1000)
}

/// A day.
pub(super) fn date(text: &str) -> Option<MontyObject> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(MontyObject::Date(MontyDate { year: day.year(), month: day.month() as u8, day: day.day() as u8 }))
}

/// A time of day; none if monty would lose a part of it.
pub(super) fn time(text: &str) -> Option<MontyObject> {
    let on_a_day = format!("2000-01-01T{text}");
    let MontyObject::DateTime(at) = datetime(&on_a_day)? else { return None };
    Some(MontyObject::Time(MontyTime {
        hour: at.hour,
        minute: at.minute,
        second: at.second,
        microsecond: at.microsecond,
        offset_seconds: at.offset_seconds,
        timezone_name: None,
        fold: 0,
    }))
}

/// A length of time; none if it is longer than Python's can be or finer.
pub(super) fn delta(length: TimeDelta) -> Option<MontyObject> {
    let magnitude = length.magnitude();
    let micros = i128::try_from(magnitude.as_micros()).ok()?;
    if !magnitude.subsec_nanos().is_multiple_of(1000) || micros > 999_999_999 * DAY {
        return None;
    }
    let micros = if length.is_negative() { -micros } else { micros };
    let rest = micros.rem_euclid(DAY);
    Some(MontyObject::TimeDelta(MontyTimeDelta {
        days: i32::try_from(micros.div_euclid(DAY)).ok()?,
        seconds: (rest / MICROS) as i32,
        microseconds: (rest % MICROS) as i32,
    }))
}
