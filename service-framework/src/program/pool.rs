//! Pool: the values that the hooks of a run share.

use std::collections::HashSet;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::error::HookError;
use super::plain;
use super::spec::is_framework_name;
use crate::model::{Message, OwnedMessage};
use crate::value::Value;
use crate::value::msgpack::Reader;

// The framework's own names, as `spec::FRAMEWORK_NAMES` lists them.
pub(crate) const PROGRAM_FAIL: &str = "_program_fail";
pub(crate) const DEPENDENCY_FAIL: &str = "_dependency_fail";
pub(crate) const RECTIFIER_FAIL: &str = "_rectifier_fail";
pub(crate) const LAST_FAILED: &str = "_last_failed_program";
pub(crate) const TRACEBACK: &str = "_traceback";
pub(crate) const PROGRAM_NAME: &str = "_program_name";
pub(crate) const TIME_START: &str = "_program_time_start";
pub(crate) const IN_DOUBT: &str = "_in_doubt";
pub(crate) const CANCELLED: &str = "_cancelled";

/// The values of one run by name, in the order in which they came.
///
/// ```
/// # #[cfg(feature = "programs")] {
/// use service_framework::program::Pool;
///
/// let mut pool = Pool::new();
/// pool.set("amount", 5);
/// assert_eq!(pool.get("amount").and_then(|amount| amount.as_i64()), Some(5));
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Pool {
    values: IndexMap<String, Value>,
    /// What stood where something was changed since the pool is watched.
    before: IndexMap<String, Option<Value>>,
}

/// Equal pools hold equal values under equal names, in whatever order.
impl PartialEq for Pool {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl Pool {
    /// One without values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Whether there is a value of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Sets the value of this name.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let old = self.values.insert(name.to_owned(), value.into());
        self.note(name, old);
    }

    /// Takes the value of this name out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let old = self.values.shift_remove(name)?;
        self.note(name, Some(old.clone()));
        Some(old)
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values that are the arguments of a type.
    ///
    /// # Errors
    /// One is missing or of another type; the error says which and what it should be.
    pub fn read<M: OwnedMessage>(&self) -> Result<M, HookError> {
        let arguments = M::arguments();
        let fields = arguments.names().filter_map(|name| Some((name, self.get(name)?.clone())));
        let bytes = fields.collect::<Value>().to_msgpack();
        let mut reader = Reader::new(&bytes);
        M::read_owned(&mut reader).map_err(|misfit| {
            let mismatch = misfit.into_mismatch("");
            HookError::new(format!("the pool does not have what the hook reads: {mismatch}"))
        })
    }

    /// Sets the values that a message has; those that are `None` are left as they are.
    ///
    /// # Errors
    /// The message cannot be read back, which derived ones can.
    pub fn write(&mut self, message: &impl Message) -> Result<(), HookError> {
        match Value::from_msgpack(&message.to_msgpack()) {
            Ok(value) => self.merge(value),
            Err(error) => Err(HookError::new(format!("what the hook returned is no map: {error}"))),
        }
    }

    /// Sets every entry of a map.
    ///
    /// # Errors
    /// It is no map from text.
    pub fn merge(&mut self, value: Value) -> Result<(), HookError> {
        for (name, value) in entries(value)? {
            self.set(&name, value);
        }
        Ok(())
    }

    /// Puts what a map holds in the place of everything but the framework's own keys.
    ///
    /// # Errors
    /// It is no map from text.
    pub fn replace(&mut self, value: Value) -> Result<(), HookError> {
        let entries = entries(value)?;
        let named: HashSet<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        let is_kept = |name: &str| is_framework_name(name) || named.contains(name);
        let gone: Vec<String> = self.values.keys().filter(|name| !is_kept(name)).cloned().collect();
        for name in gone {
            self.remove(&name);
        }
        for (name, value) in entries {
            self.set(&name, value);
        }
        Ok(())
    }

    /// The pool as one value.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.iter().map(|(name, value)| (name, value.clone())).collect()
    }

    /// A pool of the entries of a map.
    ///
    /// # Errors
    /// It is no map from text.
    pub fn from_value(value: Value) -> Result<Self, HookError> {
        let mut pool = Self::new();
        pool.merge(value)?;
        pool.before.clear();
        Ok(pool)
    }

    /// The pool as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::Object(self.iter().map(|(name, value)| (name.to_owned(), plain::to_json(value))).collect())
    }

    /// A pool from a JSON object. Tables are tables, whatever their keys are.
    ///
    /// # Errors
    /// Lists and tables stand more than 120 deep within each other.
    pub fn from_json(entries: &Map<String, Json>) -> Result<Self, HookError> {
        let read = |(name, json): (&String, &Json)| Some((name.clone(), plain::from_json(json)?));
        let values: Option<_> = entries.iter().map(read).collect();
        let deep = || HookError::new(format!("lists and tables stand more than {} deep", plain::MAX_DEPTH));
        Ok(Self { values: values.ok_or_else(deep)?, before: IndexMap::new() })
    }

    /// Puts what a JSON object holds in the place of everything but the framework's own keys.
    ///
    /// # Errors
    /// As [`Pool::from_json`].
    pub fn replace_json(&mut self, entries: &Map<String, Json>) -> Result<(), HookError> {
        self.replace(Self::from_json(entries)?.to_value())
    }

    /// Whether the value of this name counts as true in Python: neither nothing, false, zero nor empty.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        match self.get(name) {
            None | Some(Value::Nil | Value::Bool(false) | Value::Int(0)) => false,
            Some(Value::Float(number)) => *number != 0.0,
            Some(Value::Str(text)) => !text.is_empty(),
            Some(Value::List(items) | Value::Set(items)) => !items.is_empty(),
            Some(Value::Map(entries)) => !entries.is_empty(),
            Some(Value::Bytes(bytes)) => !bytes.is_empty(),
            Some(_) => true,
        }
    }

    fn note(&mut self, name: &str, old: Option<Value>) {
        if !self.before.contains_key(name) {
            self.before.insert(name.to_owned(), old);
        }
    }

    /// Forgets what was changed so far.
    pub(crate) fn watch(&mut self) {
        self.before.clear();
    }

    /// Takes back everything that was changed since the pool is watched, and returns it.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        for (name, old) in std::mem::take(&mut self.before) {
            if old.as_ref() == self.values.get(&name) {
                continue;
            }
            let new = match old {
                Some(old) => self.values.insert(name.clone(), old),
                None => self.values.shift_remove(&name),
            };
            match new {
                Some(new) => changes.set.push((name, new)),
                None => changes.removed.push(name),
            }
        }
        changes
    }

    /// Makes changes that were taken back, here or elsewhere.
    pub(crate) fn apply(&mut self, changes: Changes) {
        for name in changes.removed {
            self.values.shift_remove(&name);
        }
        self.values.extend(changes.set);
    }
}

fn entries(value: Value) -> Result<Vec<(String, Value)>, HookError> {
    let Value::Map(entries) = value else {
        return Err(HookError::new("a pool is a map from names to values, and this is none"));
    };
    let named = entries.into_iter().map(|(name, value)| match name {
        Value::Str(name) => Ok((name, value)),
        other => Err(HookError::new(format!("a name in a pool is text, not {other:?}"))),
    });
    named.collect()
}

/// What one hook changed in a pool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Values that are new or others than before.
    pub set: Vec<(String, Value)>,
    /// Names that are gone.
    pub removed: Vec<String>,
}

impl Changes {
    /// What was set, as a JSON object: tables are tables, whatever their keys are.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::Object(self.set.iter().map(|(name, value)| (name.clone(), plain::to_json(value))).collect())
    }
}
