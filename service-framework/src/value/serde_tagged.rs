//! serde for the types that travel as tagged maps, so that plain structs can have them as fields.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use super::{Bytes, Date, DateTime, Decimal, Set, Tag, Time, TimeDelta, Uuid, json};

/// The keys of a tagged map: that of the tag, and that of what it tags.
pub(crate) type Keys = (&'static str, &'static str);

impl Tag {
    pub(crate) fn keys(self) -> Keys {
        (self.key(), self.value_key())
    }
}

fn write<S, T>(serializer: S, keys: Keys, inner: &T) -> Result<S::Ok, S::Error>
where
    S: Serializer,
    T: Serialize + ?Sized,
{
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry(keys.0, &true)?;
    map.serialize_entry(keys.1, inner)?;
    map.end()
}

/// Reads a tagged map with an inner `T`, the tag first or last.
struct TaggedVisitor<T> {
    keys: Keys,
    inner: PhantomData<T>,
}

impl<T> TaggedVisitor<T> {
    fn new(keys: Keys) -> Self {
        Self { keys, inner: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for TaggedVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of `{}`: true and `{}`", self.keys.0, self.keys.1)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let (mut is_tagged, mut inner) = (false, None);
        while let Some(part) = map.next_key_seed(PartSeed(self.keys))? {
            match part {
                Part::Tag => is_tagged = map.next_value()?,
                Part::Inner => inner = Some(map.next_value()?),
            }
        }
        inner
            .filter(|_| is_tagged)
            .ok_or_else(|| de::Error::custom(format_args!("expected {}", Shown(self.keys))))
    }
}

struct Shown(Keys);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TaggedVisitor::<()>::new(self.0).expecting(f)
    }
}

enum Part {
    Tag,
    Inner,
}

struct PartSeed(Keys);

impl<'de> DeserializeSeed<'de> for PartSeed {
    type Value = Part;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Part, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for PartSeed {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` or `{}`", self.0.0, self.0.1)
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Part, E> {
        match key {
            _ if key == self.0.0 => Ok(Part::Tag),
            _ if key == self.0.1 => Ok(Part::Inner),
            _ => Err(E::custom(format_args!("expected {}, found the key `{key}`", Shown(self.0)))),
        }
    }
}

/// Text that says a `T`, parsed without an allocation in between.
struct Text<T>(T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor<T>(PhantomData<T>);

        impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for TextVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(TextVisitor(PhantomData)).map(Text)
    }
}

macro_rules! as_text {
    ($($type:ident: |$value:ident| $text:expr),+ $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                write::<S, str>(serializer, Tag::$type.keys(), $text)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let visitor = TaggedVisitor::<Text<$type>>::new(Tag::$type.keys());
                deserializer.deserialize_map(visitor).map(|Text(value)| value)
            }
        }
    )+};
}

as_text! {
    Decimal: |number| number.as_str(),
    DateTime: |time| time.as_str(),
    Date: |date| date.as_str(),
    Time: |time| time.as_str(),
    TimeDelta: |delta| &delta.to_string(),
    Uuid: |id| id.0.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()),
}

impl<T: Serialize> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(serializer, Tag::Set.keys(), &self.0)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TaggedVisitor::new(Tag::Set.keys())).map(Set)
    }
}

/// Bytes as themselves, or in the JSON form of values where the format is one for people.
impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return write(serializer, json::BYTES, &json::to_base64(&self.0));
        }
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What serde buffers for `flatten` and `untagged` claims to be for people, yet holds bytes.
        if deserializer.is_human_readable() {
            return deserializer.deserialize_any(BytesVisitor);
        }
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.to_owned()))
    }

    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes(bytes))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Bytes, A::Error> {
        let text: String = TaggedVisitor::new(json::BYTES).visit_map(map)?;
        json::from_base64(&text).map(Bytes).map_err(de::Error::custom)
    }
}
