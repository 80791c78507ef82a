//! Where two values differ, place by place.

use std::fmt;

use serde_json::Value as Json;

use super::Message;
use crate::value::Value;
use crate::wire::{Envelope, ErrorReply};

/// One place at which two values differ.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// Where, such as `lines[2].price`; empty for the whole.
    pub path: String,
    /// What was recorded there, in the JSON form of values; None if nothing.
    pub recorded: Option<Json>,
    /// What is there now; None if nothing.
    pub found: Option<Json>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |json: &Option<Json>| json.as_ref().map_or("nothing".to_owned(), Json::to_string);
        let place = if self.path.is_empty() { "all of it" } else { &self.path };
        write!(f, "{place}: recorded {}, now {}", shown(&self.recorded), shown(&self.found))
    }
}

/// Places that may differ: keys at any depth, or whole paths such as `order.id`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored(Vec<String>);

impl Ignored {
    /// These keys or paths.
    pub fn new<T: Into<String>>(places: impl IntoIterator<Item = T>) -> Self {
        Self(places.into_iter().map(Into::into).collect())
    }

    fn has(&self, path: &str, key: &str) -> bool {
        self.0.iter().any(|ignored| ignored == key || ignored == path)
    }
}

/// Every place at which a value is not what was recorded, but for those that may differ.
///
/// ```
/// use service_framework::Value;
/// use service_framework::recording::{Ignored, differences};
///
/// let value = |json| Value::from_json(&json).unwrap();
/// let recorded = value(serde_json::json!({"price": 3, "at": 7}));
/// let now = value(serde_json::json!({"price": 4, "at": 9}));
/// let found = differences(&recorded, &now, &Ignored::new(["at"]));
/// assert_eq!(found.len(), 1);
/// assert_eq!(found[0].to_string(), "price: recorded 3, now 4");
/// ```
#[must_use]
pub fn differences(recorded: &Value, found: &Value, ignored: &Ignored) -> Vec<Difference> {
    let mut differences = Vec::new();
    compare("", &recorded.to_json(), &found.to_json(), ignored, &mut differences);
    differences
}

fn compare(path: &str, recorded: &Json, found: &Json, ignored: &Ignored, differences: &mut Vec<Difference>) {
    match (recorded, found) {
        (Json::Object(was), Json::Object(is)) => {
            for key in was.keys().chain(is.keys().filter(|key| !was.contains_key(*key))) {
                let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if !ignored.has(&place, key) {
                    compare_parts(&place, was.get(key), is.get(key), ignored, differences);
                }
            }
        }
        (Json::Array(was), Json::Array(is)) => {
            for index in 0..was.len().max(is.len()) {
                let place = format!("{path}[{index}]");
                compare_parts(&place, was.get(index), is.get(index), ignored, differences);
            }
        }
        (was, is) if was == is => {}
        (was, is) => differ(path, Some(was), Some(is), differences),
    }
}

fn compare_parts(
    path: &str,
    recorded: Option<&Json>,
    found: Option<&Json>,
    ignored: &Ignored,
    differences: &mut Vec<Difference>,
) {
    match (recorded, found) {
        (Some(recorded), Some(found)) => compare(path, recorded, found, ignored, differences),
        (recorded, found) => differ(path, recorded, found, differences),
    }
}

fn differ(path: &str, recorded: Option<&Json>, found: Option<&Json>, differences: &mut Vec<Difference>) {
    let path = path.to_owned();
    differences.push(Difference { path, recorded: recorded.cloned(), found: found.cloned() });
}

/// How an answer differs from a recorded reply: in its return arguments, or in whether and with which code it is an error.
#[must_use]
pub(crate) fn answer_differences(
    recorded: &Message,
    found: &Envelope<'_>,
    ignored: &Ignored,
) -> Vec<Difference> {
    let was = recorded.error().map(|error| Json::from(error.code));
    let is = found.error.and_then(|error| ErrorReply::from_msgpack(error).ok());
    let is = is.map(|error| Json::from(error.code));
    if was != is {
        return vec![Difference { path: "error".into(), recorded: was, found: is }];
    }
    if was.is_some() {
        return Vec::new();
    }
    let read =
        |args: Option<&[u8]>| args.and_then(|args| Value::from_msgpack(args).ok()).unwrap_or(Value::Nil);
    differences(&read(recorded.arguments_as_msgpack()), &read(found.return_args), ignored)
}
