//! Values as the MessagePack they came in: cheap to clone, short ones without memory of their own.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::value::Value;

/// The longest value that is kept in place; with it a [`Raw`] is as large as a `String`.
const MOST_INLINE: usize = 22;

/// One MessagePack value as bytes. Ordered and compared as those.
#[derive(Clone)]
pub(crate) struct Raw(Bytes);

#[derive(Clone)]
enum Bytes {
    Inline(u8, [u8; MOST_INLINE]),
    Shared(Arc<[u8]>),
}

impl Raw {
    /// The value in these bytes as a key, in the smallest form of its kind: some senders write 1 in eight bytes.
    pub(crate) fn key(bytes: &[u8]) -> Self {
        match bytes {
            // Short texts and small numbers have one form only.
            [0x00..=0x7f | 0xa0..=0xbf | 0xe0..=0xff, ..] => bytes.into(),
            _ => Self::smallest(bytes).unwrap_or_else(|| bytes.into()),
        }
    }

    fn smallest(bytes: &[u8]) -> Option<Self> {
        let mut small = Vec::with_capacity(bytes.len());
        Value::from_msgpack(bytes).ok()?.write(&mut small);
        Some(small.as_slice().into())
    }
}

impl From<&[u8]> for Raw {
    fn from(bytes: &[u8]) -> Self {
        let mut inline = [0; MOST_INLINE];
        Self(match inline.get_mut(..bytes.len()) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Bytes::Inline(bytes.len() as u8, inline)
            }
            None => Bytes::Shared(bytes.into()),
        })
    }
}

impl Deref for Raw {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Bytes::Shared(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for Raw {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Raw {}

impl PartialOrd for Raw {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Raw {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(other)
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Value::from_msgpack(self) {
            Ok(value) => value.fmt(f),
            Err(_) => (**self).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_stay_in_place_and_all_keep_their_bytes() {
        assert_eq!(size_of::<Raw>(), 24);
        for len in 0..100 {
            let bytes = vec![7; len];
            let raw = Raw::from(&bytes[..]);
            assert_eq!(&*raw, &bytes[..]);
            assert_eq!(matches!(raw.0, Bytes::Inline(..)), len <= MOST_INLINE);
        }
    }

    #[test]
    fn a_key_is_the_same_however_wide_its_sender_wrote_it() {
        let wide: [&[u8]; 3] = [&[0xcc, 1], &[0xd1, 0, 1], &[0xd3, 0, 0, 0, 0, 0, 0, 0, 1]];
        assert!(wide.into_iter().all(|bytes| *Raw::key(bytes) == [1]));
        assert_eq!(&*Raw::key(&[0xd9, 1, b'k']), [0xa1, b'k']);
    }
}
