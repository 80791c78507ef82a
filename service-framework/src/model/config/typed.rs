//! A config as a type of the service's own, so read that an error names its key.

use std::fmt;

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::value::Value;

/// Reads the entries of a config as a `T`; the error says which key does not fit.
pub(super) fn read<T: DeserializeOwned>(entries: &[(String, Value)]) -> Result<T, Unfit> {
    T::deserialize(Entries { left: entries, current: None })
}

/// What does not fit; the text is serde's, with the key in front if it is that of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unfit(String);

impl Unfit {
    pub(super) fn of_key(key: &str, reason: &str) -> Self {
        Self(format!("`{key}`: {reason}"))
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unfit {}

impl Error for Unfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

struct Entries<'a> {
    left: &'a [(String, Value)],
    current: Option<&'a (String, Value)>,
}

impl<'de> Deserializer<'de> for Entries<'_> {
    type Error = Unfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_map(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &str, visitor: V) -> Result<V::Value, Unfit> {
        visitor.visit_newtype_struct(self)
    }

    /// The values are MessagePack.
    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Unfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Unfit> {
        let Some((first, rest)) = self.left.split_first() else { return Ok(None) };
        (self.current, self.left) = (Some(first), rest);
        seed.deserialize(first.0.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Unfit> {
        let Some((key, value)) = self.current.take() else {
            return Err(Unfit::custom("no key before this value"));
        };
        let bytes = value.to_msgpack();
        let mut reader = rmp_serde::Deserializer::new(&bytes[..]);
        seed.deserialize(&mut reader).map_err(|error| Unfit::of_key(key, &error.to_string()))
    }
}
