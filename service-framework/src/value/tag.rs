//! Tags: the maps of two entries by which MessagePack carries what it has no type for.

use std::collections::HashMap;

use super::msgpack::{Reader, Token};
use super::{Date, DateTime, Decimal, DecodeError, Time, TimeDelta, Uuid, Value};

/// What a tagged map means.
///
/// Such a map has exactly two entries, in any order: the tag, `true`; and what it tags. A map in which anything
/// else stands, or whose text is not what the tag says, is a map like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// A [`Decimal`] as text.
    Decimal,
    /// A [`Uuid`] as text.
    Uuid,
    /// A [`DateTime`] as text.
    DateTime,
    /// A [`Date`] as text.
    Date,
    /// A [`Time`] as text.
    Time,
    /// A [`TimeDelta`] as text.
    TimeDelta,
    /// A set as a list.
    Set,
    /// A numpy array as bytes.
    NdArray,
}

impl Tag {
    const ALL: [Tag; 8] = [
        Tag::Decimal,
        Tag::Uuid,
        Tag::DateTime,
        Tag::Date,
        Tag::Time,
        Tag::TimeDelta,
        Tag::Set,
        Tag::NdArray,
    ];

    /// The key of the entry that says what the map means.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Tag::Decimal => "__decimal__",
            Tag::Uuid => "__uuid__",
            Tag::DateTime => "__datetime__",
            Tag::Date => "__date__",
            Tag::Time => "__time__",
            Tag::TimeDelta => "__timedelta__",
            Tag::Set => "__set__",
            Tag::NdArray => "__numpy.ndarray__",
        }
    }

    /// The key of the entry that holds the value.
    #[must_use]
    pub fn value_key(self) -> &'static str {
        match self {
            Tag::Set => "value",
            Tag::NdArray => "as_bytes",
            _ => "as_str",
        }
    }

    /// The tag with this key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Tag> {
        // Nearly every key is none, and its first two characters tell.
        if !key.starts_with("__") {
            return None;
        }
        Tag::ALL.into_iter().find(|tag| tag.key() == key)
    }

    /// Whether `key` stands in any tagged map.
    fn has_key(key: &str) -> bool {
        matches!(key, "as_str" | "value" | "as_bytes") || Tag::from_key(key).is_some()
    }

    /// The value that `inner` means under this tag; `inner` itself if it cannot.
    pub(super) fn apply(self, inner: Value) -> Result<Value, Value> {
        match (self, inner) {
            (Tag::Set, Value::List(items)) => Ok(Value::Set(items)),
            (Tag::NdArray, Value::Bytes(bytes)) => Ok(Value::NdArray(bytes)),
            (_, Value::Str(text)) => self.parse(&text).ok_or(Value::Str(text)),
            (_, inner) => Err(inner),
        }
    }

    fn parse(self, text: &str) -> Option<Value> {
        match self {
            Tag::Decimal => text.parse::<Decimal>().ok().map(Value::Decimal),
            Tag::Uuid => text.parse::<Uuid>().ok().map(Value::Uuid),
            Tag::DateTime => text.parse::<DateTime>().ok().map(Value::DateTime),
            Tag::Date => text.parse::<Date>().ok().map(Value::Date),
            Tag::Time => text.parse::<Time>().ok().map(Value::Time),
            Tag::TimeDelta => text.parse::<TimeDelta>().ok().map(Value::TimeDelta),
            Tag::Set | Tag::NdArray => None,
        }
    }

    /// Whether `text` is what the tag says.
    fn allows(self, text: &str) -> bool {
        match self {
            Tag::Decimal => Decimal::is_valid(text),
            Tag::Uuid => text.parse::<Uuid>().is_ok(),
            Tag::DateTime => DateTime::is_valid(text),
            Tag::Date => Date::is_valid(text),
            Tag::Time => Time::is_valid(text),
            Tag::TimeDelta => text.parse::<TimeDelta>().is_ok(),
            Tag::Set | Tag::NdArray => false,
        }
    }
}

