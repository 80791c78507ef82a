//! What a state was at one moment, to read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::map::{StateMap, write_all};
use super::raw::Raw;
use super::replica::{At, Life, Status};
use crate::model::{Misfit, OwnedMessage, Read, Typed};
use crate::value::msgpack::Reader;
use crate::value::{self, DecodeError, EncodeError, Value};

/// A key or a value of a state that is not of the type in which it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The key that is looked for cannot be written as MessagePack.
    #[error("the key {0}")]
    Key(#[from] EncodeError),
    /// What is there is of another type. Nothing is wrong with the state.
    #[error("of another type than was asked for: {0}")]
    Type(#[from] DecodeError),
    /// The state has several owners, and none of them was named (`.of(topic)`).
    #[error("the state has an owner for each topic, and none was named: {}", .topics.join(", "))]
    Owners {
        /// The topics of its owners.
        topics: Vec<String>,
    },
}

/// A delta state as it was when the view was taken: keys and values that no longer change.
///
/// Taking and cloning one costs nothing, however large the state is. Keys and values are kept as the bytes that they
/// came in and read into the type that is asked for; [`Value`] takes any.
#[derive(Clone, Debug)]
pub struct View {
    map: StateMap,
    at: Option<At>,
    status: Status,
}

impl View {
    pub(crate) fn new(map: StateMap, at: Option<At>, status: Status) -> Self {
        Self { map, at, status }
    }

    pub(crate) fn into_parts(self) -> (StateMap, Option<u64>) {
        let epoch = self.epoch();
        (self.map, epoch)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The value of a key.
    ///
    /// # Errors
    /// It is of another type than `V`.
    pub fn get<V: DeserializeOwned>(&self, key: impl Serialize) -> Result<Option<V>, ViewError> {
        let key = Raw::key(&value::encode(&key)?);
        let found = self.map.get(&key).map(|bytes| value::decode_checked(bytes));
        found.transpose().map_err(ViewError::from)
    }

    /// Whether a key is there.
    ///
    /// # Errors
    /// The key cannot be written.
    pub fn contains(&self, key: impl Serialize) -> Result<bool, ViewError> {
        Ok(self.map.contains_key(&Raw::key(&value::encode(&key)?)))
    }

    /// Every key with its value, in an order that stays the same.
    pub fn iter<K: DeserializeOwned, V: DeserializeOwned>(
        &self,
    ) -> impl Iterator<Item = Result<(K, V), ViewError>> {
        self.map
            .iter()
            .map(|(key, value)| Ok((value::decode_checked::<K>(key)?, value::decode_checked::<V>(value)?)))
    }

    /// All keys and values as a map.
    ///
    /// # Errors
    /// One of them is of another type.
    pub fn to_map<K: DeserializeOwned + Ord, V: DeserializeOwned>(
        &self,
    ) -> Result<BTreeMap<K, V>, ViewError> {
        self.iter().collect()
    }

    /// The state as a whole, such as a struct with a field for each key; optional ones for those that may be missing.
    ///
    /// # Errors
    /// It is of another type than `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, ViewError> {
        Ok(value::decode_checked(&self.to_msgpack())?)
    }

    /// The state as a MessagePack map.
    pub(crate) fn to_msgpack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_all(&self.map, &mut bytes);
        bytes
    }

    /// The state as a value of any kind: a [`Value::Map`].
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.read().unwrap_or(Value::Nil)
    }

    /// The number of the last update in it, counted by its owner from 0; `None` while there is nothing, and of an
    /// original owner as long as it is not known.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        self.at.and_then(|at| at.number)
    }

    /// Which life of its owner it is of; `None` while there is nothing, and of an original owner.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        match self.at?.life {
            Life::Counted(epoch) => Some(epoch),
            Life::Original => None,
        }
    }

    /// Whether it was what the owner had when it was taken.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }
}

/// As the types of a model have them, whose reading is the check.
impl View {
    pub(crate) fn get_typed<V: for<'de> Read<'de>>(
        &self,
        key: &(impl Typed + ?Sized),
    ) -> Result<Option<V>, ViewError> {
        let found = self.map.get(&typed_key(key));
        found.map(|bytes| V::read(&mut Reader::new(bytes)).map_err(beyond)).transpose()
    }

    pub(crate) fn contains_typed(&self, key: &(impl Typed + ?Sized)) -> bool {
        self.map.contains_key(&typed_key(key))
    }

