//! Config values from text: command line and environment, by the type of their key.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::fit::{fit, is_of};
use crate::model::types::Type;
use crate::value::{TimeDelta, Value};

/// The value that `text` means where a `of` is wanted; None if it means none.
///
/// Scalars are written plainly, bytes in base64, all that has parts in JSON. `null` and `none` are the nil of an
/// optional; of a union the first member that the text fits counts.
pub(super) fn from_text(text: &str, of: &Type) -> Option<Value> {
    match of {
        Type::Any => Some(from_json_text(text).unwrap_or_else(|| Value::Str(text.to_owned()))),
        Type::None => is_none(text).then_some(Value::Nil),
        Type::Optional(_) if is_none(text) => Some(Value::Nil),
        Type::Optional(inner) => from_text(text, inner),
        Type::Union(members) => {
            members.iter().find_map(|member| from_text(text, member).filter(|value| is_of(value, member)))
        }
        Type::Literal(values) => values.iter().find(|value| is_text_of(value, text)).cloned(),
        Type::Schema(_) => Some(from_json_text(text).unwrap_or_else(|| Value::Str(text.to_owned()))),
        Type::List(_) | Type::Tuple(_) | Type::Set(_) | Type::Map(..) | Type::Record(_) => {
            from_json_text(text).map(|value| fit(value, of))
        }
        scalar => scalar_from_text(text, scalar),
    }
}

/// The scalar that `text` means where a `of` is wanted; None also if `of` is no scalar.
pub(super) fn scalar_from_text(text: &str, of: &Type) -> Option<Value> {
    match of {
        Type::Str => Some(Value::Str(text.to_owned())),
        Type::Int => int(text),
        Type::Float => text.parse().ok().map(Value::Float),
        Type::Bool => flag(text).map(Value::Bool),
        Type::Bytes => STANDARD.decode(text).ok().map(Value::Bytes),
        Type::Decimal => text.parse().ok().map(Value::Decimal),
        Type::DateTime => text.parse().ok().map(Value::DateTime),
        Type::Date => text.parse().ok().map(Value::Date),
        Type::Time => text.parse().ok().map(Value::Time),
        Type::TimeDelta => duration(text).map(Value::TimeDelta),
        Type::Uuid => text.parse().ok().map(Value::Uuid),
        _ => None,
    }
}

/// How a value of this type is written, where its name does not say it.
pub(super) fn example(of: &Type) -> Option<&'static str> {
    Some(match of {
        Type::Bool => "true, false, 1, 0, yes, no, on or off",
        Type::Bytes => "base64, such as aGVsbG8=",
        Type::Decimal => "such as 12.50",
        Type::DateTime => "such as 2026-08-18T09:30:00",
        Type::Date => "such as 2026-08-18",
        Type::Time => "such as 09:30:00",
        Type::TimeDelta => "such as 5s, 500ms, 2m, 1h, 1d or PT1.5S",
        Type::Uuid => "such as 12345678-1234-5678-1234-567812345678",
        Type::List(_) | Type::Tuple(_) | Type::Set(_) => "JSON, such as [1, 2]",
        Type::Map(..) | Type::Record(_) => r#"JSON, such as {"key": 1}"#,
        Type::Optional(inner) => return example(inner),
        _ => return None,
    })
}

fn from_json_text(text: &str) -> Option<Value> {
    let json: Json = serde_json::from_str(text).ok()?;
    Value::from_json(&json).ok()
}

fn is_none(text: &str) -> bool {
    ["null", "none"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn int(text: &str) -> Option<Value> {
    match text.parse() {
        Ok(number) => Some(Value::Int(number)),
        Err(_) => text.parse().ok().map(Value::UInt),
    }
}

fn is_text_of(value: &Value, text: &str) -> bool {
    match value {
        Value::Str(word) => word == text,
        Value::Nil => is_none(text),
        Value::Bool(value) => flag(text) == Some(*value),
        Value::Float(number) => text.parse() == Ok(*number),
        number => int(text).as_ref() == Some(number),
    }
}

/// A span of time: `PT1.5S`, or a number with a unit from `ns` to `d`, with a sign or without.
pub(crate) fn duration(text: &str) -> Option<TimeDelta> {
    if let Ok(delta) = text.parse() {
        return Some(delta);
    }
    match text.strip_prefix('-') {
        Some(text) => with_unit(text).map(|span| TimeDelta::from(span).negated()),
        None => with_unit(text.strip_prefix('+').unwrap_or(text)).map(TimeDelta::from),
    }
}

const NANOS_OF_UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
    ("d", 86_400 * 1_000_000_000),
];

fn with_unit(text: &str) -> Option<Duration> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let (_, nanos) = NANOS_OF_UNITS.into_iter().find(|(name, _)| *name == unit.trim_start())?;
    let nanos = billionths(number)?.checked_mul(nanos)? / 1_000_000_000;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?))
}

/// A decimal number in billionths, exactly; at most nine digits may follow the point.
fn billionths(number: &str) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let whole: u128 = whole.parse().ok()?;
    let fraction: u128 = format!("{fraction:0<9}").parse().ok()?;
    whole.checked_mul(1_000_000_000)?.checked_add(fraction)
}
