//! Values in a journal: a table stays a table when it is read again, also one with the keys of a tagged value.
//!
//! A key that would make a table mean something else is written with a mark before it, and so is one that has such marks already.

use serde::{Serialize, Serializer};

use crate::program::pool::Pool;
use crate::value::{Set, Tag, Value};

/// Stands before a key that is to mean nothing.
const MARK: char = '\u{1}';

fn is_tag(key: &str) -> bool {
    Tag::from_key(key.trim_start_matches(MARK)).is_some()
}

/// A value as it is written.
pub(super) struct Plain<'a>(pub(super) &'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::List(items) => serializer.collect_seq(items.iter().map(Plain)),
            Value::Set(items) => Set(items.iter().map(Plain).collect()).serialize(serializer),
            Value::Map(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (Key(key), Plain(value))))
            }
            other => other.serialize(serializer),
        }
    }
}

struct Key<'a>(&'a Value);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Str(name) => Name(name).serialize(serializer),
            key => Plain(key).serialize(serializer),
        }
    }
}

/// A pool as it is written.
pub(super) struct PlainPool<'a>(pub(super) &'a Pool);

impl Serialize for PlainPool<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A pool is no value: whatever its names are, it is one table.
        serializer.collect_map(self.0.iter().map(|(name, value)| (Name(name), Plain(value))))
    }
}

struct Name<'a>(&'a str);

impl Serialize for Name<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match is_tag(self.0) {
            true => serializer.serialize_str(&format!("{MARK}{}", self.0)),
            false => serializer.serialize_str(self.0),
        }
    }
}

/// Takes the marks off a value that was read.
pub(super) fn from_plain(value: &mut Value) {
    match value {
        Value::List(items) | Value::Set(items) => items.iter_mut().for_each(from_plain),
        Value::Map(entries) => {
            for (key, value) in entries {
                unmark(key);
                from_plain(value);
            }
        }
        _ => {}
    }
}

fn unmark(key: &mut Value) {
    match key {
        Value::Str(name) if name.starts_with(MARK) && is_tag(name) => drop(name.remove(0)),
        Value::Str(_) => {}
        other => from_plain(other),
    }
}
