//! The JSON form of values, which holds all that MessagePack holds.
//!
//! What JSON knows stands for itself. The rest are objects of two entries in the style of the tagged maps:
//!
//! | value | JSON |
//! | --- | --- |
//! | decimal, UUID, set, datetime, … | the tagged map itself |
//! | bytes | `{"__bytes__": true, "as_base64": "AP8="}` |
//! | NaN, infinities | `{"__float__": true, "as_str": "nan"}`, `"inf"`, `"-inf"` |
//! | maps with keys that are not all text | `{"__map__": true, "value": [[key, value], …]}` |
//! | MessagePack extensions | `{"__ext__": true, "value": [type, bytes]}` |
//!
//! So an object in which one of these tags is a key must be such an object, and a map that merely has such a key
//! is written as `__map__`: every value is read back as it was.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use super::serde_tagged::Keys;
use super::{Tag, Value, tag};

pub(crate) const BYTES: Keys = ("__bytes__", "as_base64");
pub(crate) const FLOAT: Keys = ("__float__", "as_str");
pub(crate) const MAP: Keys = ("__map__", "value");
const EXT: Keys = ("__ext__", "value");

/// JSON that is not the JSON form of any value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}expected {expected}, found {found}", if path.is_empty() { String::new() } else { format!("at `{path}`: ") })]
pub struct JsonError {
    /// Where it stands: `book[3].price`; empty for the whole.
    pub path: String,
    /// What should stand there.
    pub expected: String,
    /// What stands there, as JSON, its first 80 characters at most.
    pub found: String,
}

impl Value {
    /// The JSON form.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Value::Nil => Json::Null,
            Value::Bool(truth) => Json::Bool(*truth),
            Value::Int(number) => json!(number),
            Value::UInt(number) => json!(number),
            Value::Float(number) => float_to_json(*number),
            Value::Str(text) => Json::String(text.clone()),
            Value::Bytes(bytes) => bytes_to_json(bytes),
            Value::List(items) => list_to_json(items),
            Value::Map(entries) => map_to_json(entries),
            Value::Decimal(number) => tagged(Tag::Decimal.keys(), number.as_str()),
            Value::Uuid(id) => tagged(Tag::Uuid.keys(), id.to_string()),
            Value::DateTime(time) => tagged(Tag::DateTime.keys(), time.as_str()),
            Value::Date(date) => tagged(Tag::Date.keys(), date.as_str()),
            Value::Time(time) => tagged(Tag::Time.keys(), time.as_str()),
            Value::TimeDelta(delta) => tagged(Tag::TimeDelta.keys(), delta.to_string()),
            Value::Set(items) => tagged(Tag::Set.keys(), list_to_json(items)),
            Value::NdArray(bytes) => tagged(Tag::NdArray.keys(), bytes_to_json(bytes)),
            Value::Ext(kind, bytes) => tagged(EXT, json!([kind, bytes_to_json(bytes)])),
        }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// An object has one of the tags as a key and is not what the tag says: the first such.
    pub fn from_json(json: &Json) -> Result<Value, JsonError> {
        Ok(match json {
            Json::Null => Value::Nil,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => from_number(number),
            Json::String(text) => Value::Str(text.clone()),
            Json::Array(items) => Value::List(from_items(items)?),
            Json::Object(entries) => return from_object(entries),
        })
    }
}

fn tagged(keys: Keys, inner: impl Into<Json>) -> Json {
    let entries = [(keys.0.to_owned(), Json::Bool(true)), (keys.1.to_owned(), inner.into())];
    Json::Object(Map::from_iter(entries))
}

fn float_to_json(number: f64) -> Json {
    match serde_json::Number::from_f64(number) {
        Some(number) => Json::Number(number),
        None if number.is_nan() => tagged(FLOAT, "nan"),
        None if number > 0.0 => tagged(FLOAT, "inf"),
        None => tagged(FLOAT, "-inf"),
    }
}

fn bytes_to_json(bytes: &[u8]) -> Json {
    tagged(BYTES, to_base64(bytes))
}

fn list_to_json(items: &[Value]) -> Json {
    items.iter().map(Value::to_json).collect()
}

fn map_to_json(entries: &[(Value, Value)]) -> Json {
    let object: Option<Map<String, Json>> = entries
        .iter()
        .map(|(key, value)| {
            let key = key.as_str().filter(|key| keys_of(key).is_none())?;
            Some((key.to_owned(), value.to_json()))
        })
        .collect();
    let pairs = || entries.iter().map(|(key, value)| json!([key.to_json(), value.to_json()])).collect();
    object.map_or_else(|| tagged(MAP, Json::Array(pairs())), Json::Object)
}

