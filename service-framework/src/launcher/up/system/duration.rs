//! Durations as files say them.

use std::time::Duration;

use serde_json::Value as Json;

/// A number of seconds, or text: a number and `ms`, `s`, `m` or `h`.
pub(super) fn duration(json: &Json) -> Option<Duration> {
    match json {
        Json::Number(seconds) => Duration::try_from_secs_f64(seconds.as_f64()?).ok(),
        Json::String(text) => parse(text),
        _ => None,
    }
}

fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic())?;
    let seconds = match &text[digits..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(text[..digits].parse::<f64>().ok()? * seconds).ok()
}
