//! Args: what a pool holds at the start, before a hook and at the end.

use serde_json::Value as Json;

use super::ArgType;
use super::keys::Keys;
use super::names::check_arg_name;
use crate::model::{Problem, describe};
use crate::program::plain;
use crate::value::Value;

/// One entry of a pool that a program or a hook declares.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// Its key in the pool.
    pub name: String,
    /// What it may be.
    pub kind: ArgType,
    /// What it is for; empty where nobody said.
    pub description: String,
    /// What it is if the pool does not have it.
    pub default: Option<Value>,
    /// Whether the pool must have it; a default counts.
    pub required: bool,
}

const KEYS: [&str; 4] = ["type", "description", "default", "required"];

/// Reads `{name: arg}` under `key`, which must be there.
pub(super) fn read_args(table: &mut Keys<'_, '_>, key: &str) -> Vec<Arg> {
    let Some(args) = table.required_table(key, "a table of args; `{}` if there are none") else {
        return Vec::new();
    };
    let mut read = Vec::new();
    for (name, json) in args.entries() {
        let path = args.path_of(name);
        check_arg_name(name, &path, args.problems);
        read.extend(
            Keys::open(json, &path, args.problems, &KEYS).and_then(|mut arg| read_arg(name, &mut arg)),
        );
    }
    read
}

fn read_arg(name: &str, table: &mut Keys<'_, '_>) -> Option<Arg> {
    let kind = read_type(table);
    let required = table.required("required", "true or false", Json::as_bool);
    let description = table.text("description").unwrap_or_default();
    let default = kind.and_then(|kind| read_default(table, kind));
    Some(Arg { name: name.to_owned(), kind: kind?, description, default, required: required? })
}

fn read_type(table: &mut Keys<'_, '_>) -> Option<ArgType> {
    let word = table.required_text("type", ArgType::EXPECTED)?;
    let kind = ArgType::from_word(&word);
    if kind.is_none() {
        let problem = Problem::new(table.path_of("type"), ArgType::EXPECTED, format!("{word:?}"));
        table.problems.push(match ArgType::meant_by(&word) {
            Some(kind) => problem.with_hint(format!("did you mean `{}`?", kind.as_str())),
            None => problem.with_near_miss(&word, ArgType::WORDS),
        });
    }
    kind
}

fn read_default(table: &mut Keys<'_, '_>, kind: ArgType) -> Option<Value> {
    let json = table.get("default")?;
    let path = table.path_of("default");
    let Some(value) = plain::from_json(json) else {
        let expected = format!("at most {} lists and tables within each other", plain::MAX_DEPTH);
        table.problems.push(Problem::new(path, expected, "more"));
        return None;
    };
    if kind.accepts_default(&value) {
        return Some(value);
    }
    let problem = Problem::new(path, kind.described(), describe(json));
    table.problems.push(match hint(kind, &value, json) {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    });
    None
}

/// How the default was probably meant.
fn hint(kind: ArgType, value: &Value, json: &Json) -> Option<String> {
    match (kind, value) {
        (ArgType::Float, Value::Int(_) | Value::UInt(_)) => Some(format!("write `{json}.0`")),
        (ArgType::Int, Value::Float(number)) if number.abs() >= 9e15 => {
            Some("an int is one of 64 bits".to_owned())
        }
        (ArgType::Int, Value::Float(number)) if number.fract() == 0.0 => Some(format!("write `{number:.0}`")),
        (ArgType::Bool, Value::Int(0)) => Some("write `false`".to_owned()),
        (ArgType::Bool, Value::Int(1)) => Some("write `true`".to_owned()),
        (ArgType::Str, Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Bool(_)) => {
            Some(format!("write `\"{json}\"`"))
        }
        (ArgType::Int | ArgType::Float | ArgType::Bool, Value::Str(text)) => {
            let inner = plain::from_json(&serde_json::from_str(text).ok()?)?;
            kind.accepts_default(&inner).then(|| format!("write `{text}`, without quotes"))
        }
        _ => None,
    }
}