fn from_number(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(number), _) => Value::Int(number),
        (None, Some(number)) => Value::UInt(number),
        (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn from_items(items: &[Json]) -> Result<Vec<Value>, JsonError> {
    let read =
        |(at, item)| Value::from_json(item).map_err(|error: JsonError| error.below(&format!("[{at}]")));
    items.iter().enumerate().map(read).collect()
}

fn from_object(object: &Map<String, Json>) -> Result<Value, JsonError> {
    let entries = object
        .iter()
        .map(|(key, value)| match Value::from_json(value) {
            Ok(value) => Ok((Value::Str(key.clone()), value)),
            Err(error) => Err(error.below(key)),
        })
        .collect::<Result<_, _>>()?;
    from_entries(entries).map_err(|expected| JsonError::new(expected, object))
}

impl JsonError {
    fn new(expected: String, found: &Map<String, Json>) -> Self {
        let found = Json::Object(found.clone()).to_string().chars().take(80).collect();
        Self { path: String::new(), expected, found }
    }

    /// The same, seen from the container in which it stands at `step`.
    fn below(mut self, step: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{step}{dot}{}", self.path);
        self
    }
}

/// The value that an object with these entries means; otherwise what was expected.
pub(super) fn from_entries(entries: Vec<(Value, Value)>) -> Result<Value, String> {
    let Some(keys) = entries.iter().find_map(|(key, _)| keys_of(key.as_str()?)) else {
        return Ok(tag::from_entries(entries));
    };
    inner_of(entries, keys)
        .and_then(|inner| apply(keys, inner))
        .ok_or_else(|| format!("`{}`: true and `{}` with {}", keys.0, keys.1, meaning(keys)))
}

/// The keys of the tagged object in which `key` is the tag.
fn keys_of(key: &str) -> Option<Keys> {
    let own = || [BYTES, FLOAT, MAP, EXT].into_iter().find(|keys| keys.0 == key);
    Tag::from_key(key).map(Tag::keys).or_else(own)
}

/// What is tagged, if there is nothing else beside the tag.
fn inner_of(entries: Vec<(Value, Value)>, keys: Keys) -> Option<Value> {
    let [first, second] = <[_; 2]>::try_from(entries).ok()?;
    let (tag, inner) = if first.0.as_str() == Some(keys.0) { (first, second) } else { (second, first) };
    let fits = tag.1 == Value::Bool(true) && inner.0.as_str() == Some(keys.1);
    fits.then_some(inner.1)
}

fn apply(keys: Keys, inner: Value) -> Option<Value> {
    match (keys, inner) {
        (BYTES, Value::Str(text)) => from_base64(&text).ok().map(Value::Bytes),
        (FLOAT, Value::Str(text)) => float_from(&text),
        (MAP, Value::List(pairs)) => pairs.into_iter().map(pair).collect::<Option<_>>().map(Value::Map),
        (EXT, inner) => ext(inner),
        (keys, inner) => Tag::from_key(keys.0)?.apply(inner).ok(),
    }
}

fn float_from(text: &str) -> Option<Value> {
    match text {
        "nan" => Some(Value::Float(f64::NAN)),
        "inf" => Some(Value::Float(f64::INFINITY)),
        "-inf" => Some(Value::Float(f64::NEG_INFINITY)),
        _ => None,
    }
}

fn pair(pair: Value) -> Option<(Value, Value)> {
    let Value::List(pair) = pair else { return None };
    <[Value; 2]>::try_from(pair).ok().map(|[key, value]| (key, value))
}

fn ext(inner: Value) -> Option<Value> {
    let (Value::Int(kind), Value::Bytes(bytes)) = pair(inner)? else { return None };
    i8::try_from(kind).ok().map(|kind| Value::Ext(kind, bytes))
}

/// What must stand beside the tag, for a message.
fn meaning(keys: Keys) -> &'static str {
    match keys {
        BYTES => "base64",
        FLOAT => "nan, inf or -inf",
        MAP => "a list of [key, value]",
        EXT => "[type, bytes]",
        (key, _) => match Tag::from_key(key) {
            Some(Tag::Decimal) => "a decimal number",
            Some(Tag::Uuid) => "a UUID",
            Some(Tag::DateTime) => "a point in time",
            Some(Tag::Date) => "a day",
            Some(Tag::Time) => "a time of day",
            Some(Tag::TimeDelta) => "seconds such as PT1.5S",
            Some(Tag::Set) => "a list",
            Some(Tag::NdArray) | None => "bytes",
        },
    }
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(text)
}

#[cfg(test)]
mod tests;
