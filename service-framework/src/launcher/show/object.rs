//! A state as JSON, for machines.

use serde_json::{Value as Json, json};

use super::follow::Look;
use crate::value::Value;

/// The state without what is in it.
pub(super) fn standing(name: &str, look: Option<&Look>) -> Json {
    json!({
        "state": name,
        "status": look.map_or("waiting", |look| look.status().word()),
        "number": look.and_then(Look::number),
        "epoch": look.and_then(Look::epoch),
        "keys": look.map_or(0, Look::keys),
    })
}

/// The state with all that is in it; null while there is nothing yet.
pub(super) fn whole(name: &str, look: Option<&Look>) -> Json {
    let mut object = standing(name, look);
    object["value"] = look.and_then(Look::value).map_or(Json::Null, |value| value.to_json());
    object
}

/// The state with what one update changed in it: keys with their new values, null for those that are gone.
pub(super) fn change(name: &str, look: &Look, update: Update) -> Json {
    let mut object = standing(name, Some(look));
    object["number"] = json!(update.number);
    object["changes"] = update.changes.to_json();
    if !update.others.is_empty() {
        object["arguments"] = Value::Map(update.others).to_json();
    }
    object
}

/// An update taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Update {
    pub(super) number: Option<i64>,
    pub(super) changes: Value,
    /// What travelled with it.
    pub(super) others: Vec<(Value, Value)>,
}

impl Update {
    /// Takes the arguments of an update apart.
    pub(super) fn read(args: Value) -> Self {
        let mut update = Self { number: None, changes: Value::Map(Vec::new()), others: Vec::new() };
        let Value::Map(entries) = args else { return update };
        for (name, value) in entries {
            match name.as_str() {
                Some("current_num") => update.number = value.as_i64(),
                Some("state") => update.changes = value,
                Some("is_snapshot") => {}
                _ => update.others.push((name, value)),
            }
        }
        update
    }
}
