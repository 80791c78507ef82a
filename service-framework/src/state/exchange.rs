//! What replica and owner say to each other beside the updates: questions for a snapshot, and the answers.
//!
//! A question is a request `{"args": {}}`, as of an original replica. One of ours carries besides it, where an original
//! owner does not look, `snapshot`: `{}`, `{"have": [epoch, number]}` or `{"next": [token, key]}`. An answer is
//! `{"return_args": {"state": …, "current_num": n}}`, with `epoch` and `snapshot` beside it: `{}` if that is all,
//! `{"next": [token, key]}` if more is to be asked for, `{"last": token}` if nothing more is, `{"since": number}` if it
//! is only what changed since.

use super::raw::Raw;
use crate::value::DecodeError;
use crate::value::msgpack::{Reader, Token, int, write};

/// What a replica asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question<'a> {
    /// Everything in one answer: an original replica.
    Everything,
    /// Everything, in parts.
    Parts,
    /// What changed since this update; everything, in parts, if that is not known.
    Since {
        /// The owner's life.
        epoch: u64,
        /// The last update that the replica has.
        number: i64,
    },
    /// The part behind a key of a snapshot that was begun.
    Next {
        /// Which snapshot.
        token: u64,
        /// The last key of the part before.
        after: &'a [u8],
    },
}

/// What an owner answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The owner's life; an original owner says nothing of it, and then `number` means nothing.
    pub(crate) epoch: Option<u64>,
    /// The last update that `state` has.
    pub(crate) number: i64,
    pub(crate) kind: Kind,
    /// Keys and values as a MessagePack map.
    pub(crate) state: Vec<u8>,
}

/// How much of the state an answer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// All of it.
    Complete,
    /// A part, which does not reach behind the key.
    Part {
        /// Which snapshot.
        token: u64,
        /// The last key of this part.
        after: Raw,
    },
    /// The last part of this snapshot.
    Last(u64),
    /// What changed since this update.
    Since(i64),
}

impl<'a> Question<'a> {
    /// Reads what stands under `snapshot` in a request; what is not understood asks for everything.
    pub(crate) fn read(snapshot: Option<&'a [u8]>) -> Self {
        let Some(snapshot) = snapshot else { return Self::Everything };
        read_entry(snapshot).ok().flatten().map_or(Self::Parts, |entry| match entry {
            ("have", Entry::Pair(epoch, number)) => {
                int(number).map_or(Self::Parts, |number| Self::Since { epoch, number })
            }
            ("next", Entry::Pair(token, after)) => Self::Next { token, after },
            _ => Self::Parts,
        })
    }

    /// Writes what stands under `snapshot`; `None` if nothing does.
    pub(crate) fn write(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::Everything => return None,
            Self::Parts => write::map(&mut out, 0),
            Self::Since { epoch, number } => {
                write_pair(&mut out, "have", *epoch, |out| write::int(out, *number))
            }
            Self::Next { token, after } => {
                write_pair(&mut out, "next", *token, |out| out.extend_from_slice(after));
            }
        }
        Some(out)
    }
}

impl Kind {
    /// Reads what stands under `snapshot` in a reply.
    pub(crate) fn read(snapshot: Option<&[u8]>) -> Self {
        match snapshot.and_then(|snapshot| read_entry(snapshot).ok().flatten()) {
            Some(("next", Entry::Pair(token, after))) => Self::Part { token, after: after.into() },
            Some(("last", Entry::One(token))) => {
                int(token).and_then(|token| u64::try_from(token).ok()).map_or(Self::Complete, Self::Last)
            }
            Some(("since", Entry::One(number))) => int(number).map_or(Self::Complete, Self::Since),
            _ => Self::Complete,
        }
    }

    /// Writes what stands under `snapshot`.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Complete => write::map(&mut out, 0),
            Self::Part { token, after } => {
                write_pair(&mut out, "next", *token, |out| out.extend_from_slice(after));
            }
            Self::Last(token) => {
                write::map(&mut out, 1);
                write::str(&mut out, "last");
                write::uint(&mut out, *token);
            }
            Self::Since(number) => {
                write::map(&mut out, 1);
                write::str(&mut out, "since");
                write::int(&mut out, *number);
            }
        }
        out
    }
}

fn write_pair(out: &mut Vec<u8>, key: &str, number: u64, second: impl FnOnce(&mut Vec<u8>)) {
    write::map(out, 1);
    write::str(out, key);
    write::array(out, 2);
    write::uint(out, number);
    second(out);
}

enum Entry<'a> {
    One(&'a [u8]),
    Pair(u64, &'a [u8]),
}

/// The first entry of a map, if there is one: a value, or a list of a number and a value.
fn read_entry(bytes: &[u8]) -> Result<Option<(&str, Entry<'_>)>, DecodeError> {
    let mut reader = Reader::new(bytes);
    if !matches!(reader.token()?, Token::Map(1..)) {
        return Ok(None);
    }
    let Token::Str(key) = reader.token()? else { return Ok(None) };
    let mut inside = reader;
    if inside.token()? != Token::Array(2) {
        return Ok(Some((key, Entry::One(reader.raw()?))));
    }
    let number = match inside.token()? {
        Token::Int(number) => u64::try_from(number).ok(),
        Token::UInt(number) => Some(number),
        _ => None,
    };
    let second = inside.raw()?;
    Ok(number.map(|number| (key, Entry::Pair(number, second))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_come_as_they_were_asked() {
        let after = [0xa1, b'k'];
        let questions = [
            Question::Everything,
            Question::Parts,
            Question::Since { epoch: u64::MAX, number: -1 },
            Question::Next { token: 3, after: &after },
        ];
        for question in questions {
            assert_eq!(Question::read(question.write().as_deref()), question);
        }
    }

    #[test]
    fn answers_come_as_they_were_given() {
        let kinds = [
            Kind::Complete,
            Kind::Since(-1),
            Kind::Last(7),
            Kind::Part { token: 9, after: (&[0xa0][..]).into() },
        ];
        for kind in kinds {
            assert_eq!(Kind::read(Some(&kind.write())), kind);
        }
        assert_eq!(Kind::read(None), Kind::Complete);
    }

    #[test]
    fn what_is_not_understood_asks_for_all() {
        for bytes in [&[0xc0][..], &[0x81, 1, 2], &[0x81, 0xa4, b'h', b'a', b'v', b'e', 5], &[], &[0x81]] {
            assert_eq!(Question::read(Some(bytes)), Question::Parts, "{bytes:?}");
            assert_eq!(Kind::read(Some(bytes)), Kind::Complete, "{bytes:?}");
        }
    }
}
