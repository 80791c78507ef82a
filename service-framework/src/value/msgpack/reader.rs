//! The cursor over MessagePack bytes that everything else stands on.

use crate::value::{DecodeError, Limits};

/// What one step of a [`Reader`] finds: a scalar, or the head of a container whose items follow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'a> {
    /// Nothing.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer that an `i64` holds.
    Int(i64),
    /// An integer beyond `i64::MAX`.
    UInt(u64),
    /// A float; single precision is widened.
    Float(f64),
    /// Text.
    Str(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list of so many items, which follow.
    Array(u32),
    /// A map of so many entries, which follow: key, value, key, value.
    Map(u32),
    /// An extension: its type and its bytes.
    Ext(i8, &'a [u8]),
}

impl Token<'_> {
    /// What it is, in words: `a list`, `text`, ….
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Token::Nil => "nil",
            Token::Bool(_) => "a truth value",
            Token::Int(_) | Token::UInt(_) => "an integer",
            Token::Float(_) => "a float",
            Token::Str(_) => "text",
            Token::Bytes(_) => "bytes",
            Token::Array(_) => "a list",
            Token::Map(_) => "a map",
            Token::Ext(..) => "an extension",
        }
    }

    /// How many values follow as parts of this one; `None` for what is no container.
    fn items(&self) -> Option<u64> {
        match self {
            Token::Array(len) => Some(u64::from(*len)),
            Token::Map(len) => Some(2 * u64::from(*len)),
            _ => None,
        }
    }
}

