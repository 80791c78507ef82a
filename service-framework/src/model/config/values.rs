//! Config values: the keys of a running service, in the order in which they were declared or came.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::typed;
use crate::model::problem::Problem;
use crate::value::Value;

/// The config of a service. Keys are unique and keep their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    entries: Vec<(String, Value)>,
}

/// The config does not fit the type that it was asked for as. It is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the config is not of the type asked for: {0}")]
pub struct ConfigError(typed::Unfit);

impl ConfigError {
    /// As one of all problems of a start; `of` is the type that was asked for.
    pub(crate) fn problem(&self, of: &str) -> Problem {
        Problem::new("config", format!("a config of type `{of}`"), self.0.to_string())
    }

    /// What is wrong with one key.
    pub(crate) fn of_key(key: &str, reason: &str) -> Self {
        Self(typed::Unfit::of_key(key, reason))
    }
}

impl Config {
    /// An empty config.
    pub fn new() -> Self {
        Config::default()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Sets a key; a new one comes last.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key, value)),
        }
    }

    /// Removes a key, if it is there.
    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|(known, _)| known != key);
    }

    /// Every key with its value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether it has no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of it as a type with a field for each key that matters.
    ///
    /// # Errors
    /// A key is missing or is of another type.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        typed::read(&self.entries).map_err(ConfigError)
    }

    /// All of it as a map.
    pub fn to_value(&self) -> Value {
        let entry = |(key, value): &(String, Value)| (Value::Str(key.clone()), value.clone());
        Value::Map(self.entries.iter().map(entry).collect())
    }

    /// All of it in the JSON form of values.
    pub fn to_json(&self) -> Json {
        Json::Object(self.entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect())
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Config {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut config = Config::new();
        entries.into_iter().for_each(|(key, value)| config.set(key, value));
        config
    }
}
