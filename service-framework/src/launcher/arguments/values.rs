//! Values of flags: each reader returns the value or what it should have been.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::recording_flags::Speed;
use crate::connection::tap::Kind;
use crate::launcher::logs::Format;
use crate::launcher::terminal::Color;

/// The units a duration may have, longest name first, in seconds.
const UNITS: [(&str, f64); 5] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// The units a size may have.
const SIZES: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("", 1),
];

/// A level by its Python name or by its `tracing` name, in any case.
pub(crate) fn level(text: &str) -> Result<LevelFilter, String> {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" | "NOTSET" => Ok(LevelFilter::TRACE),
        "DEBUG" => Ok(LevelFilter::DEBUG),
        "INFO" => Ok(LevelFilter::INFO),
        "WARNING" | "WARN" => Ok(LevelFilter::WARN),
        "ERROR" | "CRITICAL" | "FATAL" => Ok(LevelFilter::ERROR),
        "OFF" => Ok(LevelFilter::OFF),
        _ => Err("DEBUG, INFO, WARNING, ERROR, CRITICAL, TRACE or OFF".to_owned()),
    }
}

pub(super) fn log_format(text: &str) -> Result<Format, String> {
    match text {
        "human" => Ok(Format::Human),
        "json" => Ok(Format::Json),
        _ => Err("human or json".to_owned()),
    }
}

/// How programs are shown; the word itself, as who does not have programs has no such thing.
pub(super) fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "a port, from 0 to 65535".to_owned())
}

/// How a run stands.
pub(super) fn run_status(text: &str) -> Result<String, String> {
    one_of(&["running", "done", "rectified", "stuck", "resolved"], text)
}

/// How a flow stands.
pub(super) fn flow_status(text: &str) -> Result<String, String> {
    one_of(
        &["ready", "queued", "running", "waiting", "paused", "parked", "done", "failed", "cancelled"],
        text,
    )
}

/// A part of what serves flows.
pub(super) fn flow_part(text: &str) -> Result<String, String> {
    one_of(&["interpreter", "requests", "callbacks"], text)
}

fn one_of(all: &[&str], text: &str) -> Result<String, String> {
    match all.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("one of {}", all.join(", "))),
    }
}

pub(super) fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a whole number, 0 or more".to_owned())
}

/// `512MiB`, `2GiB`; a plain number is bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let unit = SIZES.iter().find_map(|(name, factor)| Some((text.strip_suffix(name)?, factor)));
    let size = unit.and_then(|(number, factor)| number.parse::<u64>().ok()?.checked_mul(*factor));
    size.ok_or_else(|| "a size such as 512MiB or 2GiB".to_owned())
}

pub(super) fn graph_format(text: &str) -> Result<&'static str, String> {
    let formats = ["text", "mermaid", "dot", "svg"];
    formats.into_iter().find(|format| *format == text).ok_or_else(|| "text, mermaid, dot or svg".to_owned())
}

/// How much faster than it was.
pub(super) fn speed(text: &str) -> Result<Speed, String> {
    let times = text.strip_suffix('x').unwrap_or(text).parse::<f64>();
    match times {
        _ if text == "max" => Ok(Speed::Max),
        Ok(times) if times.is_finite() && times > 0.0 => Ok(Speed::Times(times)),
        _ => Err("a number over 0, such as 10 or 0.5, or max".into()),
    }
}

/// The name of a kind of message.
pub(super) fn message_kind(text: &str) -> Result<String, String> {
    match Kind::named(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(format!("one of {}", Kind::names().collect::<Vec<_>>().join(", "))),
    }
}

pub(super) fn color(text: &str) -> Result<Color, String> {
    match text {
        "auto" => Ok(Color::Auto),
        "always" => Ok(Color::Always),
        "never" => Ok(Color::Never),
        _ => Err("auto, always or never".to_owned()),
    }
}

pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "a whole number, 0 or more".to_owned())
}

/// Seconds as a plain number, as the originals take them.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse().ok();
    let duration = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
    duration.ok_or_else(|| "seconds, 0 or more, such as 0.05".to_owned())
}

/// `10s`, `500ms`, `1.5m`, `1h`, `30d`; a plain number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit = UNITS.iter().find_map(|(name, factor)| Some((text.strip_suffix(name)?, factor)));
    let (number, factor) = unit.unwrap_or((text, &1.0));
    let number: Option<f64> = number.parse().ok();
    let duration = number.and_then(|number| Duration::try_from_secs_f64(number * factor).ok());
    duration.ok_or_else(|| "a duration such as 10s, 500ms or 1.5m".to_owned())
}

/// As [`duration`], and its unit has to be said: who means days would lose what they meant to keep.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let has_unit = text == "0" || text.ends_with(|last: char| last.is_ascii_alphabetic());
    let age = has_unit.then(|| duration(text).ok()).flatten();
    age.ok_or_else(|| "a duration with its unit, such as 90m, 12h or 30d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_the_names_of_both_worlds() {
        assert_eq!(level("WARNING"), Ok(LevelFilter::WARN));
        assert_eq!(level("critical"), Ok(LevelFilter::ERROR));
        assert_eq!(level("trace"), Ok(LevelFilter::TRACE));
        assert!(level("LOUD").is_err());
    }

    #[test]
    fn ages_need_units() {
        assert_eq!(age("3d"), Ok(Duration::from_secs(259_200)));
        assert_eq!(age("0s"), Ok(Duration::ZERO));
        for wrong in ["3", "1y", "d", ""] {
            assert!(age(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("2d"), Ok(Duration::from_secs(172_800)));
        for wrong in ["", "s", "-1s", "1y", "inf", "nan", "1e400s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(size("2G"), Ok(2 << 30));
        assert_eq!(size("10"), Ok(10));
        for wrong in ["", "MiB", "-1M", "1.5G", "99999999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_a_plain_number() {
        assert_eq!(seconds("0.05"), Ok(Duration::from_millis(50)));
        assert!(seconds("5s").is_err());
        assert!(seconds("-1").is_err());
    }
}
