//! MessagePack: a cursor over untrusted bytes, and the few writers that the rest is built from.
//!
//! Reading never allocates, never trusts a length beyond the bytes that are there, and never goes deeper than
//! [`super::Limits::MAX_DEPTH`]. Writing takes the smallest form of every integer and length and double precision
//! for floats, which is what Python's `msgpack` writes.

mod reader;
mod value;
pub(crate) mod write;

pub use reader::{Reader, Token};
pub(crate) use value::{write_tag, write_text};

use super::{DecodeError, Limits};

/// Checks that `bytes` are exactly one well-formed value, with UTF-8 texts, within `limits`.
///
/// # Errors
/// What is wrong first, and at which byte.
pub fn check_whole(bytes: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    check_length(bytes, limits)?;
    let mut reader = Reader::new(bytes);
    reader.skip_within(limits.effective_depth(), limits.effective_depth())?;
    reader.expect_end()
}

/// The whole number that a value is, if it is one that fits.
pub(crate) fn int(raw: &[u8]) -> Option<i64> {
    match Reader::new(raw).token() {
        Ok(Token::Int(number)) => Some(number),
        _ => None,
    }
}

/// Checks the length alone.
pub(crate) fn check_length(bytes: &[u8], limits: &Limits) -> Result<(), DecodeError> {
    if bytes.len() > limits.bytes {
        return Err(DecodeError::TooLong { bytes: bytes.len(), limit: limits.bytes });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
