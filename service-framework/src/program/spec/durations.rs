//! Lengths of time: text with a unit, or seconds as a number.

use std::time::Duration;

use serde_json::Value as Json;

use super::keys::Keys;
use crate::model::{Problem, describe, duration};

/// A hundred years; longer ones would overflow clocks.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

const EXPECTED: &str =
    "a length of time such as \"500ms\", \"5s\", \"2m\", \"1h\" or \"1d\", or seconds as a number";

/// The length of time under `key`, if there is one.
pub(super) fn read_duration(table: &mut Keys<'_, '_>, key: &str) -> Option<Duration> {
    let json = table.get(key)?;
    let read = meant(json).filter(|duration| *duration <= LONGEST);
    if read.is_none() {
        let problem = Problem::new(table.path_of(key), EXPECTED, describe(json));
        table.problems.push(match json.as_str() {
            Some(text) if text.parse::<f64>().is_ok() => {
                problem.with_hint(format!("write `\"{text}s\"`, if these are seconds"))
            }
            _ => problem,
        });
    }
    read
}

fn meant(json: &Json) -> Option<Duration> {
    match json {
        Json::Number(number) => Duration::try_from_secs_f64(number.as_f64()?).ok(),
        Json::String(text) => Duration::try_from(duration(text)?).ok(),
        _ => None,
    }
}

/// The length of time under `key`, which may be anything but none at all.
pub(super) fn read_timeout(table: &mut Keys<'_, '_>, key: &str) -> Option<Duration> {
    let timeout = read_duration(table, key)?;
    if timeout.is_zero() {
        let problem = Problem::new(table.path_of(key), "more than no time", "a timeout of 0");
        table.problems.push(problem.with_hint("leave the key out for no timeout"));
    }
    Some(timeout)
}

const UNITS: [(u128, &str); 6] = [
    (3_600_000_000_000, "h"),
    (60_000_000_000, "m"),
    (1_000_000_000, "s"),
    (1_000_000, "ms"),
    (1_000, "us"),
    (1, "ns"),
];

/// A length of time as it is read: a whole number of the largest unit that gives one.
pub(in crate::program) fn write_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let whole = UNITS.into_iter().find(|(unit, _)| nanos > 0 && nanos.is_multiple_of(*unit));
    whole.map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", nanos / unit))
}
