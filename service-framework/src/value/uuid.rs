//! UUIDs.

use std::fmt;
use std::str::FromStr;

use super::InvalidText;

/// How the bytes of every UUID begin as the originals write it; its 36 characters follow. Each request carries
/// one, so these bytes are not put together anew.
const HEAD: &[u8] = b"\x82\xa8__uuid__\xc3\xa6as_str\xd9\x24";

/// A UUID, written with hyphens and in lower case whatever it came as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub uuid::Uuid);

impl Uuid {
    /// A random one (version 4).
    #[must_use]
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }

    /// Appends the tagged map, without any allocation of its own.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let mut text = uuid::Uuid::encode_buffer();
        out.extend_from_slice(HEAD);
        out.extend_from_slice(self.0.hyphenated().encode_lower(&mut text).as_bytes());
    }

    /// Reads a whole tagged map that the originals or we have written; others are left to
    /// [`super::msgpack::Reader::tagged`].
    pub(crate) fn from_usual(raw: &[u8]) -> Option<Self> {
        uuid::Uuid::try_parse_ascii(raw.strip_prefix(HEAD)?).ok().map(Self)
    }
}

impl FromStr for Uuid {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        const EXPECTED: &str = "a UUID such as 12345678-1234-5678-1234-567812345678";
        text.parse().map(Self).map_err(|_| InvalidText::new(EXPECTED, text))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<uuid::Uuid> for Uuid {
    fn from(id: uuid::Uuid) -> Self {
        Self(id)
    }
}

#[cfg(test)]
mod tests {
    use super::Uuid;
    use crate::value::{Tag, Value, vectors};

    #[test]
    fn the_usual_bytes_are_those_of_the_original() {
        let id: Uuid = "12345678-1234-5678-1234-567812345678".parse().unwrap();
        let original = vectors::payload("value_uuid");
        assert_eq!(Value::Uuid(id).to_msgpack(), original);
        assert_eq!(Uuid::from_usual(&original), Some(id));
        assert_eq!(Uuid::from_usual(&original[..40]), None);
    }

    #[test]
    fn other_spellings_are_read_and_written_as_the_usual_one() {
        let id: Uuid = "{12345678-ABCD-5678-1234-567812345678}".parse().unwrap();
        assert_eq!(id.to_string(), "12345678-abcd-5678-1234-567812345678");
        let simple = [
            (Tag::Uuid.key(), Value::from(true)),
            ("as_str", Value::from("12345678abcd56781234567812345678")),
        ];
        assert_eq!(Value::from_msgpack(&Value::from(simple).to_msgpack()), Ok(Value::Uuid(id)));
        let error = "1234".parse::<Uuid>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a UUID such as 12345678-1234-5678-1234-567812345678, found `1234`"
        );
    }
}
