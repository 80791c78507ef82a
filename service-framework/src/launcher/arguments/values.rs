//! Values of flags: each reader returns the value or what it should have been.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::launcher::logs::Format;
use crate::launcher::terminal::Color;

/// The units a duration may have, longest name first, in seconds.
const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// A level by its Python name or by its `tracing` name, in any case.
pub(super) fn level(text: &str) -> Result<LevelFilter, String> {
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
    const ALL: [&str; 5] = ["running", "done", "rectified", "stuck", "resolved"];
    match ALL.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("one of {}", ALL.join(", "))),
    }
}

pub(super) fn graph_format(text: &str) -> Result<&'static str, String> {
    let formats = ["text", "mermaid", "dot", "svg"];
    formats.into_iter().find(|format| *format == text).ok_or_else(|| "text, mermaid, dot or svg".to_owned())
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

/// `10s`, `500ms`, `1.5m`, `1h`; a plain number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit = UNITS.iter().find_map(|(name, factor)| Some((text.strip_suffix(name)?, factor)));
    let (number, factor) = unit.unwrap_or((text, &1.0));
    let number: Option<f64> = number.parse().ok();
    let duration = number.and_then(|number| Duration::try_from_secs_f64(number * factor).ok());
    duration.ok_or_else(|| "a duration such as 10s, 500ms or 1.5m".to_owned())
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
    fn durations_have_units() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "s", "-1s", "1d", "inf", "nan", "1e400s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_a_plain_number() {
        assert_eq!(seconds("0.05"), Ok(Duration::from_millis(50)));
        assert!(seconds("5s").is_err());
        assert!(seconds("-1").is_err());
    }
}