    pub(crate) fn iter_typed<K, V>(&self) -> impl Iterator<Item = Result<(K, V), ViewError>>
    where
        K: for<'de> Read<'de>,
        V: for<'de> Read<'de>,
    {
        let read = |(key, value): (&Raw, &Raw)| {
            Ok((K::read(&mut Reader::new(key))?, V::read(&mut Reader::new(value))?))
        };
        self.map.iter().map(move |entry| read(entry).map_err(beyond))
    }

    pub(crate) fn read_typed<T: OwnedMessage>(&self) -> Result<T, ViewError> {
        read_message(&self.to_msgpack())
    }
}

impl FullView {
    pub(crate) fn read_typed<T: OwnedMessage>(&self) -> Result<Option<T>, ViewError> {
        self.value.as_ref().map(|bytes| read_message(bytes)).transpose()
    }
}

fn typed_key(key: &(impl Typed + ?Sized)) -> Raw {
    let mut bytes = Vec::new();
    key.write(&mut bytes);
    Raw::key(&bytes)
}

fn beyond(misfit: Misfit) -> ViewError {
    DecodeError::Shape(misfit.into_mismatch("value").to_string()).into()
}

fn read_message<T: OwnedMessage>(bytes: &[u8]) -> Result<T, ViewError> {
    T::read_owned(&mut Reader::new(bytes)).map_err(|misfit| {
        let found = T::from_msgpack(bytes).err().and_then(|found| found.into_iter().next());
        let found = found.unwrap_or_else(|| misfit.into_mismatch("state"));
        DecodeError::Shape(found.to_string()).into()
    })
}

/// A full state as it was when the view was taken.
#[derive(Clone, Debug)]
pub struct FullView {
    value: Option<Raw>,
    /// Epoch and number of the update that it is of.
    at: (Option<u64>, Option<u64>),
    status: Status,
}

impl FullView {
    pub(crate) fn new(value: Option<Raw>, at: (Option<u64>, Option<u64>), status: Status) -> Self {
        Self { value, at, status }
    }

    /// The state as MessagePack.
    pub(crate) fn raw(&self) -> Option<&[u8]> {
        self.value.as_deref()
    }

    /// The state; `None` while there is nothing yet.
    ///
    /// # Errors
    /// It is of another type than `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, ViewError> {
        Ok(self.value.as_ref().map(|bytes| value::decode_checked(bytes)).transpose()?)
    }

    /// The number of the update that it is of, counted by its owner's publisher from 0; `None` while there is nothing,
    /// of an original owner and of an own state.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.at.1
    }

    /// Which life of its owner it is of; `None` while there is nothing, of an original owner and of an own state.
    #[must_use]
    pub fn epoch(&self) -> Option<u64> {
        self.at.0
    }

    /// The state as a value of any kind; nil while there is nothing yet.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.read().ok().flatten().unwrap_or(Value::Nil)
    }

    /// Whether it was what the owner had when it was taken.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }
}

impl Status {
    /// Whether nothing is known to be missing.
    #[must_use]
    pub fn is_current(self) -> bool {
        self == Self::Current
    }

    /// In one word, for logs and other programs: `waiting`, `current` or `stale`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Current => "current",
            Self::Stale { .. } => "stale",
        }
    }

    /// For how long a state has not been current; `None` for one that is, or of which nothing is known yet.
    #[must_use]
    pub fn stale_for(self) -> Option<Duration> {
        match self {
            Self::Stale { since } => Some(Instant::now().saturating_duration_since(since)),
            Self::Waiting | Self::Current => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::map::apply;

    fn view(json: serde_json::Value) -> View {
        let mut map = StateMap::new();
        apply(&mut map, &Value::from_json(&json).unwrap().to_msgpack()).unwrap();
        View::new(map, None, Status::Current)
    }

    #[test]
    fn is_read_by_key_and_as_a_whole() {
        let view = view(serde_json::json!({"a": 1, "b": 2}));
        assert_eq!(view.get::<i64>("a"), Ok(Some(1)));
        assert_eq!(view.get::<i64>("c"), Ok(None));
        assert!(view.get::<String>("a").is_err());
        assert_eq!(view.to_map::<String, i64>().unwrap().len(), 2);
        #[derive(serde::Deserialize)]
        struct Book {
            a: i64,
            c: Option<i64>,
        }
        let book: Book = view.read().unwrap();
        assert_eq!((book.a, book.c), (1, None));
        assert_eq!(view.to_value().get("b"), Some(&Value::Int(2)));
    }
}
