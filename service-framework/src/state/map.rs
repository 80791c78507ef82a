//! The keys and values of a delta state: a persistent map, so that taking it as it stands costs nothing.

use super::raw::Raw;
use crate::value::DecodeError;
use crate::value::msgpack::{Reader, Token, write};

/// Keys and values, each as the MessagePack it came in. A clone shares everything until one of both changes.
pub(crate) type StateMap = imbl::OrdMap<Raw, Raw>;

const NIL: [u8; 1] = [0xc0];

/// One key of an update: what it is set to, or nothing if it is deleted.
pub(crate) type Entry<'a> = (&'a [u8], Option<&'a [u8]>);

/// Goes through the entries of a MessagePack map.
///
/// # Errors
/// The bytes are no map.
pub(crate) fn entries(bytes: &[u8]) -> Result<Entries<'_>, DecodeError> {
    let mut reader = Reader::new(bytes);
    match reader.token()? {
        Token::Map(left) => Ok(Entries { reader, left }),
        other => {
            Err(DecodeError::Shape(format!("a map of keys and values is expected, {} found", other.kind())))
        }
    }
}

/// See [`entries`].
pub(crate) struct Entries<'a> {
    reader: Reader<'a>,
    left: u32,
}

impl<'a> Entries<'a> {
    fn read(&mut self) -> Result<Entry<'a>, DecodeError> {
        let key = self.reader.raw()?;
        let value = self.reader.raw()?;
        Ok((key, (value != NIL).then_some(value)))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.read();
        if entry.is_err() {
            self.left = 0;
        }
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

/// Sets and deletes the keys of an update.
///
/// # Errors
/// The bytes are no map; the entries before the fault are applied.
pub(crate) fn apply(map: &mut StateMap, changes: &[u8]) -> Result<(), DecodeError> {
    for entry in entries(changes)? {
        let (key, value) = entry?;
        set(map, Raw::key(key), value.map(Raw::from));
    }
    Ok(())
}

/// Sets or deletes one key; whether it was there.
pub(crate) fn set(map: &mut StateMap, key: Raw, value: Option<Raw>) -> bool {
    match value {
        Some(value) => map.insert(key, value).is_some(),
        None => map.remove(&key).is_some(),
    }
}

/// Appends the whole state as a MessagePack map.
pub(crate) fn write_all(map: &StateMap, out: &mut Vec<u8>) {
    write::map(out, map.len());
    for (key, value) in map {
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
}

/// Whether keys and values take more than so many bytes.
pub(crate) fn is_over(map: &StateMap, most: usize) -> bool {
    let mut size = 0;
    map.iter().any(|(key, value)| {
        size += key.len() + value.len();
        size > most
    })
}

/// Appends what leads from one state to the other, as the changes of an update.
pub(crate) fn write_difference(from: &StateMap, to: &StateMap, out: &mut Vec<u8>) {
    use imbl::ordmap::DiffItem;
    let changes: Vec<_> = from
        .diff(to)
        .map(|item| match item {
            DiffItem::Add(key, value) | DiffItem::Update { new: (key, value), .. } => (key, Some(value)),
            DiffItem::Remove(key, _) => (key, None),
        })
        .collect();
    write_changes(changes.into_iter(), out);
}

/// Appends changes as a MessagePack map, nil for what is deleted.
pub(crate) fn write_changes<'a>(
    changes: impl ExactSizeIterator<Item = (&'a Raw, Option<&'a Raw>)>,
    out: &mut Vec<u8>,
) {
    write::map(out, changes.len());
    for (key, value) in changes {
        out.extend_from_slice(key);
        out.extend_from_slice(value.map_or(&NIL[..], |value| value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn map(entries: &[(i64, Option<i64>)]) -> Vec<u8> {
        let value = |value: Option<i64>| value.map_or(Value::Nil, Value::Int);
        Value::Map(entries.iter().map(|(key, of)| (Value::Int(*key), value(*of))).collect()).to_msgpack()
    }

    #[test]
    fn changes_lead_from_one_state_to_the_other() {
        let (mut from, mut to) = (StateMap::new(), StateMap::new());
        apply(&mut from, &map(&[(1, Some(1)), (2, Some(2)), (3, Some(3))])).unwrap();
        apply(&mut to, &map(&[(1, Some(1)), (2, Some(7)), (4, Some(4))])).unwrap();
        let mut changes = Vec::new();
        write_difference(&from, &to, &mut changes);
        assert_eq!(changes, map(&[(2, Some(7)), (3, None), (4, Some(4))]));
        apply(&mut from, &changes).unwrap();
        assert_eq!(from, to);
    }

    #[test]
    fn what_is_no_map_is_refused() {
        assert!(entries(&[0x90]).is_err());
        assert!(apply(&mut StateMap::new(), &[0x81, 1]).is_err());
        assert!(apply(&mut StateMap::new(), &[]).is_err());
    }
}
