//! [`Value`] to MessagePack and back.

use super::{Reader, Token, check_length, write};
use crate::value::tag::{self, Tag};
use crate::value::{DecodeError, Limits, Value};

impl Value {
    /// The bytes of this value, the same that Python's `msgpack` writes for it.
    #[must_use]
    pub fn to_msgpack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    /// Appends the bytes of this value.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Nil => write::nil(out),
            Value::Bool(truth) => write::bool(out, *truth),
            Value::Int(number) => write::int(out, *number),
            Value::UInt(number) => write::uint(out, *number),
            Value::Float(number) => write::float(out, *number),
            Value::Str(text) => write::str(out, text),
            Value::Bytes(bytes) => write::bytes(out, bytes),
            Value::List(items) => write_list(out, items),
            Value::Map(entries) => write_map(out, entries),
            Value::Ext(kind, bytes) => write::ext(out, *kind, bytes),
            Value::Decimal(number) => write_text(out, Tag::Decimal, number.as_str()),
            Value::Uuid(id) => id.write(out),
            Value::DateTime(time) => write_text(out, Tag::DateTime, time.as_str()),
            Value::Date(date) => write_text(out, Tag::Date, date.as_str()),
            Value::Time(time) => write_text(out, Tag::Time, time.as_str()),
            Value::TimeDelta(delta) => write_text(out, Tag::TimeDelta, &delta.to_string()),
            Value::Set(items) => {
                write_tag(out, Tag::Set);
                write_list(out, items);
            }
            Value::NdArray(bytes) => {
                write_tag(out, Tag::NdArray);
                write::bytes(out, bytes);
            }
        }
    }

    /// Reads exactly one value, within the default [`Limits`].
    ///
    /// A tagged map becomes the value it means, a malformed one stays a map. Of entries with equal keys the last
    /// one's value is kept at the first one's place, as Python does.
    ///
    /// # Errors
    /// As [`super::check_whole`].
    pub fn from_msgpack(bytes: &[u8]) -> Result<Value, DecodeError> {
        let limits = Limits::default();
        check_length(bytes, &limits)?;
        let mut reader = Reader::new(bytes);
        let value = read(&mut reader, limits.effective_depth())?;
        reader.expect_end()?;
        Ok(value)
    }
}

fn write_list(out: &mut Vec<u8>, items: &[Value]) {
    write::array(out, items.len());
    items.iter().for_each(|item| item.write(out));
}

fn write_map(out: &mut Vec<u8>, entries: &[(Value, Value)]) {
    write::map(out, entries.len());
    for (key, value) in entries {
        key.write(out);
        value.write(out);
    }
}

/// Appends a tagged map up to where its value stands.
pub(crate) fn write_tag(out: &mut Vec<u8>, tag: Tag) {
    write::map(out, 2);
    write::str(out, tag.key());
    write::bool(out, true);
    write::str(out, tag.value_key());
}

/// Appends a whole tagged map around `text`.
pub(crate) fn write_text(out: &mut Vec<u8>, tag: Tag, text: &str) {
    write_tag(out, tag);
    write::str(out, text);
}

/// Reads one value that may open `depth` more containers.
fn read(reader: &mut Reader<'_>, depth: usize) -> Result<Value, DecodeError> {
    let at = reader.position();
    Ok(match reader.token()? {
        Token::Nil => Value::Nil,
        Token::Bool(truth) => Value::Bool(truth),
        Token::Int(number) => Value::Int(number),
        Token::UInt(number) => Value::UInt(number),
        Token::Float(number) => Value::Float(number),
        Token::Str(text) => Value::Str(text.to_owned()),
        Token::Bytes(bytes) => Value::Bytes(bytes.to_owned()),
        Token::Ext(kind, bytes) => Value::Ext(kind, bytes.to_owned()),
        Token::Array(len) => Value::List(read_list(reader, len, open(depth, at)?)?),
        Token::Map(len) => tag::from_entries(read_entries(reader, len, open(depth, at)?)?),
    })
}

/// The depth left within a container that begins at byte `at`.
fn open(depth: usize, at: usize) -> Result<usize, DecodeError> {
    depth.checked_sub(1).ok_or(DecodeError::TooDeep { at, limit: Limits::MAX_DEPTH })
}

fn read_list(reader: &mut Reader<'_>, len: u32, depth: usize) -> Result<Vec<Value>, DecodeError> {
    let mut items = reserve(reader, len);
    for _ in 0..len {
        items.push(read(reader, depth)?);
    }
    Ok(items)
}

fn read_entries(reader: &mut Reader<'_>, len: u32, depth: usize) -> Result<Vec<(Value, Value)>, DecodeError> {
    let mut entries = reserve(reader, len);
    for _ in 0..len {
        let key = read(reader, depth)?;
        entries.push((key, read(reader, depth)?));
    }
    Ok(entries)
}

/// Room for `len` items, but for no more memory than there are bytes left: a hostile length costs nothing.
fn reserve<T>(reader: &Reader<'_>, len: u32) -> Vec<T> {
    Vec::with_capacity((len as usize).min(reader.rest().len() / size_of::<T>()))
}