/// A tagged map within MessagePack bytes, its text already known to be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tagged<'a> {
    /// One of the tags that hold text, and the text.
    Text(Tag, &'a str),
    /// The list that holds the items, as it stands in the bytes.
    Set(&'a [u8]),
    /// The bytes of a numpy array.
    NdArray(&'a [u8]),
}

impl<'a> Reader<'a> {
    /// Reads a whole tagged map, if the next value is one; otherwise stays where it is.
    ///
    /// # Errors
    /// As [`Reader::skip`], when the next value is a map of two entries.
    pub fn tagged(&mut self) -> Result<Option<Tagged<'a>>, DecodeError> {
        let mut ahead = *self;
        if ahead.token()? != Token::Map(2) {
            return Ok(None);
        }
        let key = ahead.raw()?;
        if !text(key).is_some_and(Tag::has_key) {
            return Ok(None);
        }
        let (first, second) = ((key, ahead.raw()?), (ahead.raw()?, ahead.raw()?));
        let found = recognise(first, second).or_else(|| recognise(second, first));
        if found.is_some() {
            *self = ahead;
        }
        Ok(found)
    }
}

/// What `tagged` holds, if `tag` is an entry that says so. All four are whole values.
fn recognise<'a>(tag: (&'a [u8], &'a [u8]), tagged: (&'a [u8], &'a [u8])) -> Option<Tagged<'a>> {
    let found = Tag::from_key(text(tag.0)?)?;
    if tag.1 != [0xc3] || text(tagged.0)? != found.value_key() {
        return None;
    }
    match (found, Reader::new(tagged.1).token().ok()?) {
        (Tag::Set, Token::Array(_)) => Some(Tagged::Set(tagged.1)),
        (Tag::NdArray, Token::Bytes(bytes)) => Some(Tagged::NdArray(bytes)),
        (_, Token::Str(text)) if found.allows(text) => Some(Tagged::Text(found, text)),
        _ => None,
    }
}

fn text(raw: &[u8]) -> Option<&str> {
    match Reader::new(raw).token() {
        Ok(Token::Str(text)) => Some(text),
        _ => None,
    }
}

/// The value that the entries of a map mean: a tagged value, or a map in which each key stands once.
pub(super) fn from_entries(entries: Vec<(Value, Value)>) -> Value {
    match <[(Value, Value); 2]>::try_from(entries) {
        Ok(entries) => from_two(entries),
        Err(entries) => Value::Map(last_of_each(entries)),
    }
}

fn from_two([first, second]: [(Value, Value); 2]) -> Value {
    if let Some(tag) = tag_of(&first, &second) {
        let (key, inner) = second;
        return tag.apply(inner).unwrap_or_else(|inner| Value::Map(vec![first, (key, inner)]));
    }
    if let Some(tag) = tag_of(&second, &first) {
        let (key, inner) = first;
        return tag.apply(inner).unwrap_or_else(|inner| Value::Map(vec![(key, inner), second]));
    }
    Value::Map(last_of_each(vec![first, second]))
}

/// The tag that `tag` puts on `tagged`, going by their keys.
fn tag_of(tag: &(Value, Value), tagged: &(Value, Value)) -> Option<Tag> {
    let found = Tag::from_key(tag.0.as_str()?)?;
    (tag.1 == Value::Bool(true) && tagged.0.as_str() == Some(found.value_key())).then_some(found)
}

/// So many keys are sooner compared with each other than hashed.
const FEW: usize = 8;

/// Keeps the last value of each key, at the place where the key first stood.
fn last_of_each(entries: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    if are_few_and_distinct(&entries) {
        return entries;
    }
    let mut kept: Vec<(Value, Value)> = Vec::with_capacity(entries.len());
    for (place, entry) in new_places(&entries).into_iter().zip(entries) {
        match kept.get_mut(place) {
            Some(first) => first.1 = entry.1,
            None => kept.push(entry),
        }
    }
    kept
}

fn are_few_and_distinct(entries: &[(Value, Value)]) -> bool {
    entries.len() <= FEW
        && entries
            .iter()
            .enumerate()
            .all(|(at, (key, _))| entries[..at].iter().all(|(other, _)| Key::of(other) != Key::of(key)))
}

/// For each entry the place it gets when each key is kept once.
fn new_places(entries: &[(Value, Value)]) -> Vec<usize> {
    let mut places = HashMap::with_capacity(entries.len());
    entries
        .iter()
        .map(|(key, _)| {
            let next = places.len();
            *places.entry(Key::of(key)).or_insert(next)
        })
        .collect()
}

/// What makes two keys of a map the same: their bytes, looked at only where no shorter way leads.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Text(&'a str),
    Int(i64),
    Other(Vec<u8>),
}

impl<'a> Key<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Str(text) => Key::Text(text),
            Value::Int(number) => Key::Int(*number),
            other => Key::Other(other.to_msgpack()),
        }
    }
}
