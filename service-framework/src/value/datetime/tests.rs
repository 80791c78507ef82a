//! Tests of times against what Python's `isoformat` writes, and of their way to the system's clock and back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;

use super::{Date, DateTime, Time, TimeDelta};

fn at(text: &str) -> DateTime {
    text.parse().unwrap()
}

/// Seconds and nanoseconds since 1970 of a point in time.
fn since_epoch(text: &str) -> f64 {
    let time = at(text).to_system_time().unwrap();
    time.duration_since(UNIX_EPOCH)
        .map_or_else(|before| -before.duration().as_secs_f64(), |after| after.as_secs_f64())
}

#[test]
fn what_isoformat_writes_is_read() {
    for text in [
        "2026-11-21T08:30:00",
        "2026-11-21T08:30:00.250000",
        "2026-11-21T08:30:00+01:00",
        "2026-11-21T08:30:00.000001-11:30",
        "1900-01-01T00:00:00+00:53:28",
        "1900-01-01T00:00:00+00:53:28.500000",
        "0001-01-01T00:00",
        "9999-12-31 23:59:59.999999Z",
    ] {
        assert_eq!(at(text).as_str(), text);
    }
    for text in ["2024-02-29", "2000-02-29", "2026-12-31"] {
        assert_eq!(text.parse::<Date>().unwrap().to_string(), text);
    }
    for text in ["00:00", "23:59:59", "08:30:00.5", "08:30:00.123456789+01:00"] {
        assert_eq!(text.parse::<Time>().unwrap().to_string(), text);
    }
}

#[test]
fn other_text_is_refused() {
    for text in [
        "",
        "2026-11-21",
        "2026-11-21T",
        "2026-11-21T08",
        "2026-11-21x08:30",
        "2026-11-21T08:30:00.",
        "2026-11-21T24:00",
        "2026-11-21T08:30:60",
        "2026-11-21T08:30+24:00",
        "2026-11-21T08:30+",
        "2026-11-21T08:30 ",
        "2026-1-21T08:30",
        "2026-11-21T08:30:00.1234567890",
        "2026-11-21T08:3\u{661}",
        "2026-11-2\u{661}T08:30",
        "+026-11-21T08:30",
    ] {
        assert!(!DateTime::is_valid(text), "{text:?}");
    }
    for text in
        ["2023-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-04-31", "2026-01-00", "0000-01-01"]
    {
        assert!(!Date::is_valid(text), "{text:?}");
    }
    for text in ["8:30", "08:60", "0830", "08:30:00,5"] {
        assert!(!Time::is_valid(text), "{text:?}");
    }
    let error = "noon".parse::<Time>().unwrap_err();
    assert_eq!(error.to_string(), "expected a time of day such as 08:30:00, found `noon`");
}

#[test]
fn a_point_in_time_has_its_place_on_the_systems_clock() {
    assert_eq!(since_epoch("1970-01-01T00:00:00Z"), 0.0);
    assert_eq!(since_epoch("1970-01-01T01:00:00+01:00"), 0.0);
    assert_eq!(since_epoch("2000-03-01T00:00:00.5-01:00"), 951_872_400.5);
    assert_eq!(since_epoch("1969-12-31T23:59:59.500Z"), -0.5);
    assert_eq!(since_epoch("0001-01-01T00:00Z"), -62_135_596_800.0);
    assert_eq!(since_epoch("9999-12-31T23:59:59Z"), 253_402_300_799.0);
    assert_eq!(at("2026-11-21T08:30:00").to_system_time(), None);
}

#[test]
fn the_systems_clock_is_written_in_utc() {
    let written = |time: SystemTime| DateTime::from_system_time(time).unwrap().to_string();
    assert_eq!(written(UNIX_EPOCH), "1970-01-01T00:00:00.000000+00:00");
    assert_eq!(written(UNIX_EPOCH - Duration::from_millis(500)), "1969-12-31T23:59:59.500000+00:00");
    assert_eq!(written(UNIX_EPOCH + Duration::from_secs(951_782_400)), "2000-02-29T00:00:00.000000+00:00");
    assert_eq!(DateTime::from_system_time(UNIX_EPOCH + Duration::from_secs(253_402_300_800)), None);
    assert_eq!(DateTime::from_system_time(UNIX_EPOCH - Duration::from_secs(62_135_596_801)), None);
}

#[test]
fn lengths_of_time_are_seconds_with_the_sign_in_front() {
    for (text, millis) in [("PT0S", 0), ("PT1.5S", 1500), ("-PT0.001S", -1), ("PT86400S", 86_400_000)] {
        let delta: TimeDelta = text.parse().unwrap();
        assert_eq!(delta.to_string(), text);
        assert_eq!(delta.as_secs_f64(), f64::from(millis) / 1000.0);
    }
    assert_eq!("+PT1.50S".parse::<TimeDelta>().unwrap().to_string(), "PT1.5S");
    assert_eq!("-PT0S".parse::<TimeDelta>(), Ok(TimeDelta::default()));
    for text in
        ["", "1.5", "PTS", "PT1S ", "PT1M", "PT1.S", "PT.5S", "PT-1S", "PT+1S", "PT1.1234567890S", "P1S"]
    {
        assert!(text.parse::<TimeDelta>().is_err(), "{text:?}");
    }
    assert!("PT18446744073709551616S".parse::<TimeDelta>().is_err());
}

#[test]
fn a_length_backwards_is_no_duration() {
    let back = TimeDelta::from(Duration::from_secs(2)).negated();
    assert!(back.is_negative() && back < TimeDelta::default());
    let error = Duration::try_from(back).unwrap_err();
    assert_eq!(error.to_string(), "expected a length of time that is not negative, found `-PT2S`");
}

proptest! {
    #[test]
    fn a_duration_comes_back(length: Duration) {
        let delta = TimeDelta::from(length);
        prop_assert_eq!(Duration::try_from(delta), Ok(length));
        prop_assert_eq!(delta.to_string().parse(), Ok(delta));
        prop_assert_eq!(delta.negated().magnitude(), length);
    }

    #[test]
    fn a_point_in_time_comes_back(micros in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
        let length = Duration::from_micros(micros.unsigned_abs());
        let time = if micros < 0 { UNIX_EPOCH - length } else { UNIX_EPOCH + length };
        prop_assert_eq!(DateTime::from_system_time(time).unwrap().to_system_time(), Some(time));
    }
}
