//! Values as the JSON that a client of a program reads and writes: a table is a table, whatever its keys are.

use serde_json::Value as Json;

use crate::value::Value;

/// Lists and tables within each other. As an entry of a pool it is one deeper, and a message may have 128.
pub(in crate::program) const MAX_DEPTH: usize = 120;

/// The value that JSON means; None if it is too deep.
pub(in crate::program) fn from_json(json: &Json) -> Option<Value> {
    within(json, MAX_DEPTH)
}

fn within(json: &Json, depth: usize) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Nil,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => from_number(number),
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(items) => {
            let depth = depth.checked_sub(1)?;
            Value::List(items.iter().map(|item| within(item, depth)).collect::<Option<_>>()?)
        }
        Json::Object(entries) => {
            let depth = depth.checked_sub(1)?;
            let entry = |(key, json): (&String, &Json)| Some((Value::Str(key.clone()), within(json, depth)?));
            Value::Map(entries.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}

fn from_number(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => Value::Int(number),
        (None, Some(number)) => Value::UInt(number),
        (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// The JSON of a value that came from JSON; what JSON does not know is in the JSON form of values.
pub(in crate::program) fn to_json(value: &Value) -> Json {
    match value {
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| Some((key.as_str()?.to_owned(), to_json(value)));
            match entries.iter().map(entry).collect() {
                Some(object) => Json::Object(object),
                None => value.to_json(),
            }
        }
        scalar => scalar.to_json(),
    }
}
