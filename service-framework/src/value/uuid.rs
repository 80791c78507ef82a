//! UUIDs.

use std::fmt;
use std::str::FromStr;

use super::msgpack::write_text;
use super::{InvalidText, Tag};

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
        write_text(out, Tag::Uuid, self.0.hyphenated().encode_lower(&mut text));
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