/// A cursor over MessagePack bytes. Copy it to look ahead.
///
/// After an error its position is of no meaning.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    /// A cursor at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len() }
    }

    /// How many bytes were read.
    #[must_use]
    pub fn position(&self) -> usize {
        self.total - self.rest.len()
    }

    /// The bytes not yet read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all bytes were read.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads the next scalar, or the head of the next container.
    ///
    /// # Errors
    /// The bytes end within it, a length (also a container's) promises more than is left, the text is not UTF-8,
    /// or the byte is 0xc1.
    #[inline]
    pub fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        let [marker] = self.fixed()?;
        match marker {
            0x00..=0x7f => Ok(Token::Int(i64::from(marker))),
            0x80..=0x8f => self.map(u32::from(marker & 0x0f)),
            0x90..=0x9f => self.array(u32::from(marker & 0x0f)),
            0xa0..=0xbf => self.str(usize::from(marker & 0x1f)),
            0xe0..=0xff => Ok(Token::Int(i64::from(i8::from_be_bytes([marker])))),
            _ => self.sized_token(marker),
        }
    }

    /// Reads what follows a marker that does not itself hold the value or the length.
    fn sized_token(&mut self, marker: u8) -> Result<Token<'a>, DecodeError> {
        Ok(match marker {
            0xc0 => Token::Nil,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4..=0xc6 => {
                let len = self.length(marker - 0xc4)?;
                Token::Bytes(self.take(len)?)
            }
            0xc7..=0xc9 => {
                let len = self.length(marker - 0xc7)?;
                return self.ext(len);
            }
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.fixed()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.fixed()?)),
            0xcc => Token::Int(i64::from(u8::from_be_bytes(self.fixed()?))),
            0xcd => Token::Int(i64::from(u16::from_be_bytes(self.fixed()?))),
            0xce => Token::Int(i64::from(u32::from_be_bytes(self.fixed()?))),
            0xcf => unsigned(u64::from_be_bytes(self.fixed()?)),
            0xd0 => Token::Int(i64::from(i8::from_be_bytes(self.fixed()?))),
            0xd1 => Token::Int(i64::from(i16::from_be_bytes(self.fixed()?))),
            0xd2 => Token::Int(i64::from(i32::from_be_bytes(self.fixed()?))),
            0xd3 => Token::Int(i64::from_be_bytes(self.fixed()?)),
            0xd4..=0xd8 => return self.ext(1 << (marker - 0xd4)),
            0xd9..=0xdb => {
                let len = self.length(marker - 0xd9)?;
                return self.str(len);
            }
            0xdc | 0xdd => {
                let len = self.length(marker - 0xdc + 1)?;
                return self.array(len as u32);
            }
            0xde | 0xdf => {
                let len = self.length(marker - 0xde + 1)?;
                return self.map(len as u32);
            }
            _ => return Err(DecodeError::Reserved { at: self.position() - 1 }),
        })
    }

    /// Passes over one whole value.
    ///
    /// # Errors
    /// As [`Reader::token`], or the value is deeper than [`Limits::MAX_DEPTH`].
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        self.skip_within(Limits::MAX_DEPTH, Limits::MAX_DEPTH)
    }

    /// Passes over one whole value and returns its bytes.
    ///
    /// # Errors
    /// As [`Reader::skip`].
    pub fn raw(&mut self) -> Result<&'a [u8], DecodeError> {
        self.raw_within(Limits::MAX_DEPTH, Limits::MAX_DEPTH)
    }

    /// As [`Reader::raw`], where `depth` of `limit` containers may still be opened.
    pub(crate) fn raw_within(&mut self, depth: usize, limit: usize) -> Result<&'a [u8], DecodeError> {
        let before = self.rest;
        self.skip_within(depth, limit)?;
        Ok(&before[..before.len() - self.rest.len()])
    }

    /// As [`Reader::skip`], where `depth` of `limit` containers may still be opened.
    pub(crate) fn skip_within(&mut self, depth: usize, limit: usize) -> Result<(), DecodeError> {
        self.skip_items(1, depth, limit)
    }

    /// Passes over `count` values, in each of which `depth` of `limit` containers may still be opened.
    fn skip_items(&mut self, count: u64, depth: usize, limit: usize) -> Result<(), DecodeError> {
        for _ in 0..count {
            if let Some(rest) = behind_common(self.rest) {
                self.rest = rest;
                continue;
            }
            let at = self.position();
            if let Some(items) = self.token()?.items() {
                let inner = depth.checked_sub(1).ok_or(DecodeError::TooDeep { at, limit })?;
                self.skip_items(items, inner, limit)?;
            }
        }
        Ok(())
    }

    /// Fails when bytes are left.
    pub(crate) fn expect_end(&self) -> Result<(), DecodeError> {
        if self.is_at_end() {
            return Ok(());
        }
        Err(DecodeError::Trailing { at: self.position(), left: self.rest.len() })
    }

    fn array(&self, len: u32) -> Result<Token<'a>, DecodeError> {
        self.expect_left(u64::from(len))?;
        Ok(Token::Array(len))
    }

    fn map(&self, len: u32) -> Result<Token<'a>, DecodeError> {
        self.expect_left(2 * u64::from(len))?;
        Ok(Token::Map(len))
    }

    #[inline]
    fn str(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        let at = self.position();
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::Utf8 { at })?;
        Ok(Token::Str(text))
    }

    fn ext(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        let kind = i8::from_be_bytes(self.fixed()?);
        Ok(Token::Ext(kind, self.take(len)?))
    }

    /// Reads a length of 1, 2 or 4 bytes for `power` 0, 1 or 2.
    fn length(&mut self, power: u8) -> Result<usize, DecodeError> {
        Ok(match power {
            0 => usize::from(u8::from_be_bytes(self.fixed()?)),
            1 => usize::from(u16::from_be_bytes(self.fixed()?)),
            _ => u32::from_be_bytes(self.fixed()?) as usize,
        })
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk().ok_or_else(|| self.truncated(N as u64))?;
        self.rest = rest;
        Ok(*head)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.truncated(len as u64))?;
        self.rest = rest;
        Ok(head)
    }

    /// Each item takes at least one byte, so a container that promises more items than bytes is a lie.
    #[inline]
    fn expect_left(&self, items: u64) -> Result<(), DecodeError> {
        if items > self.rest.len() as u64 {
            return Err(self.truncated(items));
        }
        Ok(())
    }

    #[cold]
    fn truncated(&self, needed: u64) -> DecodeError {
        DecodeError::Truncated { at: self.position(), needed, left: self.rest.len() }
    }
}

/// What follows a first value of the commonest kinds. Most of a message is such, and this is several times faster
/// than reading a token; what is `None` here, errors included, is left to [`Reader::token`].
#[inline]
fn behind_common(bytes: &[u8]) -> Option<&[u8]> {
    let (text, rest) = match bytes {
        [0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff, rest @ ..] => return Some(rest),
        [0xcb, _, _, _, _, _, _, _, _, rest @ ..] => return Some(rest),
        [marker @ 0xa0..=0xbf, rest @ ..] => rest.split_at_checked(usize::from(marker & 0x1f))?,
        [0xd9, len, rest @ ..] => rest.split_at_checked(usize::from(*len))?,
        _ => return None,
    };
    text.is_ascii().then_some(rest)
}

fn unsigned(number: u64) -> Token<'static> {
    i64::try_from(number).map_or(Token::UInt(number), Token::Int)
}
