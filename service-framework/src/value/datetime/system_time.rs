//! Points in time from and to the system's clock readings.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::DateTime;
use super::grammar::{self, Day};

const DAY: i64 = 86_400;

impl DateTime {
    /// As [`DateTime::from_system_time`]; the end of the year 9999 for what it cannot say.
    pub(crate) fn from_clock(time: SystemTime) -> Self {
        Self::from_system_time(time).unwrap_or_else(|| Self("9999-12-31T23:59:59.999999+00:00".to_owned()))
    }

    /// The point in time in UTC, to the microsecond as in Python; `None` beyond the years 1 to 9999.
    #[must_use]
    pub fn from_system_time(time: SystemTime) -> Option<Self> {
        let (seconds, nanos) = since_epoch(time)?;
        let Day { year, month, day } = day_of(seconds.div_euclid(DAY));
        if !(1..=9999).contains(&year) {
            return None;
        }
        let second = seconds.rem_euclid(DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let micros = nanos / 1000;
        Some(Self(format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00"
        )))
    }

    /// The point in time on the system's clock; `None` without an offset, as then nobody knows.
    #[must_use]
    pub fn to_system_time(&self) -> Option<SystemTime> {
        let (day, clock) = grammar::datetime(&self.0)?;
        let seconds = days_since_epoch(day) * DAY + clock.seconds - clock.offset?;
        let nanos = Duration::from_nanos(u64::from(clock.nanos));
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let time = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
        time?.checked_add(nanos)
    }
}

/// Whole seconds since 1970, rounded down, and the nanoseconds above.
fn since_epoch(time: SystemTime) -> Option<(i64, u32)> {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => Some((i64::try_from(after.as_secs()).ok()?, after.subsec_nanos())),
        Err(before) => {
            let before = before.duration();
            let seconds = -i64::try_from(before.as_secs()).ok()?;
            Some(match before.subsec_nanos() {
                0 => (seconds, 0),
                nanos => (seconds - 1, 1_000_000_000 - nanos),
            })
        }
    }
}

// Both ways count in years that begin in March, so that a leap day is the last day of its year, and in eras of
// 400 such years, which all have the same number of days. Day 0 of era 0 is the first of March of the year 0.
const ERA: i64 = 146_097;
const EPOCH: i64 = 719_468;

/// Days from 1970-01-01 to `day`.
fn days_since_epoch(day: Day) -> i64 {
    let year = if day.month <= 2 { day.year - 1 } else { day.year };
    let year_of_era = year.rem_euclid(400);
    let month = (day.month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day.day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year.div_euclid(400) * ERA + day_of_era - EPOCH
}

/// The day that is `days` after 1970-01-01.
fn day_of(days: i64) -> Day {
    let days = days + EPOCH;
    let day_of_era = days.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let year = days.div_euclid(ERA) * 400 + year_of_era;
    Day {
        year: if month >= 10 { year + 1 } else { year },
        month: if month >= 10 { month - 9 } else { month + 3 },
        day: day_of_year - (153 * month + 2) / 5 + 1,
    }
}
